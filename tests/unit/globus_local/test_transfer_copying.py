"""Copying one file: what is told when it was not the file that arrived."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from globus_local.transfer.copying import CopyOptions, Place, copy_file
from globus_local.transfer.faults import FaultError, InterruptedTaskError
from globus_local.transfer.paths import parse_path
from globus_local.transfer.tree import Tree

CONTENT = bytes(range(256)) * 100
OPTIONS = CopyOptions(
    sync_level=None,
    verify_checksum=True,
    preserve_timestamp=False,
    checksum_algorithm="SHA256",
    external_checksum=None,
)


@pytest.fixture
def places(tmp_path: Path) -> tuple[Place, Place]:
    (tmp_path / "source").write_bytes(CONTENT)
    tree = Tree(tmp_path)
    return Place(tree, parse_path("/source")), Place(tree, parse_path("/destination"))


class Watch:
    """Counts bytes; does something once all of the file has been moved."""

    def __init__(self) -> None:
        self.total = 0

    def __call__(self, count: int) -> None:
        self.total += count
        if self.total == len(CONTENT):
            self.when_all_moved()

    def when_all_moved(self) -> None:
        """Nothing, unless a test wants it."""


def test_a_copy_is_read_again_and_its_checksum_told(places: tuple[Place, Place], tmp_path: Path) -> None:
    moved, checked = Watch(), Watch()

    copied = copy_file(*places, OPTIONS, moved=moved, checked=checked, chunk_bytes=1000)

    assert (tmp_path / "destination").read_bytes() == CONTENT
    assert copied.checksum == hashlib.sha256(CONTENT).hexdigest()
    assert moved.total == checked.total == copied.size_bytes == len(CONTENT)


def test_a_byte_that_changes_on_its_way_is_noticed(places: tuple[Place, Place], tmp_path: Path) -> None:
    class Bitrot(Watch):
        def when_all_moved(self) -> None:
            with (tmp_path / "destination").open("r+b") as file:
                file.seek(500)
                file.write(b"!")

    with pytest.raises(FaultError) as caught:
        copy_file(*places, OPTIONS, moved=Bitrot(), checked=Watch(), chunk_bytes=1000)

    assert (caught.value.code, caught.value.is_fatal) == ("VERIFY_CHECKSUM", False)


@pytest.mark.parametrize("mode", ["ab", "r+b"])
def test_a_source_that_changes_meanwhile_is_copied_again(
    places: tuple[Place, Place], tmp_path: Path, mode: str
) -> None:
    class Instrument(Watch):
        def when_all_moved(self) -> None:
            with (tmp_path / "source").open(mode) as file:
                file.write(b"more")

    with pytest.raises(FaultError) as caught:
        copy_file(*places, OPTIONS, moved=Instrument(), checked=Watch(), chunk_bytes=1000)

    assert (caught.value.code, caught.value.side) == ("FILE_SIZE_CHANGED", "source")


def test_a_copy_that_is_stopped_leaves_its_first_part(places: tuple[Place, Place], tmp_path: Path) -> None:
    def stop(_count: int) -> None:
        raise InterruptedTaskError

    with pytest.raises(InterruptedTaskError):
        copy_file(*places, OPTIONS, moved=stop, checked=Watch(), chunk_bytes=1000)

    assert (tmp_path / "destination").read_bytes() == CONTENT[:1000]


def test_an_older_longer_file_leaves_no_tail(places: tuple[Place, Place], tmp_path: Path) -> None:
    (tmp_path / "destination").write_bytes(b"old" * 100_000)

    copy_file(*places, OPTIONS, moved=Watch(), checked=Watch(), chunk_bytes=1000)

    assert (tmp_path / "destination").read_bytes() == CONTENT
