"""The two formats, read by Python's own readers; entries that hold no bytes anywhere may have any size."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Sequence
from io import BytesIO, RawIOBase
from zlib import crc32

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from moorage.files.archives.forms import NOTHING, ArchiveForm, Entry, Sized
from moorage.files.archives.tar import TarForm
from moorage.files.archives.zip import ZipForm

NOON = 1_773_489_600
FORMS = [ZipForm(), TarForm()]

names = st.text(st.characters(codec="utf-8", exclude_characters="/\0\n\r", exclude_categories=["Cc"]), min_size=1)
paths = st.lists(names.filter(lambda name: name not in {".", ".."}), min_size=1, max_size=4).map("/".join)
sizes = st.one_of(st.integers(0, 2000), st.sampled_from([2**32 - 2, 2**32 - 1, 2**32, 8**11 - 1, 8**11, 2**41]))
times = st.one_of(st.integers(-(2**33), 2**34), st.integers(NOON, NOON + 100))


class Sparse(RawIOBase):
    """A file that is zeros but for some places."""

    def __init__(self, length: int, known: dict[int, bytes]) -> None:
        super().__init__()
        self._length, self._known, self._position = length, known, 0

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        self._position = offset + (0, self._position, self._length)[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def read(self, size: int = -1) -> bytes:
        end = self._length if size < 0 else min(self._length, self._position + size)
        assert end - self._position < 10_000_000, "a reader asked for what nobody can hold"
        found = bytearray(max(0, end - self._position))
        for start, block in self._known.items():
            first, last = max(start, self._position), min(start + len(block), end)
            if first < last:
                found[first - self._position : last - self._position] = block[first - start : last - start]
        self._position = max(self._position, end)
        return bytes(found)


def written(form: ArchiveForm, entries: Sequence[Entry]) -> Sparse:
    """An archive of entries whose bytes are all zeros, however many; checks that it is as long as was foretold."""
    whole = NOTHING
    for entry in entries:
        whole = whole.plus(form.lengths(entry.path, entry.size_bytes))
    assert form.lengths_of([Sized(entry.path, entry.size_bytes) for entry in entries]) == whole
    known: dict[int, bytes] = {}
    at, index = 0, b""
    for entry in entries:
        header = form.header(entry)
        known[at] = header
        index += form.record(entry, part_at=at, whole=whole)
        length = form.lengths(entry.path, entry.size_bytes).parts
        assert length == len(header) + entry.size_bytes + form.padding_bytes(entry.size_bytes)
        at += length
    assert at == whole.parts
    assert len(index) == form.index_bytes(whole, whole)
    known[at] = index + form.ending(whole)
    return Sparse(at + len(known[at]), known)


def entries_of(facts: dict[str, tuple[int, int]]) -> list[Entry]:
    return [Entry(path.encode(), size, 0, modified) for path, (size, modified) in facts.items()]


@settings(max_examples=40)
@given(st.dictionaries(paths, st.tuples(sizes, times), max_size=5))
def test_python_lists_every_entry_of_a_zip(facts: dict[str, tuple[int, int]]) -> None:
    with zipfile.ZipFile(written(ZipForm(), entries_of(facts))) as archive:
        found = {info.filename: info.file_size for info in archive.infolist()}
        for info in archive.infolist():
            archive.open(info).close()  # compares the local header

    assert found == {path: size for path, (size, _) in facts.items()}


@settings(max_examples=40)
@given(st.dictionaries(paths, st.tuples(sizes, times), max_size=5))
def test_python_lists_every_entry_of_a_tar(facts: dict[str, tuple[int, int]]) -> None:
    with tarfile.open(fileobj=written(TarForm(), entries_of(facts)), mode="r:") as archive:
        found = {info.name: (info.size, int(info.mtime)) for info in archive}

    # Python strips slashes at the ends of names only; ours have none there.
    assert found == facts


def test_a_short_zip_has_nothing_of_zip64() -> None:
    archive = written(ZipForm(), [Entry(b"a", 3, crc32(b"abc"), NOON)])

    archive.seek(0)
    assert b"PK\6\6" not in archive.read()


@pytest.mark.parametrize("count", [0xFFFE, 0xFFFF, 0x10000])
def test_many_entries_are_all_counted(count: int) -> None:
    entries = [Entry(b"%d" % number, 0, 0, NOON) for number in range(count)]
    form = ZipForm()
    whole = NOTHING
    parts, index = [], []
    for entry in entries:
        index.append(form.record(entry, part_at=whole.parts, whole=NOTHING))
        parts.append(form.header(entry))
        whole = whole.plus(form.lengths(entry.path, 0))

    with zipfile.ZipFile(BytesIO(b"".join(parts + index) + form.ending(whole))) as archive:
        assert len(archive.namelist()) == count


def test_the_time_of_a_zip_entry_is_said_to_the_second_and_in_utc() -> None:
    header = ZipForm().header(Entry(b"a", 0, 0, NOON + 1))

    assert header.endswith(b"UT\5\0\1" + (NOON + 1).to_bytes(4, "little"))


@pytest.mark.parametrize("modified_s", [-(2**40), -1, 0, 2**31, 2**33, 2**40])
@pytest.mark.parametrize("form", FORMS, ids=["zip", "tar"])
def test_the_length_of_a_header_does_not_depend_on_the_time(form: ArchiveForm, modified_s: int) -> None:
    assert len(form.header(Entry(b"a", 5, 0, modified_s))) == len(form.header(Entry(b"a", 5, 0, NOON)))


@pytest.mark.parametrize("length", [*range(95, 125), 980, 990, 1000, 4096])
def test_a_path_of_any_length_goes_through_tar(length: int) -> None:
    path = "x" * length

    with tarfile.open(fileobj=written(TarForm(), [Entry(path.encode(), 7, 0, NOON)]), mode="r:") as archive:
        assert archive.getnames() == [path]
