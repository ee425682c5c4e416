"""Reading stored objects again: is the file still what its name promises? (A fixity check; no database here.)

A reader is held back, so that members' transfers and imports keep their disk. What is in memory already is
let go before the read: bytes that come from memory say nothing of the disk.
"""

import errno
import os
import time
from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from hashlib import sha256
from pathlib import Path
from typing import Final, NamedTuple

from zlib_ng import zlib_ng

from moorage.storage.digests import CHUNK_BYTES, Digest, Digested, stamp_of
from moorage.storage.objects import ObjectMissingError, ObjectStore
from moorage.storage.placing import OBJECT_MODE

SMALLEST_COST: Final = 64 * 1024  # however small a file is, finding and opening it costs the disk so much
SMALLEST_BLOCK: Final = 4096
SHORTEST_WAIT_SECONDS: Final = 0.05  # a sleep is late by up to some milliseconds, each time
CATCH_UP_SECONDS: Final = 0.5
TRIES: Final = 3
DISK_FAULTS: Final = frozenset({errno.EIO, errno.EBADMSG, errno.EUCLEAN, errno.ENODATA})


class Finding(StrEnum):
    """What a reading found; a sentence can end with it."""

    WHOLE = "whole"
    OTHER_BYTES = "its bytes have changed"
    OTHER_SIZE = "it has another size"
    UNREADABLE = "the disk cannot read it"
    MISSING = "its file is missing"


class Reading(NamedTuple):
    """A reading of one object's file. `digested` is what it holds, where it was read to its end."""

    finding: Finding
    digested: Digested | None = None

    @property
    def is_whole(self) -> bool:
        return self.finding is Finding.WHOLE


class Throttle:
    """Holds a reader back to so many bytes a second; 0 does not hold back. Goes by its own monotonic clock."""

    def __init__(
        self,
        bytes_per_second: float,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._rate = bytes_per_second
        self._monotonic, self._sleep = monotonic, sleep
        self._free_at = 0.0
        self.bytes_read = 0

    @property
    def block_bytes(self) -> int:
        """How much to read at once, so that no wait is longer than about a second."""
        return CHUNK_BYTES if not self._rate else max(SMALLEST_BLOCK, min(CHUNK_BYTES, int(self._rate)))

    @property
    def bytes_in_a_second(self) -> int:
        """What may be read in a second, at least one byte; 0: as much as the disk gives."""
        return max(1, int(self._rate)) if self._rate else 0

    def cost_of(self, size_bytes: int) -> int:
        """What a whole file of that size costs."""
        return max(size_bytes, SMALLEST_COST)

    def took(self, count: int, *, cost: int | None = None) -> None:
        """Wait as long as these bytes cost; `cost` where that is more than they are. Many short waits are one."""
        self.bytes_read += count
        if not self._rate:
            return
        now = self._monotonic()
        # What a sleep was too long, or a write took between two reads, is caught up with. Longer time in which nothing
        # was read is not saved up: after a pause there is no burst.
        begins = self._free_at if now - self._free_at < CATCH_UP_SECONDS else now
        self._free_at = begins + (count if cost is None else cost) / self._rate
        if self._free_at - now >= SHORTEST_WAIT_SECONDS:
            self._sleep(self._free_at - now)


class ReadOrder(NamedTuple):
    """Objects to be read to their ends: the digest and the size of each."""

    objects: str
    files: tuple[tuple[str, int], ...]


def read_objects(order: ReadOrder) -> list[Reading]:
    """Read objects unthrottled, in an executor's process.

    Raises:
        OSError: one could not be opened or read for a reason that says nothing of its bytes.
    """
    unthrottled = Throttle(0)
    with ObjectStore(Path(order.objects)) as objects:
        return [
            read_object(objects, Digest(digest), size_bytes=size, throttle=unthrottled) for digest, size in order.files
        ]


def read_object(objects: ObjectStore, digest: Digest, *, size_bytes: int | None, throttle: Throttle) -> Reading:
    """Read one object's file to its end, in blocks, and say what was found. `size_bytes` None: any size will do.

    A whole one whose mode lets somebody write is made read-only again.

    Raises:
        OSError: it could not be opened or read for a reason that says nothing of its bytes.
    """
    for _ in range(TRIES):
        try:
            descriptor = objects.open_object(digest)
        except ObjectMissingError:
            return Reading(Finding.MISSING)
        except OSError as error:
            if error.errno in DISK_FAULTS:
                return Reading(Finding.UNREADABLE)
            raise
        try:
            reading = _read_open(descriptor, digest, size_bytes, throttle)
        finally:
            os.close(descriptor)
        if reading is not None:
            return reading
    # Somebody keeps writing to a file that nobody may write to.
    return Reading(Finding.OTHER_BYTES)


def _read_open(descriptor: int, digest: Digest, size_bytes: int | None, throttle: Throttle) -> Reading | None:
    """None: it was written to while it was read."""
    status = os.fstat(descriptor)
    if size_bytes is not None and status.st_size != size_bytes:
        throttle.took(0, cost=SMALLEST_COST)
        return Reading(Finding.OTHER_SIZE)
    _forget(descriptor)
    try:
        found, crc32, length = _digest_of(descriptor, throttle)
    except OSError as error:
        if error.errno in DISK_FAULTS:
            return Reading(Finding.UNREADABLE)
        raise
    _forget(descriptor)
    after = os.fstat(descriptor)
    # Not the ctime: it also moves when another name of the file comes or goes.
    if (status.st_size, status.st_mtime_ns) != (after.st_size, after.st_mtime_ns) or length != after.st_size:
        return None
    digested = Digested(found, crc32, stamp_of(after))
    if found != digest:
        return Reading(Finding.OTHER_BYTES, digested)
    if after.st_mode & 0o777 != OBJECT_MODE:
        with suppress(PermissionError):
            os.fchmod(descriptor, OBJECT_MODE)
        digested = digested._replace(stamp=stamp_of(os.fstat(descriptor)))
    return Reading(Finding.WHOLE, digested)


def _digest_of(descriptor: int, throttle: Throttle) -> tuple[Digest, int, int]:
    digest, crc32, position = sha256(), 0, 0
    while block := os.pread(descriptor, throttle.block_bytes, position):
        digest.update(block)
        crc32 = zlib_ng.crc32(block, crc32)
        position += len(block)
        throttle.took(len(block))
    throttle.took(0, cost=max(0, SMALLEST_COST - position))
    return Digest(digest.hexdigest()), crc32, position


def _forget(descriptor: int) -> None:
    """Let the pages of a file go: before, so that the disk is read; after, so that others' pages stay in memory."""
    with suppress(OSError):
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
