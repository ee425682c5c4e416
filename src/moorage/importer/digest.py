"""Digest: one staged file is opened once, by descriptors, and read once. Runs in an executor's process.

Nothing here knows the database; see `importer.batches`.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager

from moorage.importer import batches, tally
from moorage.importer.batches import BatchOrder, StagedFile
from moorage.storage.digests import Digest, Digested, digest_open_file, stamp_of
from moorage.storage.folders import OpenFolders, split_path

_FILE_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class NotAFileError(Exception):
    """What was a file when it was listed is something else now."""


@contextmanager
def open_staged(folders: OpenFolders, path: bytes) -> Iterator[int]:
    """A descriptor of a staged file; no link on the way or at its end is followed.

    Raises:
        NotAFileError: it is not a plain file.
        OSError: it cannot be opened.
    """
    folder, name = split_path(path)
    try:
        descriptor = os.open(name, _FILE_FLAGS, dir_fd=folders.at(folder))
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENXIO, errno.ENODEV}:
            raise NotAFileError from error
        raise
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise NotAFileError
        yield descriptor
    finally:
        os.close(descriptor)


def digest_staged(descriptor: int, file: StagedFile, order: BatchOrder) -> Digested:
    """The file's digest: the one that is known if nothing has changed since, else by reading it.

    How far the read of a large file has come is written into the order's tally.

    Raises:
        FileChangedError: it was written to meanwhile.
        OSError: it cannot be read to its end.
    """
    stamp = stamp_of(os.fstat(descriptor))
    if file.digest and stamp == file.stamp:
        return Digested(Digest(file.digest), file.crc32, stamp)
    youngest_seconds = order.youngest_seconds
    if order.slot < 0 or stamp.size_bytes < tally.LARGE_BYTES:
        return digest_open_file(descriptor, youngest_seconds=youngest_seconds)
    return digest_open_file(
        descriptor,
        youngest_seconds=youngest_seconds,
        told=lambda read_bytes: tally.write(order.tally, order.slot, read_bytes),
    )


def trouble_of(error: OSError) -> str:
    """Which trouble an error of the file system is; see the constants of `importer.batches`."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EROFS}:
        return batches.NO_ROOM
    if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.ESTALE}:
        return batches.VANISHED
    if error.errno in {errno.EACCES, errno.EPERM}:
        return batches.UNREADABLE
    return batches.NOT_A_FILE if error.errno == errno.ELOOP else batches.READ_ERROR
