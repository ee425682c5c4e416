"""Download trees as folders: made out of Globus's reach, moved into the collection when complete, taken away again.

Every move is one rename and may be repeated. Which tree is where is decided in `transfers.downloads`.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from moorage.storage.layout import StoreLayout
from moorage.storage.links import added
from moorage.storage.removal import remove_tree
from moorage.storage.sync import sync_file_system, sync_folder
from moorage.storage.walk import FoundKind, walk


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
        descriptor = os.open(apart, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            # Its links are on disk before its name is: after a power cut it is whole, or not there.
            sync_file_system(descriptor)
        finally:
            os.close(descriptor)
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


def sum_of_tree(path: Path) -> int:
    """The sum over the files of a tree (see `links.sum_of`): the same only if none was touched, added or taken away.

    A tree that is not there has the sum 0.
    """
    total = 0
    try:
        for found in walk(path):
            if found.kind is FoundKind.FILE:
                total = added(total, hash((found.inode, found.size_bytes, found.modified_ns)))
            elif found.kind is not FoundKind.DIRECTORY:
                total = added(total, 1)
    except FileNotFoundError:
        return 0
    return total
