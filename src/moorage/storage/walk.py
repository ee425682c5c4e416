"""One walk over a folder: everything in it, by directory descriptors; nothing is followed.

Parents come before what they hold. A folder that cannot be read, or whose path is longer than
a path may be, is reported and not entered. Memory does not grow with the number of files.
"""

import os
import stat
from collections.abc import Iterator
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

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


PART_ENTRIES: Final = 1000


class FolderPart(NamedTuple):
    """Some of what a folder holds. `folder` is the folder itself, in its first part only; None at the root.

    Where the folder has a trouble, nothing of it is listed, or (`again`) not all of it.
    """

    path: bytes
    found: list[Found]
    folder: Found | None = None
    again: bool = False


def walk(root: Path) -> Iterator[Found]:
    """Everything below `root`, the root itself left out.

    Raises:
        OSError: the root itself cannot be opened.
    """
    for part in walk_folders(root):
        if part.folder is not None:
            yield part.folder
        yield from (found for found in part.found if found.kind is not FoundKind.DIRECTORY)


def walk_folders(root: Path) -> Iterator[FolderPart]:
    """Everything below `root`, folder by folder, in parts of at most PART_ENTRIES; a folder after the one it lies in.

    Folders are listed twice: by their names in the folder above, and when they are looked into.

    Raises:
        OSError: the root itself cannot be opened.
    """
    with OpenFolders(root) as folders:
        waiting: list[Found] = []
        yield from _parts_of(folders, None, waiting)
        while waiting:
            folder = waiting.pop()
            if len(folder.path) > LONGEST_PATH_BYTES:
                yield FolderPart(folder.path, [], folder._replace(trouble="too_long"))
                continue
            try:
                folders.at(folder.path)
            except FileNotFoundError:
                yield FolderPart(folder.path, [], folder._replace(trouble="vanished"))
            except OSError:
                yield FolderPart(folder.path, [], folder._replace(trouble="unreadable"))
            else:
                yield from _parts_of(folders, folder, waiting)


def _parts_of(folders: OpenFolders, folder: Found | None, waiting: list[Found]) -> Iterator[FolderPart]:
    path = folder.path if folder is not None else b""
    itself = folder
    try:
        # The iterator works on a descriptor of its own, so the folders may move on meanwhile.
        with os.scandir(folders.at(path)) as entries:
            while True:
                found = [_look_at(entry, path + b"/" if path else b"") for entry in islice(entries, PART_ENTRIES)]
                waiting += [one for one in found if one.kind is FoundKind.DIRECTORY]
                if found or itself is not None:
                    yield FolderPart(path, found, itself)
                itself = None
                if len(found) < PART_ENTRIES:
                    return
    except OSError:
        if folder is None:
            raise
        # Said of the folder itself, once more: what it holds may be incomplete.
        yield FolderPart(path, [], folder._replace(trouble="unreadable"), again=itself is None)


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
