"""One walk over a folder: everything in it, by directory descriptors; nothing is followed.

Parents come before what they hold. A folder that cannot be read, or whose path is longer than
a path may be, is reported and not entered. Memory does not grow with the number of files; of folders that wait to be
entered their names are kept.
"""

import errno
import os
import stat
from collections.abc import Callable, Collection, Iterable, Iterator
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Final, NamedTuple

from moorage.storage.digests import stamp_of
from moorage.storage.folders import OpenFolders, split_path
from moorage.storage.waiting import WaitingFolders

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

    Where the folder has a trouble, nothing of it is listed, or (`again`) not all of it. `names` are files that were not
    looked at; `descriptor` is the folder's, until the next part is asked for.
    """

    path: bytes
    found: list[Found]
    folder: Found | None = None
    again: bool = False
    names: list[bytes] = []
    descriptor: int = -1

    def paths(self) -> Iterator[Found]:
        """What the part tells of: each folder in its own first part, and not where it was listed."""
        if self.folder is not None:
            yield self.folder
        yield from (found for found in self.found if found.kind is not FoundKind.DIRECTORY)

    def look_at(self, names: Collection[bytes]) -> "FolderPart":
        """The part with some of its names looked at, too. Ask before the next part is asked for.

        What has become a folder since it was listed is not entered: it is no file, and nothing else.
        """
        found = [_no_folder(look_at(self.descriptor, self.path, name)) for name in self.names if name in names]
        return self._replace(found=self.found + found, names=[name for name in self.names if name not in names])


def never(_: bytes) -> bool:
    """All of every folder is to be looked at."""
    return False


def walk(root: Path) -> Iterator[Found]:
    """Everything below `root`, the root itself left out.

    Raises:
        OSError: the root itself cannot be opened.
    """
    for part in walk_folders(root):
        yield from part.paths()


def walk_folders(root: Path, *, by_name: Callable[[bytes], bool] = never) -> Iterator[FolderPart]:
    """Everything below `root`, folder by folder, in parts of at most PART_ENTRIES; a folder after the one it lies in.

    Folders are listed twice: by their names in the folder above, and when they are looked into. Of a folder whose files
    are wanted `by_name`, what is known to be a file without a look at it is told by its name alone.

    Raises:
        OSError: the root itself cannot be opened.
    """
    with OpenFolders(root) as folders:
        waiting = WaitingFolders()
        yield from _parts_of(folders, None, waiting, by_name)
        while (path := waiting.take()) is not None:
            folder = _entered(folders, path)
            if folder.trouble:
                yield FolderPart(path, [], folder)
            else:
                yield from _parts_of(folders, folder, waiting, by_name)


def _entered(folders: OpenFolders, path: bytes) -> Found:
    """A folder as it is now that it is opened, or why it cannot be."""
    if len(path) > LONGEST_PATH_BYTES:
        return Found(path, FoundKind.DIRECTORY, trouble="too_long")
    try:
        return _of_status(path, os.fstat(folders.at(path)))
    except FileNotFoundError:
        return Found(path, FoundKind.DIRECTORY, trouble="vanished")
    except OSError:
        return Found(path, FoundKind.DIRECTORY, trouble="unreadable")


def _parts_of(
    folders: OpenFolders, folder: Found | None, waiting: WaitingFolders, by_name: Callable[[bytes], bool]
) -> Iterator[FolderPart]:
    path = folder.path if folder is not None else b""
    itself = folder
    list_some = _by_name if by_name(path) else _looked_at
    try:
        # The iterator works on a descriptor of its own, so the folders may move on meanwhile.
        with os.scandir(folders.at(path)) as entries:
            some = list(islice(entries, PART_ENTRIES))
            while some or itself is not None:
                found, names = list_some(some, path)
                waiting.put(path, [split_path(one.path)[1] for one in found if one.kind is FoundKind.DIRECTORY])
                yield FolderPart(path, found, itself, names=names, descriptor=folders.at(path))
                itself = None
                some = list(islice(entries, PART_ENTRIES)) if len(some) == PART_ENTRIES else []
    except OSError:
        if folder is None:
            raise
        # Said of the folder itself, once more: what it holds may be incomplete.
        yield FolderPart(path, [], folder._replace(trouble="unreadable"), again=itself is None)


def _by_name(entries: list[os.DirEntry[str]], folder: bytes) -> tuple[list[Found], list[bytes]]:
    found, names = [], []
    for entry in entries:
        if entry.is_file(follow_symlinks=False):
            names.append(os.fsencode(entry.name))
        else:
            found.append(_look_at(entry, folder))
    return found, names


def _looked_at(entries: list[os.DirEntry[str]], folder: bytes) -> tuple[list[Found], list[bytes]]:
    return [_look_at(entry, folder) for entry in entries], []


def _look_at(entry: os.DirEntry[str], folder: bytes) -> Found:
    # Not followed: a link could point outside the staging area, at files of other members.
    return _found(lambda: entry.stat(follow_symlinks=False), folder, os.fsencode(entry.name))


def look_at(descriptor: int, folder: bytes, name: bytes) -> Found:
    """What stands at a name of an open folder, of which `folder` is the path."""
    return _found(lambda: os.stat(name, dir_fd=descriptor, follow_symlinks=False), folder, name)


def _found(look: Callable[[], os.stat_result], folder: bytes, name: bytes) -> Found:
    path = folder + b"/" + name if folder else name
    try:
        status = look()
    except FileNotFoundError:
        return Found(path, FoundKind.OTHER, trouble="vanished")
    except OSError:
        return Found(path, FoundKind.OTHER, trouble="unreadable")
    return _of_status(path, status)


def _of_status(path: bytes, status: os.stat_result) -> Found:
    inode, size_bytes, modified_ns, changed_ns = stamp_of(status)
    return Found(path, kind_of(status.st_mode), size_bytes, modified_ns, changed_ns, inode)


def _no_folder(found: Found) -> Found:
    return found._replace(kind=FoundKind.OTHER) if found.kind is FoundKind.DIRECTORY else found


def look_again(root: Path, folder: bytes, names: Iterable[bytes]) -> list[Found]:
    """What stands now at names of a folder below `root` that were files when they were listed.

    Raises:
        OSError: the root itself cannot be opened.
    """
    paths = [folder + b"/" + name if folder else name for name in names]
    with OpenFolders(root) as folders:
        try:
            descriptor = folders.at(folder)
        except OSError as error:
            # What was a folder may be gone, or a link now.
            is_gone = error.errno in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}
            trouble = "vanished" if is_gone else "unreadable"
            return [Found(path, FoundKind.OTHER, trouble=trouble) for path in paths]
        return [_no_folder(look_at(descriptor, folder, path.rpartition(b"/")[2])) for path in paths]


def kind_of(mode: int) -> FoundKind:
    """What a mode says of a path that was not followed."""
    if stat.S_ISREG(mode):
        return FoundKind.FILE
    if stat.S_ISDIR(mode):
        return FoundKind.DIRECTORY
    return FoundKind.SYMLINK if stat.S_ISLNK(mode) else FoundKind.OTHER
