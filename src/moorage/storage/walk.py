"""One walk over a folder: everything in it, by directory descriptors; nothing is followed.

Parents come before what they hold. A folder that cannot be read, or whose path is longer than
a path may be, is reported and not entered. Memory does not grow with the number of files.
"""

import os
import stat
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from moorage.storage.folders import OpenFolders

LONGEST_PATH_BYTES = 4096


class FoundKind(StrEnum):
    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    OTHER = "other"


class Found(NamedTuple):
    """One path below the root. `trouble` is empty, `unreadable`, `vanished` or `too_long` (not entered)."""

    path: bytes
    kind: FoundKind
    size_bytes: int = 0
    modified_ns: int = 0
    changed_ns: int = 0
    inode: int = 0
    trouble: str = ""


def walk(root: Path) -> Iterator[Found]:
    """Everything below `root`, the root itself left out.

    Raises:
        OSError: the root itself cannot be opened.
    """
    with OpenFolders(root) as folders:
        waiting: list[Found] = []
        yield from _read_folder(folders, b"", waiting)
        while waiting:
            folder = waiting.pop()
            if len(folder.path) > LONGEST_PATH_BYTES:
                yield folder._replace(trouble="too_long")
                continue
            try:
                folders.at(folder.path)
            except FileNotFoundError:
                yield folder._replace(trouble="vanished")
                continue
            except OSError:
                yield folder._replace(trouble="unreadable")
                continue
            yield folder
            try:
                yield from _read_folder(folders, folder.path, waiting)
            except OSError:
                # Said of the folder itself, once more: what it holds may be incomplete.
                yield folder._replace(trouble="unreadable")


def _read_folder(folders: OpenFolders, folder: bytes, waiting: list[Found]) -> Iterator[Found]:
    """Everything of one folder that is not a folder; folders are put in `waiting`."""
    prefix = folder + b"/" if folder else b""
    # The iterator works on a descriptor of its own, so the folders may move on meanwhile.
    with os.scandir(folders.at(folder)) as entries:
        for entry in entries:
            found = _look_at(entry, prefix)
            if found.kind is FoundKind.DIRECTORY:
                waiting.append(found)
            else:
                yield found


def _look_at(entry: os.DirEntry[str], prefix: bytes) -> Found:
    path = prefix + os.fsencode(entry.name)
    try:
        # Not followed: a link could point outside the staging area, at files of other members.
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return Found(path, FoundKind.OTHER, trouble="vanished")
    except OSError:
        return Found(path, FoundKind.OTHER, trouble="unreadable")
    return Found(path, kind_of(status.st_mode), status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def kind_of(mode: int) -> FoundKind:
    """What a mode says of a path that was not followed."""
    if stat.S_ISREG(mode):
        return FoundKind.FILE
    if stat.S_ISDIR(mode):
        return FoundKind.DIRECTORY
    return FoundKind.SYMLINK if stat.S_ISLNK(mode) else FoundKind.OTHER
