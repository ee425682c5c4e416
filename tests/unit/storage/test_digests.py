from __future__ import annotations

import os
import time
import zlib
from hashlib import sha256
from pathlib import Path

import pytest

from moorage.storage.digests import CHUNK_BYTES, digest_file


@pytest.mark.parametrize("size", [0, 1, CHUNK_BYTES, CHUNK_BYTES + 1])
def test_one_read_gives_both_digests(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    path = tmp_path / "file"
    path.write_bytes(content)

    found = digest_file(path, youngest_seconds=0)

    assert found.digest == sha256(content).hexdigest()
    assert found.crc32 == zlib.crc32(content)
    assert found.stamp.size_bytes == size


def test_a_digest_waits_until_the_file_is_old_enough_for_its_times_to_tell_a_write(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"young")

    digest_file(path, youngest_seconds=0.3)

    assert time.time() - path.stat().st_ctime >= 0.3


def test_a_link_is_not_digested(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"bytes")
    (tmp_path / "link").symlink_to("file")
    with pytest.raises(OSError, match="link"):
        digest_file(tmp_path / "link")
