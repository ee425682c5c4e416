"""Clear: after publishing, the names of registered files leave the sealed area. What then stays are remnants.

A name goes only if it still is the very file that was registered and its object is on disk. What the rest of the
upload is judged by, its ignore rules and its lists of digests, goes last: as long as there are remnants, a retry needs
it again. Repeatable, and needs no lease: nothing is written to the database.
"""

import logging
import os
import stat
from collections.abc import Callable, Container, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db.models import QuerySet

from moorage.importer.ledger.entries import unsigned
from moorage.importer.ledger.runs import registered
from moorage.importer.lists.parsing import found_lists
from moorage.importer.models import ManifestEntry
from moorage.importer.rules.of_uploads import IGNORE_FILE
from moorage.importer.words.verdicts import EntryKind
from moorage.storage.digests import Digest, kept_ns
from moorage.storage.folders import OpenFolders, split_path
from moorage.storage.layout import StoreLayout
from moorage.storage.objects import ObjectStore

READ_ROWS: Final = 2000
MOST_FAILURES: Final = 100  # so many are not the trouble of single files

log = logging.getLogger(__name__)


class _RefusedError(PermissionError):
    """A folder is another account's, or a name is immutable (see chattr(1)), so trying again would not help."""


def _at_once() -> None:
    """Nobody goes first."""


def clear_published(*, upload_id: UUID, store: StoreLayout, between: Callable[[], None] = _at_once) -> int:
    """Remove the staged names of what this upload's runs have published; returns how many went.

    Folders go when nothing is left in them. Harmless when the area is gone. `between` is called before every some
    thousand names, and may let others go first. What lies in a folder of another account that we may not change, or is
    immutable, stays with the remnants, and is logged.

    Raises:
        OSError: the file system failed for something, after the others had their turn; call it again later.
    """
    area = store.sealed / str(upload_id)
    entries = registered(upload_id)
    try:
        with OpenFolders(area) as folders, ObjectStore(store.objects) as objects:
            clearing, last = _Clearing(folders, objects), dict[bytes, tuple[Any, ...]]()
            for row in _files(entries, between):
                if _judges_others(path := bytes(row[1])):
                    last[path] = row
                else:
                    clearing.clear(row)
            for path in _folders_deepest_first(entries):
                _clear_folder(folders, path)
            if not _holds_others(folders, last):
                for row in last.values():
                    clearing.clear(row)
    except FileNotFoundError:
        if not os.path.lexists(area) and store.is_there():
            return 0
        raise
    clearing.end(upload_id)
    with suppress(OSError):
        area.rmdir()  # ENOTEMPTY: there are remnants
    return clearing.gone


@dataclass
class _Clearing:
    """Takes names away one by one; one that stays does not keep the others from going."""

    folders: OpenFolders
    objects: ObjectStore
    gone: int = 0
    refused: int = 0
    first_refused: bytes | None = None
    failures: int = 0
    first_failure: OSError | None = None

    def clear(self, row: tuple[Any, ...]) -> None:
        try:
            self.gone += _clear_file(self.folders, self.objects, row)
        except _RefusedError:
            self.refused += 1
            self.first_refused = self.first_refused or bytes(row[1])
        except OSError as error:
            self.failures += 1
            self.first_failure = self.first_failure or error
            if self.failures >= MOST_FAILURES:
                raise

    def end(self, upload_id: UUID) -> None:
        """Say what stays, and raise what may succeed another time."""
        if self.first_failure is not None:
            raise self.first_failure
        if self.first_refused is not None:
            log.warning(
                "upload %s: imported names stay in its sealed area, because their folders are another account's or "
                "they themselves are immutable: %d, the first is %r",
                upload_id, self.refused, self.first_refused,
            )  # fmt: skip


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
    found = (status.st_ino, status.st_size, kept_ns(status.st_mtime_ns))
    is_the_one = found == (unsigned(inode), size, modified_ns)
    if not is_the_one or objects.size_of(Digest(digest)) != size:
        return False
    try:
        _changing(descriptor, lambda: os.unlink(name, dir_fd=descriptor))
    except FileNotFoundError:
        return False
    return True


def _changing(folder: int, act: Callable[[], None]) -> None:
    """Do what changes an open folder. Its owner may have made it read-only; it is ours, and what it holds is to go."""
    try:
        act()
    except PermissionError as error:
        status = os.fstat(folder)
        if status.st_uid != os.geteuid():
            raise _RefusedError(*error.args) from error
        try:
            os.fchmod(folder, stat.S_IMODE(status.st_mode) | 0o700)
            act()
        except PermissionError as again:
            raise _RefusedError(*again.args) from again


def _folders_deepest_first(entries: QuerySet[ManifestEntry]) -> Iterator[bytes]:
    """Paths of registered folders; what lies in a folder has a path that is greater than the folder's."""
    folders = entries.filter(kind=EntryKind.DIRECTORY).order_by("-path")
    for path in folders.values_list("path", flat=True).iterator(chunk_size=READ_ROWS):
        yield bytes(path)


def _clear_folder(folders: OpenFolders, path: bytes) -> None:
    folder, name = split_path(path)
    with suppress(OSError):  # ENOTEMPTY: there are remnants in it; ENOENT: it went before
        above = folders.at(folder)
        _changing(above, lambda: os.rmdir(name, dir_fd=above))
