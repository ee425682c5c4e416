"""Plain files, as a process of the pool places them: what becomes a row, and what has to go the usual way."""

from __future__ import annotations

import errno
import os
from hashlib import sha256
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest

from moorage.files.paths import path_key
from moorage.importer.batches import place_plain as module
from moorage.importer.batches.data import AWAY, READ_ERROR
from moorage.importer.batches.place_plain import place_plain
from moorage.importer.batches.plain import (
    DIGEST,
    IDENTICAL,
    MODIFIED,
    NEW,
    NEW_VERSION,
    SIZE,
    WIDTH,
    AtName,
    PlainAnswer,
    PlainFolder,
    PlainOrder,
)
from moorage.importer.words.verdicts import Verdict
from moorage.storage import small_files, sync
from moorage.storage.digests import CHUNK_BYTES, digest_chunks
from moorage.storage.layout import StoreLayout
from moorage.storage.small_files import LARGEST_BYTES, ONE_READ_BYTES


@pytest.fixture
def area(tmp_path: Path) -> Path:
    StoreLayout(tmp_path).make()
    (tmp_path / "area" / "folder").mkdir(parents=True)
    return tmp_path / "area"


def placed(area: Path, *names: bytes, folder: bytes = b"folder", **standing: AtName) -> PlainAnswer:
    at = {name.encode(): one for name, one in standing.items()}
    some = PlainFolder(folder, "place", list(names), at, directory_id=7)
    return place_plain(PlainOrder(str(area), str(area.parent / "objects"), (some,), youngest_seconds=0))


def rows(answer: PlainAnswer) -> list[tuple[object, ...]]:
    values = answer.linked + answer.standing
    return [tuple(values[start : start + WIDTH]) for start in range(0, len(values), WIDTH)]


def digest_of(content: bytes) -> bytes:
    return sha256(content).digest()


def objects(area: Path) -> set[str]:
    return {path.name for path in (area.parent / "objects").rglob("*") if path.is_file()}


def test_a_file_becomes_the_row_that_the_manifest_has_of_it_and_an_object(area: Path) -> None:
    file = area / "folder" / "a"
    file.write_bytes(b"bytes")

    answer = placed(area, b"a")

    status = file.stat()
    stamp = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    key = path_key(b"folder/a")
    assert rows(answer) == [(b"folder/a", key, "a", *stamp, 7, "new", digest_of(b"bytes"), crc32(b"bytes"))]
    assert objects(area) == {sha256(b"bytes").hexdigest()}
    assert status.st_mode & 0o777 == 0o444
    assert (answer.files, answer.size) == (1, 5)


@pytest.mark.parametrize(
    "size", [0, 1, ONE_READ_BYTES - 1, ONE_READ_BYTES, CHUNK_BYTES, 2 * CHUNK_BYTES + 7, LARGEST_BYTES]
)
def test_a_file_of_any_size_up_to_the_largest_is_placed_as_what_it_is(area: Path, size: int) -> None:
    content = os.urandom(size)
    (area / "folder" / "a").write_bytes(content)

    answer = placed(area, b"a")

    [row] = rows(answer)
    assert row[SIZE:MODIFIED] == (size,)
    assert row[DIGEST:] == (digest_of(content), crc32(content))
    assert objects(area) == {sha256(content).hexdigest()}


def test_who_comes_to_write_while_a_larger_file_is_read_sends_it_the_usual_way(
    area: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = os.urandom(CHUNK_BYTES)
    (area / "folder" / "a").write_bytes(content)

    def read_beside_a_writer(descriptor: int, *given: Any) -> Any:
        with pytest.raises(BlockingIOError):
            os.open(area / "folder" / "a", os.O_WRONLY | os.O_NONBLOCK)
        return digest_chunks(descriptor, *given)

    monkeypatch.setattr(small_files, "digest_chunks", read_beside_a_writer)
    # The project has these bytes there, so nothing is going to be linked either.
    answer = placed(area, b"a", a=(digest_of(content), 12, 0))

    assert rows(answer) == []
    assert answer.odd == [(0, b"a")]


def test_a_larger_file_that_ends_early_goes_the_usual_way(area: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (area / "folder" / "a").write_bytes(bytes(CHUNK_BYTES))
    monkeypatch.setattr(
        small_files, "digest_chunks", lambda descriptor, size, buffer: digest_chunks(descriptor, size + 1, buffer)
    )

    assert placed(area, b"a").odd == [(0, b"a")]
    assert objects(area) == set()


def test_names_of_the_first_folder_have_no_slash(area: Path) -> None:
    (area / "a").write_bytes(b"bytes")

    assert rows(placed(area, b"a", folder=b""))[0][:2] == (b"a", path_key(b"a"))


def modified(area: Path, content: bytes) -> int:
    digest = digest_of(content).hex()
    return (area.parent / "objects" / digest[:2] / digest).stat().st_mtime_ns


def test_what_the_project_has_already_is_no_new_object_and_what_it_has_otherwise_is(area: Path) -> None:
    (area / "folder" / "first").write_bytes(b"same")
    placed(area, b"first")
    for name in ("same", "other"):
        (area / "folder" / name).write_bytes(name.encode())

    has = (digest_of(b"same"), 12, modified(area, b"same"))
    answer = placed(area, b"same", b"other", same=has, other=has)

    assert {row[2]: row[DIGEST - 1] for row in rows(answer)} == {"same": IDENTICAL, "other": NEW_VERSION}
    assert answer.object_ids == [12]
    assert (area / "folder" / "same").stat().st_nlink == 1


@pytest.mark.parametrize("how", ["another time", "another size"])
def test_what_the_project_has_is_believed_only_as_it_was_read(area: Path, how: str) -> None:
    (area / "folder" / "first").write_bytes(b"same")
    placed(area, b"first")
    has = (digest_of(b"same"), 12, modified(area, b"same"))
    stored = area.parent / "objects" / has[0].hex()[:2] / has[0].hex()
    stored.chmod(0o644)
    stored.write_bytes(b"Same" if how == "another time" else b"sam")
    os.utime(stored, ns=(0, has[2] + (how == "another time")))
    stored.chmod(0o444)
    (area / "folder" / "again").write_bytes(b"same")

    answer = placed(area, b"again", again=has)

    assert (rows(answer), answer.reused) == ([], [])
    assert answer.odd == [(0, b"again")]


def test_who_comes_to_write_before_a_small_file_is_linked_sends_it_the_usual_way(
    area: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (area / "folder" / "a").write_bytes(b"bytes")

    def digested_beside_a_writer(small: small_files.SmallFiles, descriptor: int, size: int) -> Any:
        found = digest(small, descriptor, size)
        with pytest.raises(BlockingIOError):
            os.open(area / "folder" / "a", os.O_WRONLY | os.O_NONBLOCK)
        return found

    digest = small_files.SmallFiles._digest
    monkeypatch.setattr(small_files.SmallFiles, "_digest", digested_beside_a_writer)

    assert placed(area, b"a").odd == [(0, b"a")]
    assert objects(area) == set()


def test_bytes_that_something_in_the_store_is_named_by_are_told_of_apart(area: Path) -> None:
    for name in ("a", "b"):
        (area / "folder" / name).write_bytes(b"twice")

    answer = placed(area, b"a", b"b")

    assert [row[2] for row in rows(answer)] == ["a"]
    again = answer.reused
    assert again[WIDTH:] == [modified(area, b"twice")]
    assert (again[2], again[DIGEST - 1], again[DIGEST]) == ("b", NEW, digest_of(b"twice"))


def odd_things(folder: Path) -> None:
    (folder / "linked").write_bytes(b"1")
    os.link(folder / "linked", folder / "linked too")
    (folder / "symlink").symlink_to("linked")
    os.mkfifo(folder / "pipe")
    (folder / "is a folder").mkdir()
    (folder / "large").touch()
    os.truncate(folder / "large", LARGEST_BYTES + 1)
    (folder / "far").write_bytes(b"2")
    os.utime(folder / "far", ns=(0, 2**63 - 1))
    (folder / os.fsdecode(b"\xff")).write_bytes(b"3")
    (folder / "control\n").write_bytes(b"4")


def test_whatever_is_unusual_goes_the_usual_way_untouched(area: Path) -> None:
    odd_things(area / "folder")
    names = [os.fsencode(name) for name in os.listdir(area / "folder")] + [b"vanished"]
    names.remove(b"far")  # ext4 cannot hold it, and keeps another

    with (area / "folder" / "open").open("wb"):
        answer = placed(area, b"open", *names)

    assert rows(answer) == []
    assert {name for _, name in answer.odd} == {b"open", *names}
    assert objects(area) == set()


def test_a_folder_that_is_gone_is_left_to_the_usual_way(area: Path) -> None:
    assert placed(area, b"a", folder=b"other").odd == [(0, b"a")]


def test_what_could_not_be_synced_is_not_forgotten(area: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (area / "folder" / "a").write_bytes(b"1")

    def fails(_: int) -> None:
        raise OSError(errno.EIO, "the disk failed")

    monkeypatch.setattr(sync, "sync_file_system", fails)
    answer = placed(area, b"a")

    assert (rows(answer), answer.odd) == ([], [])
    assert (answer.left, answer.trouble) == ([(0, [b"a"])], READ_ERROR)


def test_a_store_that_is_away_is_waited_for(area: Path) -> None:
    (area / "folder" / "a").write_bytes(b"1")
    (area.parent / "objects").rename(area.parent / "elsewhere")

    assert placed(area, b"a").trouble == AWAY


def test_an_order_is_left_off_when_it_has_read_enough(area: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 10)
    for name in "abc":
        (area / "folder" / name).write_bytes(name.encode() * 6)

    answer = placed(area, b"a", b"b", b"c")

    assert [row[2] for row in rows(answer)] == ["a", "b"]
    assert answer.left == [(0, [b"c"])]


def test_the_words_of_a_process_without_django_are_those_of_the_manifest() -> None:
    assert (NEW, NEW_VERSION, IDENTICAL) == (Verdict.NEW, Verdict.NEW_VERSION, Verdict.IDENTICAL)
