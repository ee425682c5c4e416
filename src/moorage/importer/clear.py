"""Clear: after publishing, the names of registered files leave the sealed area. What then stays are remnants.

A name goes only if it still is the very file that was registered and its object is on disk.
Repeatable, and needs no lease: nothing is written to the database.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final
from uuid import UUID

from django.db.models import QuerySet

from moorage.importer.models import ImportRun, ManifestEntry
from moorage.importer.verdicts import EntryKind, EntryState
from moorage.storage.digests import Digest, stamp_of
from moorage.storage.folders import OpenFolders, split_path
from moorage.storage.layout import StoreLayout
from moorage.storage.objects import ObjectStore

READ_ROWS: Final = 2000


def clear_published(*, upload_id: UUID, store: StoreLayout) -> int:
    """Remove the staged names of what this upload's runs have published; returns how many went.

    Folders go when nothing is left in them. Harmless when the area is gone.

    Raises:
        OSError: something could not be removed; call it again later.
    """
    area = store.sealed / str(upload_id)
    fences = ImportRun.objects.filter(upload_id=upload_id, register_fence__isnull=False).values("register_fence")
    registered = ManifestEntry.objects.filter(
        upload_id=upload_id, state=EntryState.REGISTERED, registered_fence__in=fences
    )
    try:
        with OpenFolders(area) as folders, ObjectStore(store.objects) as objects:
            gone = sum(_clear_file(folders, objects, entry) for entry in _files(registered))
            for path in _folders_deepest_first(registered):
                _clear_folder(folders, path)
    except FileNotFoundError:
        return 0
    with suppress(OSError):
        area.rmdir()  # ENOTEMPTY: there are remnants
    return gone


def _files(registered: QuerySet[ManifestEntry]) -> Iterator[ManifestEntry]:
    files = registered.filter(kind=EntryKind.FILE).order_by("number")
    columns = ("number", "path", "inode", "size_bytes", "modified_ns", "digest")
    last = -1
    while batch := list(files.filter(number__gt=last).only(*columns)[:READ_ROWS]):
        last = batch[-1].number
        yield from batch


def _clear_file(folders: OpenFolders, objects: ObjectStore, entry: ManifestEntry) -> bool:
    folder, name = split_path(bytes(entry.path))
    try:
        descriptor = folders.at(folder)
        stamp = stamp_of(os.stat(name, dir_fd=descriptor, follow_symlinks=False))
    except (FileNotFoundError, NotADirectoryError):
        return False
    is_the_one = (stamp.inode, stamp.size_bytes, stamp.modified_ns) == (
        entry.inode % 2**64,
        entry.size_bytes,
        entry.modified_ns,
    )
    if not is_the_one or not _has_object(objects, entry):
        return False
    os.unlink(name, dir_fd=descriptor)
    return True


def _has_object(objects: ObjectStore, entry: ManifestEntry) -> bool:
    try:
        return objects.path_of(Digest(entry.digest)).stat(follow_symlinks=False).st_size == entry.size_bytes
    except FileNotFoundError:
        return False


def _folders_deepest_first(registered: QuerySet[ManifestEntry]) -> Iterator[bytes]:
    """Paths of registered folders; a folder's number is smaller than those of what it holds."""
    folders = registered.filter(kind=EntryKind.DIRECTORY).order_by("-number")
    last = 2**62
    while batch := list(folders.filter(number__lt=last).values_list("number", "path")[:READ_ROWS]):
        last = batch[-1][0]
        for _, path in batch:
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
