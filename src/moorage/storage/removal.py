"""Removing a tree for good, however deep it is and whatever modes its folders have."""

import os
import stat
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from moorage.storage.folders import OpenFolders, split_path

_MOST_LEVELS: Final = 4


def remove_tree(path: Path) -> None:
    """Remove a file or a whole folder; nothing is followed, and what is gone already is no error.

    Raises:
        OSError: something cannot be removed; call it again later.
    """
    try:
        status = path.lstat()
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(status.st_mode):
        path.unlink(missing_ok=True)
        return
    path.chmod(0o700)
    with OpenFolders(path) as folders:
        _empty(folders)
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


def _empty(folders: OpenFolders) -> None:
    """Remove everything below the root, folders after what they hold."""
    waiting = [(name, False) for name in _folders_of(folders, b"")]
    while waiting:
        folder, is_empty = waiting.pop()
        if is_empty:
            parent, name = split_path(folder)
            with suppress(FileNotFoundError):
                os.rmdir(name, dir_fd=folders.at(parent))
            continue
        waiting.append((folder, True))
        waiting.extend((below, False) for below in _folders_of(folders, folder))


def _folders_of(folders: OpenFolders, folder: bytes) -> list[bytes]:
    """Unlink the files of one folder, and return the folders in it."""
    prefix = folder + b"/" if folder else b""
    below = []
    descriptor = folders.at(folder)
    with os.scandir(descriptor) as entries:
        for entry in entries:
            if not entry.is_dir(follow_symlinks=False):  # told by the listing itself: no file is looked at
                os.unlink(entry.name, dir_fd=descriptor)
                continue
            name = os.fsencode(entry.name)
            if entry.stat(follow_symlinks=False).st_mode & 0o700 != 0o700:
                # Its owner may have made it unreadable; it is ours, and it is to go.
                os.chmod(name, 0o700, dir_fd=descriptor)
            below.append(prefix + name)
    return below
