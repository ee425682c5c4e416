"""Download trees as folders: made out of Globus's reach, moved into the collection when complete, taken away again.

Every move is one rename and may be repeated. Which tree is where is decided in `transfers.downloads`.
"""

import os
import secrets
import stat
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from moorage.storage.folders import OpenFolders
from moorage.storage.layout import StoreLayout
from moorage.storage.links import added, sum_of
from moorage.storage.removal import remove_tree
from moorage.storage.sync import sync_folder


@dataclass(frozen=True)
class DownloadTrees:
    """The download trees of one store. Each try to build one has a folder of its own, named by its fence, so that a
    worker that was overtaken and wakes up late finds nothing to spoil.
    """

    layout: StoreLayout

    def served_path(self, name: str) -> Path:
        """Where a tree lies while Globus can reach it."""
        return self.layout.collection / name

    def begin(self, name: str, fence: int) -> Path:
        """The folder for a try to build a tree, with the links that the one before it has made."""
        path = self.layout.trees / f"{name}.{fence}"
        for former in self._apart(name):
            # What was served has been where others could reach it: nothing is made of it.
            if former.suffix.removeprefix(".").isdigit() and not path.exists():
                with suppress(FileNotFoundError):
                    former.rename(path)
            elif former != path:
                remove_tree(former)
        path.mkdir(mode=0o755, exist_ok=True)
        return path

    def serve(self, name: str, apart: Path) -> None:
        """Move a complete tree, which is on disk, to where Globus can reach it. What was there before is removed."""
        served, former = self.served_path(name), apart.with_name(f"{apart.name}.former")
        with suppress(FileNotFoundError):
            served.rename(former)
        apart.rename(served)
        sync_folder(self.layout.collection)
        sync_folder(self.layout.trees)
        remove_tree(former)

    def withdraw(self, name: str) -> list[Path]:
        """Move a tree out of Globus's reach, and return all folders that there are of it now."""
        with suppress(FileNotFoundError):
            self.served_path(name).rename(self.layout.trees / f"{name}.{secrets.token_hex(4)}.leaving")
            sync_folder(self.layout.collection)
            sync_folder(self.layout.trees)
        return self._apart(name)

    def remove(self, name: str) -> None:
        """Remove a tree for good; harmless when it is gone. Objects keep their own names."""
        for folder in self.withdraw(name):
            remove_tree(folder)

    def _apart(self, name: str) -> list[Path]:
        return [self.layout.trees / one for one in sorted(os.listdir(self.layout.trees)) if one.startswith(f"{name}.")]


def sum_of_tree(tree: Path, parts: Iterable[Path]) -> int:
    """The sum over all files at or below these parts of a tree (see `links.sum_of`): the same only if none was touched,
    moved, added or taken away. What is not there adds nothing. Runs in an executor's process.
    """
    total = 0
    for part in parts:
        try:
            status, path = part.lstat(), b"" if part == tree else os.fsencode(part.relative_to(tree))
            total += _sum_below(part, path) if stat.S_ISDIR(status.st_mode) else sum_of(path, status)
        except FileNotFoundError:
            continue
    return added(0, total)


def _sum_below(top: Path, path: bytes) -> int:
    total, waiting, start = 0, [b""], path + b"/" if path else b""
    with OpenFolders(top) as folders:
        while waiting:
            folder = waiting.pop()
            prefix = folder + b"/" if folder else b""
            with os.scandir(folders.at(folder)) as entries:
                for entry in entries:
                    below = prefix + os.fsencode(entry.name)
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(below)
                    else:
                        total += sum_of(start + below, entry.stat(follow_symlinks=False))
    return total
