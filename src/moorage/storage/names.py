"""Giving an open file its name in the object store: the last act of placing it, never taken back.

What stands under a temporary name is no object yet. Such names are in the store's own folder, beside the
folders of the objects, where those that a killed process left are soon found.
"""

import os
import time
from contextlib import suppress
from secrets import token_hex
from typing import Final, NamedTuple

_PREFIX: Final = ".new-"
STALE_SECONDS: Final = 3600.0  # since the last change of the file that has the name


class Place(NamedTuple):
    """Where an object gets its name. `root` and `folder` are descriptors; `replaces`: what is there gives way."""

    root: int
    folder: int
    name: str
    replaces: bool = False


def give_name(descriptor: int, place: Place) -> None:
    """Let an open file have its name, in one step: readers see what was there before, or this.

    Raises:
        FileExistsError: the name is taken, and the place does not replace.
        OSError: the file system refuses.
    """
    # Through /proc, so that it is this inode that is linked, whatever its other names mean by now.
    file = f"/proc/self/fd/{descriptor}"
    if not place.replaces:
        os.link(file, place.name, dst_dir_fd=place.folder)
        return
    temporary = temporary_name()
    os.link(file, temporary, dst_dir_fd=place.root)
    try:
        try:
            os.rename(temporary, place.name, src_dir_fd=place.root, dst_dir_fd=place.folder)
        except IsADirectoryError:
            _put_aside(place)
            os.rename(temporary, place.name, src_dir_fd=place.root, dst_dir_fd=place.folder)
    finally:
        # A rename between two names of one inode does nothing, and keeps both.
        with suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=place.root)


def _put_aside(place: Place) -> None:
    """Move a folder that has an object's name into the store's own folder, where a store check tells of it."""
    # What is in it is not ours to delete. The slash: if another process was quicker, its object stays.
    with suppress(NotADirectoryError, FileNotFoundError):
        aside = f"{place.name}.{token_hex(4)}"
        os.rename(f"{place.name}/", aside, src_dir_fd=place.folder, dst_dir_fd=place.root)


def temporary_name() -> str:
    """A name that nobody else has."""
    return _PREFIX + token_hex(8)


def clear_temporary_names(root: int, *, older_than_seconds: float = STALE_SECONDS) -> None:
    """Remove temporary names that have not changed for so long that nobody can be at work on them."""
    oldest_ns = time.time_ns() - int(older_than_seconds * 1e9)
    with os.scandir(root) as entries:
        for entry in entries:
            if not entry.name.startswith(_PREFIX):
                continue
            with suppress(FileNotFoundError):
                if entry.stat(follow_symlinks=False).st_ctime_ns < oldest_ns:
                    os.unlink(entry.name, dir_fd=root)


def is_temporary(name: str) -> bool:
    """Whether something has this name only until it is placed."""
    return name.startswith(_PREFIX)
