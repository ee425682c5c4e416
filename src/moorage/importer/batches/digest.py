"""Digest: one staged file is opened once, by descriptors, and read once. Runs in an executor's process.

Nothing here knows the database; see `importer.batches.data`.
"""

import errno
import os
import stat
from functools import partial
from pathlib import Path

from moorage.importer.batches import data, tally
from moorage.importer.batches.data import BatchOrder, Hint
from moorage.storage.digests import CHUNK_BYTES, Digest, Digested, digest_open_file, nobody, stamp_of
from moorage.storage.folders import OpenFolders, split_path
from moorage.storage.layout import StoreLayout
from moorage.storage.readlease import ReadLease
from moorage.storage.small_files import FILE_FLAGS


class NotAFileError(Exception):
    """What was a file when it was listed is something else now."""


class DiffersError(Exception):
    """The file is not what a list of digests says. Carries what it is."""

    def __init__(self, found: Digested) -> None:
        super().__init__()
        self.found = found


class StoreRefusesError(Exception):
    """The file system fails in the object store. Carries its error."""

    def __init__(self, error: OSError) -> None:
        super().__init__()
        self.error = error


def open_staged(folders: OpenFolders, path: bytes) -> int:
    """A descriptor of a staged path; no link on the way or at its end is followed. The caller closes it.

    Raises:
        NotAFileError: it is not a plain file.
        OSError: it cannot be opened.
    """
    folder, name = split_path(path)
    try:
        return os.open(name, FILE_FLAGS, dir_fd=folders.at(folder))
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENXIO, errno.ENODEV}:
            raise NotAFileError from error
        raise


def look_at_open(descriptor: int) -> os.stat_result:
    """What an open staged path is.

    Raises:
        NotAFileError: it is not a plain file.
    """
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise NotAFileError
    return status


def digest_staged(
    descriptor: int, status: os.stat_result, lease: ReadLease, hint: Hint | None, order: BatchOrder
) -> Digested:
    """The file's digest: the one that is known if nothing has changed since, else by reading it.

    How far the read of a large file has come is written into the order's tally.

    Raises:
        FileChangedError: it was written to meanwhile.
        StillOpenError: somebody wants to write to it, and may have got leave while it was read.
        DiffersError: a list of digests says otherwise.
        OSError: it cannot be read to its end.
    """
    if hint is not None and hint.digest and stamp_of(status) == hint.stamp and hint.listed is None:
        return Digested(Digest(hint.digest), hint.crc32, hint.stamp)
    listed = hint.listed if hint is not None and hint.listed else ()
    is_small = status.st_size < CHUNK_BYTES
    found = digest_open_file(
        descriptor,
        status=status,
        youngest_seconds=order.youngest_seconds,
        # The kernel takes a lease away from who keeps a writer waiting for long; no small file takes that long.
        is_guarded=lease.is_held and is_small,
        other=next((name for name, _ in listed if name != "sha256"), ""),
        told=nobody
        if status.st_size < tally.LARGE_BYTES or order.slot < 0
        else partial(tally.write, order.tally, order.slot),
    )
    if not is_small:
        lease.check()
    if any(digest != (found.digest if name == "sha256" else found.other) for name, digest in listed):
        raise DiffersError(found)
    return found


def trouble_of_area(error: OSError, objects: str) -> str:
    """Which trouble an error is where a staged file was worked with."""
    return _unless_away(trouble_of(error), objects)


def trouble_of_store(error: OSError, objects: str) -> str:
    """Which trouble an error is where the object store was worked with: nothing is wrong with the staged file."""
    code = trouble_of(error)
    return _unless_away(data.NOT_STORED if code in {data.UNREADABLE, data.NOT_A_FILE} else code, objects)


def _unless_away(code: str, objects: str) -> str:
    """Where the whole store is away, that is the trouble, and no file's."""
    is_of_files = code not in {data.NO_ROOM, data.BUSY}
    return data.AWAY if is_of_files and not StoreLayout(Path(objects).parent).is_there() else code


def trouble_of(error: OSError) -> str:
    """Which trouble an error of the file system is; see the constants of `importer.batches.data`."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EROFS}:
        return data.NO_ROOM
    if error.errno in {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN, errno.EINTR}:
        return data.BUSY
    if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.ESTALE}:
        return data.VANISHED
    if error.errno in {errno.EACCES, errno.EPERM}:
        return data.UNREADABLE
    return data.NOT_A_FILE if error.errno == errno.ELOOP else data.READ_ERROR
