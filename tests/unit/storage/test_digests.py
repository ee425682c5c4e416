from __future__ import annotations

import os
import time
import zlib
from hashlib import md5, sha1, sha256, sha512
from pathlib import Path
from typing import Any

import pytest

from moorage.storage.digests import CHUNK_BYTES, Digested, FileChangedError, digest_open_file

SIZES = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 7]


def digest_path(path: Path, *, youngest_seconds: float, other: str = "") -> Digested:
    with path.open("rb") as file:
        return digest_open_file(file.fileno(), youngest_seconds=youngest_seconds, other=other)


@pytest.mark.parametrize("size", SIZES)
def test_one_read_gives_both_digests(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    path = tmp_path / "file"
    path.write_bytes(content)

    found = digest_path(path, youngest_seconds=0)

    assert found.digest == sha256(content).hexdigest()
    assert found.crc32 == zlib.crc32(content)
    assert found.stamp.size_bytes == size
    assert found.other == ""


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(("other", "known"), [("md5", md5), ("sha1", sha1), ("sha512", sha512)])
def test_a_further_digest_is_of_the_same_read(tmp_path: Path, size: int, other: str, known: Any) -> None:
    content = os.urandom(size)
    path = tmp_path / "file"
    path.write_bytes(content)

    found = digest_path(path, youngest_seconds=0, other=other)

    assert found.other == known(content).hexdigest()
    assert (found.digest, found.crc32) == (sha256(content).hexdigest(), zlib.crc32(content))


@pytest.mark.parametrize("size", [10, CHUNK_BYTES + 10])
@pytest.mark.parametrize("change", [-1, 1])
def test_a_file_that_is_not_as_long_any_more_as_it_was_said_to_be_has_no_digest(
    tmp_path: Path, size: int, change: int
) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(size))
    status = path.stat()
    os.truncate(path, size + change)

    with path.open("rb") as file, pytest.raises(FileChangedError):
        # Not even where nobody should have been able to write.
        digest_open_file(file.fileno(), status=status, youngest_seconds=0, is_guarded=True)


@pytest.mark.parametrize("size", [10, CHUNK_BYTES + 10])
def test_a_file_that_was_written_to_since_it_was_looked_at_has_no_digest(tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(size))
    os.utime(path, ns=(0, 0))
    status = path.stat()
    time.sleep(0.02)  # a tick of the file system's clock
    path.write_bytes(b"x" * size)

    with path.open("rb") as file, pytest.raises(FileChangedError):
        digest_open_file(file.fileno(), status=status, youngest_seconds=0)


def test_a_large_read_tells_how_far_it_has_come_and_a_small_one_does_not(tmp_path: Path) -> None:
    told: list[int] = []
    for size in (CHUNK_BYTES - 1, 2 * CHUNK_BYTES + 1):
        path = tmp_path / "file"
        path.write_bytes(bytes(size))
        with path.open("rb") as file:
            digest_open_file(file.fileno(), youngest_seconds=0, told=told.append)
    assert told == [CHUNK_BYTES, 2 * CHUNK_BYTES, 2 * CHUNK_BYTES + 1]


def test_a_digest_waits_until_the_file_is_old_enough_for_its_times_to_tell_a_write(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"young")

    digest_path(path, youngest_seconds=0.3)

    assert time.time() - path.stat().st_ctime >= 0.3
