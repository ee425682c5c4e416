"""Copying one file: what is told when it was not the file that arrived."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Iterator
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


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that another account can enter, too."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def test_an_unreadable_file_and_a_closed_folder_are_denied(open_folder: Path) -> None:
    (open_folder / "unreadable").write_bytes(CONTENT)
    (open_folder / "unreadable").chmod(0)
    (open_folder / "readable").write_bytes(CONTENT)
    tree = Tree(open_folder)
    copies = [("unreadable", "copy", "source"), ("readable", "copy", "destination")]
    open_folder.chmod(0o555)

    for source, destination, side in copies:
        told = told_to_somebody_else(
            lambda source=source, destination=destination: copy_file(  # type: ignore[misc]
                Place(tree, parse_path(source)),
                Place(tree, parse_path(destination)),
                OPTIONS,
                moved=Watch(),
                checked=Watch(),
                chunk_bytes=1000,
            )
        )
        assert told == f"PERMISSION_DENIED {side}"


def told_to_somebody_else(copy: Callable[[], object]) -> str:
    """The fault that an account without any rights is told. (Everything is open to root, who may run the tests.)"""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setresgid(65534, 65534, 65534)
                os.setresuid(65534, 65534, 65534)
            copy()
            os.write(writing, b"it worked")
        except FaultError as fault:
            os.write(writing, f"{fault.code} {fault.side}".encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    with os.fdopen(reading) as answer:
        return answer.read()
