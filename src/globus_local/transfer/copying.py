"""Copying one file from a collection into another, and proving it.

The bytes go to the final name directly, as with Globus: a file that is still on its way can be seen.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from globus_local.transfer.faults import FaultError, fault_from
from globus_local.transfer.paths import CollectionPath
from globus_local.transfer.tree import Tree

CHUNK_BYTES: Final = 1 << 20
ALGORITHMS: Final = {
    "MD5": "md5",
    "SHA1": "sha1",
    "SHA224": "sha224",
    "SHA256": "sha256",
    "SHA384": "sha384",
    "SHA512": "sha512",
}


@dataclass(frozen=True)
class CopyOptions:
    """How a file is copied. `sync_level` None copies always (globus-wire.md §3.2)."""

    sync_level: int | None
    verify_checksum: bool
    preserve_timestamp: bool
    checksum_algorithm: str  # a key of ALGORITHMS
    external_checksum: str | None


@dataclass(frozen=True)
class Place:
    """A file of a collection, there or not yet."""

    tree: Tree
    path: CollectionPath


@dataclass(frozen=True)
class Copied:
    """What came of it. `was_needed` False: sync found the destination up to date."""

    size_bytes: int
    checksum: str | None
    was_needed: bool


Watch = Callable[[int], None]
"""Called with the number of bytes since its last call; raises to stop. It may also sleep (throttling)."""


def copy_file(
    source: Place, destination: Place, options: CopyOptions, *, moved: Watch, checked: Watch, chunk_bytes: int
) -> Copied:
    """Copy one regular file. `moved` watches bytes copied, `checked` bytes read again for a checksum.

    Raises:
        FaultError: it has not worked this time. A part of it may be at the destination.
    """
    with _faults(source, "source"), source.tree.reading(source.path) as (reading, before):
        if _is_up_to_date(reading, before, destination, options, checked):
            return Copied(before.st_size, None, was_needed=False)
        digest = _hash(options) if options.verify_checksum or options.external_checksum else None
        with (
            _faults(destination, "destination"),
            destination.tree.writing(destination.path, source=before) as writing,
        ):
            size = 0
            for chunk in _chunks(source, reading, _room(before, chunk_bytes)):
                if digest is not None:
                    digest.update(chunk)
                _write_all(writing, chunk)
                size += len(chunk)
                moved(len(chunk))
            if options.preserve_timestamp:
                os.utime(writing, ns=(before.st_atime_ns, before.st_mtime_ns))
        after = os.fstat(reading)
        if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns) or size != after.st_size:
            raise FaultError("FILE_SIZE_CHANGED", f"{source.path} changed while it was copied.", side="source")
    checksum = digest.hexdigest() if digest else None
    _verify(destination, options, checksum, checked)
    return Copied(size, checksum, was_needed=True)


def _chunks(source: Place, reading: int, chunk_bytes: int) -> Iterator[memoryview]:
    """A file's bytes, always in the same piece of memory."""
    buffer = memoryview(bytearray(chunk_bytes))
    while True:
        with _faults(source, "source"):
            count = os.readv(reading, [buffer])
        if not count:
            return
        yield buffer[:count]


def _room(status: os.stat_result, chunk_bytes: int) -> int:
    """The size of the buffer: no megabyte has to be cleared for a file of some bytes."""
    return min(chunk_bytes, status.st_size + 1)


def _write_all(writing: int, chunk: memoryview) -> None:
    written = 0
    while written < len(chunk):
        written += os.write(writing, chunk[written:])


def _verify(destination: Place, options: CopyOptions, checksum: str | None, checked: Watch) -> None:
    if options.external_checksum and checksum != options.external_checksum.lower():
        raise FaultError(
            "EXTERNAL_CHECKSUM_MISMATCH",
            f"{destination.path} has {options.checksum_algorithm} {checksum}, "
            f"not {options.external_checksum} as was asked for.",
            side="destination",
            is_fatal=True,
        )
    if not options.verify_checksum:
        return
    with _faults(destination, "destination"), destination.tree.reading(destination.path) as (reading, _):
        arrived = _digest(reading, options, checked)
    if arrived != checksum:
        raise FaultError(
            "VERIFY_CHECKSUM",
            f"{destination.path} arrived with {options.checksum_algorithm} {arrived}, was sent with {checksum}.",
            side="destination",
        )


def _is_up_to_date(
    reading: int, source: os.stat_result, destination: Place, options: CopyOptions, checked: Watch
) -> bool:
    if options.sync_level is None:
        return False
    try:
        with destination.tree.reading(destination.path) as (there, status):
            if options.sync_level >= 1 and status.st_size != source.st_size:
                return False
            if options.sync_level == 2 and source.st_mtime_ns > status.st_mtime_ns:
                return False
            if options.sync_level < 3:
                return True
            return _digest(there, options, checked) == _digest(reading, options, checked)
    except OSError:
        return False  # missing or not a file: copying will say what is wrong
    finally:
        os.lseek(reading, 0, os.SEEK_SET)


def _digest(reading: int, options: CopyOptions, checked: Watch) -> str:
    digest = _hash(options)
    buffer = memoryview(bytearray(_room(os.fstat(reading), CHUNK_BYTES)))
    while count := os.readv(reading, [buffer]):
        digest.update(buffer[:count])
        checked(count)
    return digest.hexdigest()


def _hash(options: CopyOptions) -> hashlib._Hash:
    return hashlib.new(ALGORITHMS[options.checksum_algorithm], usedforsecurity=False)


@contextmanager
def _faults(place: Place, side: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise fault_from(error, place.path, side=side) from error
