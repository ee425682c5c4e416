"""A copy of a file whose bytes are proven: shared blocks where the file system can, else read and written."""

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256

from moorage.storage.digests import CHUNK_BYTES, FileChangedError, Stamp, stamp_of
from moorage.storage.names import Place, give_name, temporary_name

_FICLONE = 0x40049409  # ioctl_ficlone(2)


def copy_verified(source: int, place: Place, *, size_bytes: int, mode: int, digest: str = "") -> Stamp:
    """Copy an open file to its place; the name appears only when every byte is there. Without a `digest` the place's
    name is the digest.

    Raises:
        FileChangedError: the bytes copied do not have this digest.
        FileExistsError: the name is taken, and the place does not replace.
        OSError: no room, or the file cannot be read or written.
    """
    with _unnamed_file(place.root) as copy:
        if not _share_blocks(source, copy):
            _copy_bytes(source, copy)
        if _digest_of(copy) != (digest or place.name) or os.fstat(copy).st_size != size_bytes:
            raise FileChangedError
        os.fchmod(copy, mode)
        os.fsync(copy)
        give_name(copy, place)
    return stamp_of(os.stat(place.name, dir_fd=place.folder, follow_symlinks=False))


@contextmanager
def _unnamed_file(folder: int) -> Iterator[int]:
    """A file without a name, that a crash leaves nothing of; where there are none, one with a temporary name."""
    name = ""
    try:
        descriptor = os.open(".", os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600, dir_fd=folder)
    except OSError as error:
        if error.errno not in {errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT}:
            raise
        name = temporary_name()
        descriptor = os.open(name, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600, dir_fd=folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)
        if name:
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)


def _share_blocks(source: int, copy: int) -> bool:
    try:
        fcntl.ioctl(copy, _FICLONE, source)
    except OSError:
        return False
    return True


def _copy_bytes(source: int, copy: int) -> None:
    position = 0
    while chunk := os.pread(source, CHUNK_BYTES, position):
        written = 0
        while written < len(chunk):
            written += os.pwrite(copy, chunk[written:], position + written)
        position += len(chunk)


def _digest_of(descriptor: int) -> str:
    digest, position = sha256(), 0
    while chunk := os.pread(descriptor, CHUNK_BYTES, position):
        digest.update(chunk)
        position += len(chunk)
    return digest.hexdigest()
