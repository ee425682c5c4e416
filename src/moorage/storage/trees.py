"""Download trees as folders: made out of Globus's reach, moved into the collection when complete, taken away again.

Every move is one rename and may be repeated. Which tree is where is decided in `transfers.downloads`.
"""

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from moorage.storage.folders import OpenFolders
from moorage.storage.layout import StoreLayout
from moorage.storage.links import added, sum_of
from moorage.storage.removal import remove_tree
from moorage.storage.sync import sync_around, sync_folder


@dataclass(frozen=True)
class DownloadTrees:
    """The download trees of one store."""

    layout: StoreLayout

    def served_path(self, name: str) -> Path:
        """Where a tree lies while Globus can reach it."""
        return self.layout.collection / name

    def apart_path(self, name: str) -> Path:
        """Where a tree lies while it is built or taken away."""
        return self.layout.trees / name

    def begin(self, name: str) -> Path:
        """The folder to build a tree in, with what an earlier try has left."""
        self._take_apart(name)
        path = self.apart_path(name)
        path.mkdir(mode=0o755, exist_ok=True)
        return path

    def serve(self, name: str) -> None:
        """Put a complete tree on disk, then where Globus can reach it."""
        apart, served = self.apart_path(name), self.served_path(name)
        # Its links are on disk before its name is: after a power cut it is whole, or not there.
        sync_around(apart)
        apart.rename(served)
        sync_folder(self.layout.collection)
        sync_folder(self.layout.trees)

    def withdraw(self, name: str) -> Path:
        """Move a tree out of Globus's reach, wherever it is; where it lies now, if it is there at all."""
        self._take_apart(name)
        return self.apart_path(name)

    def remove(self, name: str) -> None:
        """Remove a tree for good; harmless when it is gone. Objects keep their own names."""
        self.withdraw(name)
        remove_tree(self.apart_path(name))

    def served_names(self) -> list[str]:
        """Every name in the collection."""
        return sorted(os.listdir(self.layout.collection))

    def apart_names(self) -> list[str]:
        """Every name among the trees that are built or taken away."""
        return sorted(os.listdir(self.layout.trees))

    def _take_apart(self, name: str) -> None:
        served, apart = self.served_path(name), self.apart_path(name)
        if not os.path.lexists(served):
            return
        # One that is half removed, or half built, gives way to the one that was served.
        remove_tree(apart)
        served.rename(apart)
        sync_folder(self.layout.collection)
        sync_folder(self.layout.trees)


def sum_of_trees(paths: Iterable[Path]) -> int:
    """The sum over all files at or below these paths (see `links.sum_of`): the same only if none was touched, added
    or taken away. What is not there adds nothing. Runs in an executor's process.
    """
    total = 0
    for path in paths:
        try:
            status = path.lstat()
            total += _sum_below(path) if stat.S_ISDIR(status.st_mode) else sum_of(status)
        except FileNotFoundError:
            continue
    return added(0, total)


def _sum_below(path: Path) -> int:
    total, waiting = 0, [b""]
    with OpenFolders(path) as folders:
        while waiting:
            folder = waiting.pop()
            with os.scandir(folders.at(folder)) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        name = os.fsencode(entry.name)
                        waiting.append(folder + b"/" + name if folder else name)
                    else:
                        total += sum_of(entry.stat(follow_symlinks=False))
    return total
