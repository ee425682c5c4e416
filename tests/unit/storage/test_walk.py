"""The walk over a folder: everything, once, in parts, whatever happens on the way."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from moorage.storage.walk import PART_ENTRIES, FolderPart, FoundKind, walk, walk_folders


def parts_of(root: Path) -> list[FolderPart]:
    return list(walk_folders(root))


def paths_of(part: FolderPart) -> set[bytes]:
    return {found.path for found in part.found}


def test_everything_is_listed_in_its_folder_and_a_folder_after_the_one_it_lies_in(tmp_path: Path) -> None:
    (tmp_path / "a/b/c").mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    for name in ("top", "a/one", "a/b/two", "a/b/c/three"):
        (tmp_path / name).write_text(name)

    parts = parts_of(tmp_path)

    assert {part.path: paths_of(part) for part in parts} == {
        b"": {b"a", b"empty", b"top"},
        b"a": {b"a/b", b"a/one"},
        b"a/b": {b"a/b/c", b"a/b/two"},
        b"a/b/c": {b"a/b/c/three"},
        b"empty": set(),
    }
    order = [part.path for part in parts]
    assert all(order.index(path.rpartition(b"/")[0]) < order.index(path) for path in order[1:])
    assert parts[0].folder is None
    assert all(part.folder is not None and part.folder.path == part.path for part in parts[1:])


def test_a_folder_of_many_names_comes_in_parts_and_is_named_itself_in_the_first(tmp_path: Path) -> None:
    (tmp_path / "many").mkdir()
    names = {f"many/{number:04}" for number in range(2 * PART_ENTRIES + PART_ENTRIES // 2)}
    for name in names:
        (tmp_path / name).touch()

    parts = [part for part in parts_of(tmp_path) if part.path == b"many"]

    assert [len(part.found) for part in parts] == [PART_ENTRIES, PART_ENTRIES, PART_ENTRIES // 2]
    assert sorted(found.path.decode() for part in parts for found in part.found) == sorted(names)
    assert [part.folder is not None for part in parts] == [True, False, False]
    assert not any(part.again for part in parts)


def test_a_folder_of_exactly_one_part_has_no_empty_second_one(tmp_path: Path) -> None:
    for number in range(PART_ENTRIES):
        (tmp_path / f"{number:04}").touch()

    assert [len(part.found) for part in parts_of(tmp_path)] == [PART_ENTRIES]


def test_a_found_file_is_told_with_what_tells_it_from_another(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"12345")
    status = (tmp_path / "file").stat()

    [found] = walk(tmp_path)

    assert found[2:6] == (5, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)


def test_nothing_is_followed_and_what_holds_no_data_is_named(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "secret").touch()
    area = tmp_path / "area"
    area.mkdir()
    (area / "to_folder").symlink_to(elsewhere)
    (area / "to_file").symlink_to(elsewhere / "secret")
    (area / "to_nothing").symlink_to("nowhere")
    os.mkfifo(area / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(area / "socket"))

        kinds = {found.path: found.kind for found in walk(area)}

    assert kinds == {
        b"to_folder": FoundKind.SYMLINK,
        b"to_file": FoundKind.SYMLINK,
        b"to_nothing": FoundKind.SYMLINK,
        b"pipe": FoundKind.OTHER,
        b"socket": FoundKind.OTHER,
    }


def test_names_are_bytes(tmp_path: Path) -> None:
    for name in (b"caf\xe9", b"line\nbreak", "שלום".encode()):
        (Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name))).touch()

    assert {found.path for found in walk(tmp_path)} == {b"caf\xe9", b"line\nbreak", "שלום".encode()}


def test_a_folder_whose_path_is_too_long_is_reported_and_not_entered(tmp_path: Path) -> None:
    name = "n" * 250
    descriptor = os.open(tmp_path, os.O_RDONLY)
    for _ in range(18):
        os.mkdir(name, dir_fd=descriptor)
        below = os.open(name, os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = below
    os.close(descriptor)

    *entered, last = list(walk(tmp_path))

    assert len(entered) == 16
    assert not any(found.trouble for found in entered)
    assert (last.trouble, len(last.path)) == ("too_long", 17 * 251 - 1)


def test_a_root_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(walk_folders(tmp_path / "nothing"))


class FailingEntries:
    """A listing that fails after so many names, as a disk does."""

    def __init__(self, entries: Any, names: int) -> None:
        self._entries, self._names = entries, names

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._entries.close()

    def __iter__(self) -> Iterator[os.DirEntry[str]]:
        return self

    def __next__(self) -> os.DirEntry[str]:
        if self._names == 0:
            raise OSError(errno.EIO, "the disk failed")
        self._names -= 1
        return next(self._entries)


@pytest.fixture
def fail_listing(monkeypatch: pytest.MonkeyPatch) -> Callable[[Path, int], None]:
    """Have the listing of a folder fail after so many names."""
    real = os.scandir

    def fail(folder: Path, names: int) -> None:
        inode = folder.stat().st_ino

        def scandir(descriptor: int) -> Any:
            entries = real(descriptor)
            return FailingEntries(entries, names) if os.fstat(descriptor).st_ino == inode else entries

        monkeypatch.setattr(os, "scandir", scandir)

    return fail


def test_a_folder_that_cannot_be_listed_is_reported_and_the_rest_is_walked(
    tmp_path: Path, fail_listing: Callable[[Path, int], None]
) -> None:
    for folder in ("bad", "good"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "file").touch()
    fail_listing(tmp_path / "bad", 0)

    parts = {part.path: part for part in parts_of(tmp_path)}

    bad = parts[b"bad"]
    assert bad.folder is not None
    assert (bad.folder.trouble, bad.found, bad.again) == ("unreadable", [], False)
    assert paths_of(parts[b"good"]) == {b"good/file"}


def test_a_folder_whose_listing_fails_midway_is_named_again_and_what_was_listed_before_stays(
    tmp_path: Path, fail_listing: Callable[[Path, int], None]
) -> None:
    (tmp_path / "bad").mkdir()
    for number in range(2 * PART_ENTRIES):
        (tmp_path / f"bad/{number:04}").touch()
    fail_listing(tmp_path / "bad", PART_ENTRIES + 10)

    parts = [part for part in parts_of(tmp_path) if part.path == b"bad"]

    assert [(len(part.found), part.folder.trouble if part.folder else None, part.again) for part in parts] == [
        (PART_ENTRIES, "", False),
        (0, "unreadable", True),
    ]


def test_a_root_whose_listing_fails_is_an_error_and_never_an_empty_area(
    tmp_path: Path, fail_listing: Callable[[Path, int], None]
) -> None:
    (tmp_path / "file").touch()
    fail_listing(tmp_path, 0)

    with pytest.raises(OSError, match="the disk failed"):
        list(walk_folders(tmp_path))


def test_a_folder_that_goes_while_the_walk_is_elsewhere_has_vanished(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    walking = walk_folders(tmp_path)
    next(walking)
    (tmp_path / "gone").rmdir()

    [part] = walking

    assert part.folder is not None
    assert (part.path, part.folder.trouble) == (b"gone", "vanished")


def test_a_folder_that_was_exchanged_for_a_link_is_not_entered(tmp_path: Path) -> None:
    area, secret = tmp_path / "area", tmp_path / "secret"
    (area / "folder").mkdir(parents=True)
    secret.mkdir()
    (secret / "of others").touch()
    walking = walk_folders(area)
    next(walking)
    (area / "folder").rmdir()
    (area / "folder").symlink_to(secret)

    [part] = walking

    assert part.folder is not None
    assert (part.found, part.folder.trouble) == ([], "unreadable")


def test_no_descriptor_stays_open_wherever_the_walk_ends(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}/below").mkdir(parents=True)
    before = len(os.listdir("/proc/self/fd"))
    for taken in range(7):
        walking = walk_folders(tmp_path)
        for _ in range(taken):
            next(walking)
        walking.close()  # type: ignore[attr-defined]
        assert len(os.listdir("/proc/self/fd")) == before
