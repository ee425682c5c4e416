"""SHA-256 and CRC-32 of a file, in one read."""

import hashlib
import os
import time
from collections.abc import Callable
from hashlib import sha256
from typing import Final, NamedTuple, NewType

from zlib_ng import zlib_ng

Digest = NewType("Digest", str)  # SHA-256, 64 lower-case hex digits

CHUNK_BYTES: Final = 1 << 20
YOUNGEST_SECONDS: Final = 2.0
_LAST_NS: Final = 2**63 - 1


class Stamp(NamedTuple):
    """What tells that a file is still the same: a write changes at least one of them. Its times are `kept_ns`."""

    inode: int
    size_bytes: int
    modified_ns: int
    changed_ns: int


class Digested(NamedTuple):
    """What one read of a file found. `stamp` is the file's at the end of the read, `other` as it was asked for."""

    digest: Digest
    crc32: int
    stamp: Stamp
    other: str = ""


class FileChangedError(Exception):
    """The file was written to while it was read, or since it was last looked at."""


def kept_ns(nanoseconds: int) -> int:
    """A file's time as a database can hold it, in nanoseconds since 1970.

    A file may be dated thousands of years away: after 2262 every time is the same to us, and before 1677.
    """
    return max(-_LAST_NS - 1, min(nanoseconds, _LAST_NS))


def stamp_of(status: os.stat_result) -> Stamp:
    return Stamp(status.st_ino, status.st_size, kept_ns(status.st_mtime_ns), kept_ns(status.st_ctime_ns))


def stamp_of_open(descriptor: int) -> Stamp:
    return stamp_of(os.fstat(descriptor))


def wait_until_old(status: os.stat_result, *, youngest_seconds: float = YOUNGEST_SECONDS) -> bool:
    """Wait until a file's last change is old enough for its stamp to tell a later one apart; whether it waited.

    Two writes within one tick of the file system's clock leave the same `ctime`; a digest taken
    between them would pass for the digest of both. A `ctime` of the future needs no wait: a write
    would bring it back.
    """
    age = time.time() - status.st_ctime
    if not 0 <= age < youngest_seconds:
        return False
    time.sleep(youngest_seconds - age)
    return True


def nobody(read_bytes: int) -> None:
    """Nobody wants to know how far the read has come."""


def digest_open_file(
    descriptor: int,
    *,
    status: os.stat_result | None = None,
    youngest_seconds: float = YOUNGEST_SECONDS,
    is_guarded: bool = False,
    other: str = "",
    told: Callable[[int], None] = nobody,
) -> Digested:
    """Read an open file once, from its beginning to its end, and return its digests.

    `status` is what fstat(2) has just said of it. `is_guarded` says that a read lease is held, so that nobody can
    write meanwhile. `other` is hashlib's name of a further digest that is wanted. Memory stays at CHUNK_BYTES,
    whatever the size of the file; `told` hears after every chunk of a larger one how many bytes have been read.

    Raises:
        FileChangedError: it was written to meanwhile.
        OSError: it cannot be read to its end.
    """
    status = status or os.fstat(descriptor)
    if wait_until_old(status, youngest_seconds=youngest_seconds) and stamp_of_open(descriptor) != stamp_of(status):
        raise FileChangedError
    before = stamp_of(status)
    if before.size_bytes < CHUNK_BYTES:
        digest, crc32, another = _read_small(descriptor, before.size_bytes, other)
    else:
        digest, crc32, another = digest_chunks(descriptor, before.size_bytes, bytearray(CHUNK_BYTES), other, told)
    if not is_guarded and stamp_of_open(descriptor) != before:
        raise FileChangedError
    return Digested(Digest(digest.hex()), crc32, before, another)


def _read_small(descriptor: int, size_bytes: int, other: str) -> tuple[bytes, int, str]:
    content = os.pread(descriptor, size_bytes + 1, 0)
    if len(content) != size_bytes:
        raise FileChangedError
    another = hashlib.new(other, content, usedforsecurity=False).hexdigest() if other else ""
    return sha256(content).digest(), zlib_ng.crc32(content), another


def digest_chunks(
    descriptor: int, size_bytes: int, buffer: bytearray, other: str = "", told: Callable[[int], None] = nobody
) -> tuple[bytes, int, str]:
    """Read an open file once through a buffer: its SHA-256, its CRC-32, and the `other` digest if one is wanted.

    One buffer is filled again and again, for a new one for every chunk costs a third of the speed.

    Raises:
        FileChangedError: it has another size.
        OSError: it cannot be read to its end.
    """
    view = memoryview(buffer)
    digest, crc32, position = sha256(), 0, 0
    another = hashlib.new(other, usedforsecurity=False) if other else None
    while count := os.preadv(descriptor, [buffer], position):
        chunk = view[:count]
        digest.update(chunk)
        crc32 = zlib_ng.crc32(chunk, crc32)
        if another is not None:
            another.update(chunk)
        position += count
        told(position)
    if position != size_bytes:
        raise FileChangedError
    return digest.digest(), crc32, another.hexdigest() if another is not None else ""
