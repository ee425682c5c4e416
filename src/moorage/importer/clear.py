"""Clear: after publishing, the names of registered files leave the sealed area. What then stays are remnants.

A name goes only if it still is the very file that was registered and its object is on disk. What the rest of the
upload is judged by, its ignore rules and its lists of digests, goes last: as long as there are remnants, a retry needs
it again. Repeatable, and needs no lease: nothing is written to the database.
"""

import os
from collections.abc import Callable, Container, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet

from moorage.importer.digest_lists import found_lists
from moorage.importer.entries import unsigned
from moorage.importer.models import ManifestEntry
from moorage.importer.runs import registered
from moorage.importer.upload_rules import IGNORE_FILE
from moorage.importer.verdicts import EntryKind
from moorage.storage.digests import Digest
from moorage.storage.folders import OpenFolders, split_path
from moorage.storage.layout import StoreLayout
from moorage.storage.objects import ObjectStore

READ_ROWS: Final = 2000


def _at_once() -> None:
    """Nobody goes first."""


def clear_published(*, upload_id: UUID, store: StoreLayout, between: Callable[[], None] = _at_once) -> int:
    """Remove the staged names of what this upload's runs have published; returns how many went.

    Folders go when nothing is left in them. Harmless when the area is gone. `between` is called before every some
    thousand names, and may let others go first.

    Raises:
        OSError: something could not be removed; call it again later.
    """
    area = store.sealed / str(upload_id)
    entries = registered(upload_id)
    try:
        with OpenFolders(area) as folders, ObjectStore(store.objects) as objects:
            gone, last = 0, dict[bytes, tuple[Any, ...]]()
            for row in _files(entries, between):
                if _judges_others(path := bytes(row[1])):
                    last[path] = row
                else:
                    gone += _clear_file(folders, objects, row)
            for path in _folders_deepest_first(entries):
                _clear_folder(folders, path)
            if not _holds_others(folders, last):
                gone += sum(_clear_file(folders, objects, row) for row in last.values())
    except FileNotFoundError:
        return 0
    with suppress(OSError):
        area.rmdir()  # ENOTEMPTY: there are remnants
    return gone


def _files(entries: QuerySet[ManifestEntry], between: Callable[[], None]) -> Iterator[tuple[Any, ...]]:
    files = entries.filter(kind=EntryKind.FILE).order_by("number")
    columns = ("number", "path", "inode", "size_bytes", "modified_ns", "digest")
    last = -1
    between()
    while batch := list(files.filter(number__gt=last).values_list(*columns)[:READ_ROWS]):
        last = batch[-1][0]
        yield from batch
        between()


def _judges_others(path: bytes) -> bool:
    """Whether it depends on what this file holds what becomes of others. Only at the top of an upload it does."""
    return b"/" not in path and (path == os.fsencode(IGNORE_FILE) or bool(found_lists([path])))


def _holds_others(folders: OpenFolders, last: Container[bytes]) -> bool:
    """Whether there is anything in the area but these."""
    with os.scandir(folders.at(b"")) as entries:
        return any(os.fsencode(entry.name) not in last for entry in entries)


def _clear_file(folders: OpenFolders, objects: ObjectStore, row: tuple[Any, ...]) -> bool:
    _, path, inode, size, modified_ns, digest = row
    folder, name = split_path(bytes(path))
    try:
        descriptor = folders.at(folder)
        status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return False
    is_the_one = (status.st_ino, status.st_size, status.st_mtime_ns) == (unsigned(inode), size, modified_ns)
    if not is_the_one or objects.size_of(Digest(digest)) != size:
        return False
    os.unlink(name, dir_fd=descriptor)
    return True


def _folders_deepest_first(entries: QuerySet[ManifestEntry]) -> Iterator[bytes]:
    """Paths of registered folders; what lies in a folder has a path that is greater than the folder's."""
    folders = entries.filter(kind=EntryKind.DIRECTORY).order_by("-path")
    for path in folders.values_list("path", flat=True).iterator(chunk_size=READ_ROWS):
        yield bytes(path)


def _clear_folder(folders: OpenFolders, path: bytes) -> None:
    folder, name = split_path(path)
    with suppress(OSError):  # ENOTEMPTY: there are remnants in it; ENOENT: it went before
        os.rmdir(name, dir_fd=folders.at(folder))


def is_empty(area: Path) -> bool:
    """Whether nothing is left of a sealed area."""
    try:
        with os.scandir(area) as entries:
            return next(entries, None) is None
    except FileNotFoundError:
        return True
