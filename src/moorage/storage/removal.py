"""Removing a tree for good, however deep it is and whatever modes its folders have."""

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from moorage.storage.folders import OpenFolders, split_path

_MOST_LEVELS: Final = 4


def remove_tree(path: Path) -> None:
    """Remove a file or a whole folder; nothing is followed, and what is gone already is no error.

    Raises:
        OSError: something cannot be removed. Everything else is gone; call it again later.
    """
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(status.st_mode):
        path.unlink(missing_ok=True)
        return
    with suppress(PermissionError):  # another account's: it may let us in all the same
        path.chmod(0o700)
    with OpenFolders(path) as folders:
        removal = _Removal(folders)
        removal.empty()
    if removal.failure is not None:
        raise removal.failure
    path.rmdir()


def remove_trees(paths: Iterable[Path]) -> None:
    """Remove several, in a process of an executor."""
    for path in paths:
        remove_tree(path)


def parts_of(path: Path, *, most: int) -> list[list[Path]]:
    """What a folder holds, dealt into at most so many parts that can be removed side by side; then the rest goes.

    Where a folder holds nothing but another, it is the other's.
    """
    names: list[Path] = []
    # Not down to the end of a long chain, where no path leads to.
    for _ in range(_MOST_LEVELS):
        if not path.is_dir() or path.is_symlink():
            break
        names = [path / name for name in os.listdir(path)]
        if len(names) != 1:
            break
        path = names[0]
    return [names[start::most] for start in range(min(most, len(names)))]


@dataclass
class _Removal:
    """Removes what is below a folder. What stays does not keep the rest from going; its first `failure` is kept."""

    folders: OpenFolders
    failure: OSError | None = None

    def empty(self) -> None:
        """Remove everything, folders after what they hold."""
        waiting = [(name, False) for name in self._empty_of_files(b"")]
        while waiting:
            folder, is_empty = waiting.pop()
            if is_empty:
                self._remove_folder(folder)
            else:
                waiting.append((folder, True))
                waiting.extend((below, False) for below in self._empty_of_files(folder))

    def _empty_of_files(self, folder: bytes) -> list[bytes]:
        """Unlink the files of one folder, and return the folders in it."""
        prefix = folder + b"/" if folder else b""
        below = list[bytes]()
        try:
            descriptor = self.folders.at(folder)
            with os.scandir(descriptor) as entries:
                for entry in entries:
                    try:
                        if _remove_or_open(entry, descriptor):
                            below.append(prefix + os.fsencode(entry.name))
                    except OSError as error:
                        self._note(error)
        except OSError as error:
            self._note(error)
        return below

    def _remove_folder(self, folder: bytes) -> None:
        parent, name = split_path(folder)
        try:
            os.rmdir(name, dir_fd=self.folders.at(parent))
        except OSError as error:
            self._note(error)

    def _note(self, error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            self.failure = self.failure or error


def _remove_or_open(entry: os.DirEntry[str], parent: int) -> bool:
    """Unlink what is not a folder. True: it is one, and ours to look into."""
    if not entry.is_dir(follow_symlinks=False):  # told by the listing itself: no file is looked at
        os.unlink(entry.name, dir_fd=parent)
        return False
    if entry.stat(follow_symlinks=False).st_mode & 0o700 != 0o700:
        # Its owner may have made it unreadable; it is ours, and it is to go.
        os.chmod(entry.name, 0o700, dir_fd=parent)
    return True
