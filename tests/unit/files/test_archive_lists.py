"""The lists that go along with files."""

from __future__ import annotations

import json
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest

from moorage.files.archives.lists import ListedFile, digest_line, facts_line, in_blocks, list_name

NOON = "2026-03-14T12:00:00Z"


def a_file(path: str, content: bytes = b"x", *, by: str = "Ada") -> ListedFile:
    return ListedFile(path, len(content), sha256(content).hexdigest(), NOON, "v", 3, by, "")


@pytest.mark.parametrize("name", ["plain", " spaces ", "back\\slash", "new\nline", "both\\\n", "cr\r", "*star", "ä"])
def test_sha256sum_reads_our_lines_and_writes_the_same(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"content")
    line = digest_line(a_file(name, b"content"))
    (tmp_path / "list").write_text(line, newline="")

    subprocess.run(["sha256sum", "--strict", "-c", "list"], cwd=tmp_path, check=True, capture_output=True)
    said = subprocess.run(["sha256sum", "--", name], cwd=tmp_path, check=True, capture_output=True).stdout
    assert said.decode() == line


def test_facts_are_one_document_a_line() -> None:
    line = facts_line(a_file("a\nb", by=""))

    assert line.count("\n") == 1
    assert json.loads(line) == {
        "path": "a\nb",
        "size_bytes": 1,
        "digest": sha256(b"x").hexdigest(),
        "modified_at": "2026-03-14T12:00:00Z",
        "version": "v",
        "revision": 3,
        "by": None,
        "upload": None,
    }


def test_a_list_makes_way_for_a_file_of_its_name() -> None:
    assert list_name("manifest-sha256.txt", taken=True) == "moorage-manifest-sha256.txt"
    assert list_name("manifest-sha256.txt", taken=False) == "manifest-sha256.txt"


def test_lines_come_in_blocks() -> None:
    blocks = list(in_blocks(f"{number:0100}\n" for number in range(3000)))

    assert 2 < len(blocks) < 20
    assert b"".join(blocks).count(b"\n") == 3000
