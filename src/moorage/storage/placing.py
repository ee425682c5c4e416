"""How the bytes of an open staged file come to be an object: those that are there already do, or the file is linked, or
it is copied. Which of it may be done is decided in `storage.objects`.
"""

import errno
import os
import stat
from contextlib import suppress
from typing import Final, NamedTuple

from moorage.storage.copying import copy_verified
from moorage.storage.digests import Digest, FileChangedError, Stamp, digest_open_file, stamp_of, stamp_of_open
from moorage.storage.names import Place, give_name
from moorage.storage.readlease import ReadLease, StillOpenError, read_lease

OBJECT_MODE: Final = 0o444
COPIED_BYTES: Final = 64 << 20
OBJECT_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NO_LINK: Final = frozenset({errno.EMLINK, errno.EPERM, errno.EXDEV, errno.EACCES})


class _LinkRefusedError(Exception):
    """The file system does not let us link this file; a copy will do."""


class OtherSizeError(Exception):
    """An object's file has another size than what has its digest: it is damaged."""


class Placed(NamedTuple):
    """Where bytes went. `stamp` is the object's own, `staged` the staged file's now; `how` is `linked`, `copied`,
    `reused` or `proven`.

    `reused` was believed by its name and its size; the other three are known to be these bytes.
    """

    stamp: Stamp
    staged: Stamp
    how: str


def reuse(folder: int, digest: str, size_bytes: int) -> Stamp | None:
    """The stamp of the object that is there, believed by its name and its size; None where there is none.

    Raises:
        OtherSizeError: it is damaged.
    """
    try:
        status = os.stat(digest, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None
    if not stat.S_ISREG(status.st_mode) or status.st_size != size_bytes:
        raise OtherSizeError
    if stat.S_IMODE(status.st_mode) != OBJECT_MODE:
        os.chmod(digest, OBJECT_MODE, dir_fd=folder)
        status = os.stat(digest, dir_fd=folder, follow_symlinks=False)
    return stamp_of(status)


def prove(folder: int, digest: Digest, staged: os.stat_result) -> Stamp | None:
    """The stamp of the object that is there if it holds what its name promises and nobody can write to it.

    It is read from the disk, for after a write that failed only memory may hold it. Where it is the `staged` file
    itself, that may then be all there is of it: it is better copied, and None is returned unless it is large.
    """
    try:
        descriptor = os.open(digest, OBJECT_FLAGS, dir_fd=folder)
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ELOOP, errno.EACCES, errno.ENXIO}:
            return None
        raise
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or status.st_size != staged.st_size:
            return None
        if os.path.samestat(status, staged) and status.st_size <= COPIED_BYTES:
            return None
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        if stat.S_IMODE(status.st_mode) != OBJECT_MODE:
            os.fchmod(descriptor, OBJECT_MODE)
        with read_lease(descriptor) as lease:
            found = digest_open_file(descriptor, youngest_seconds=0)
            lease.check()
    except (FileChangedError, StillOpenError):
        return None
    finally:
        os.close(descriptor)
    return found.stamp if found.digest == digest else None


def _copy(descriptor: int, place: Place, stamp: Stamp) -> Placed:
    """Put a copy of a staged file into the store: somebody may have the file itself open, however quiet it is."""
    try:
        copied = copy_verified(descriptor, place, size_bytes=stamp.size_bytes, mode=OBJECT_MODE)
    except FileExistsError:
        # Whoever has put it there meanwhile may have died before its bytes were on disk: it is not these bytes.
        there = reuse(place.folder, place.name, stamp.size_bytes)
        if there is None:
            raise
        return Placed(there, stamp, "reused")
    return Placed(copied, stamp, "copied")


def link_or_copy(descriptor: int, place: Place, stamp: Stamp, lease: ReadLease | None) -> Placed:
    """Link the file if there is a `lease` to do it under and the file system lets us; else copy it."""
    if lease is not None:
        with suppress(_LinkRefusedError):
            return _link(descriptor, place, lease)
    return _copy(descriptor, place, stamp)


def _link(descriptor: int, place: Place, lease: ReadLease) -> Placed:
    """Give the very inode that was digested its name in the store.

    The name comes last: whoever sees it may rely on it, so it is never taken back. From the mode on nobody
    new is let in to write, and who was let in before waits for the lease and is seen by the check.
    """
    try:
        os.fchmod(descriptor, OBJECT_MODE)  # refused for one that is immutable
        lease.check()
        give_name(descriptor, place)
    except FileExistsError:
        staged = stamp_of_open(descriptor)
        there = reuse(place.folder, place.name, staged.size_bytes)
        if there is None:
            raise
        return Placed(there, staged, "reused")
    except OSError as error:
        if error.errno in _NO_LINK:
            raise _LinkRefusedError from error
        raise
    staged = stamp_of_open(descriptor)
    return Placed(staged, staged, "linked")
