from __future__ import annotations

import os
import time
import zlib
from hashlib import sha256
from pathlib import Path

import pytest

from moorage.storage.digests import CHUNK_BYTES, Digested, digest_open_file


def digest_path(path: Path, *, youngest_seconds: float) -> Digested:
    with path.open("rb") as file:
        return digest_open_file(file.fileno(), youngest_seconds=youngest_seconds)


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1])
def test_one_read_gives_both_digests(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    path = tmp_path / "file"
    path.write_bytes(content)

    found = digest_path(path, youngest_seconds=0)

    assert found.digest == sha256(content).hexdigest()
    assert found.crc32 == zlib.crc32(content)
    assert found.stamp.size_bytes == size


def test_a_digest_waits_until_the_file_is_old_enough_for_its_times_to_tell_a_write(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"young")

    digest_path(path, youngest_seconds=0.3)

    assert time.time() - path.stat().st_ctime >= 0.3
