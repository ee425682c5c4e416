"""SHA-256 and CRC-32 of a file, in one read."""

import os
import time
from collections.abc import Callable
from hashlib import sha256
from typing import NamedTuple, NewType

from isal import isal_zlib

Digest = NewType("Digest", str)  # SHA-256, 64 lower-case hex digits

CHUNK_BYTES = 1 << 20
YOUNGEST_SECONDS = 2.0


class Stamp(NamedTuple):
    """What tells that a file is still the same: a write changes at least one of them."""

    inode: int
    size_bytes: int
    modified_ns: int
    changed_ns: int


class Digested(NamedTuple):
    """What one read of a file found. `stamp` is the file's at the end of the read."""

    digest: Digest
    crc32: int
    stamp: Stamp


class FileChangedError(Exception):
    """The file was written to while it was read, or since it was last looked at."""


def stamp_of(status: os.stat_result) -> Stamp:
    return Stamp(status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


def stamp_of_open(descriptor: int) -> Stamp:
    return stamp_of(os.fstat(descriptor))


def wait_until_old(status: os.stat_result, *, youngest_seconds: float = YOUNGEST_SECONDS) -> None:
    """Wait until a file's last change is old enough for its stamp to tell a later one apart.

    Two writes within one tick of the file system's clock leave the same `ctime`; a digest taken
    between them would pass for the digest of both. A `ctime` of the future needs no wait: a write
    would bring it back.
    """
    age = time.time() - status.st_ctime_ns / 1e9
    if 0 <= age < youngest_seconds:
        time.sleep(youngest_seconds - age)


def _nobody(read_bytes: int) -> None:
    """Nobody wants to know how far the read has come."""


def digest_open_file(
    descriptor: int, *, youngest_seconds: float = YOUNGEST_SECONDS, told: Callable[[int], None] = _nobody
) -> Digested:
    """Read an open file once, from its beginning to its end, and return its digests.

    Memory stays at CHUNK_BYTES, whatever the size of the file. `told` hears after every chunk how many bytes
    have been read.

    Raises:
        FileChangedError: it was written to meanwhile.
        OSError: it cannot be read to its end.
    """
    status = os.fstat(descriptor)
    wait_until_old(status, youngest_seconds=youngest_seconds)
    before = stamp_of(os.fstat(descriptor))
    if before != stamp_of(status):
        raise FileChangedError
    digest, crc32, position = sha256(), 0, 0
    while chunk := os.pread(descriptor, CHUNK_BYTES, position):
        digest.update(chunk)
        crc32 = isal_zlib.crc32(chunk, crc32)
        position += len(chunk)
        told(position)
    if position != before.size_bytes or stamp_of(os.fstat(descriptor)) != before:
        raise FileChangedError
    return Digested(Digest(digest.hexdigest()), crc32, before)
