from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from moorage.storage.areas import AreaMissingError, StagingAreas
from moorage.storage.folders import KEPT_LEVELS, OpenFolders
from moorage.storage.layout import StoreLayout
from moorage.storage.room import FreeSpace
from moorage.storage.walk import FoundKind, walk

NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)


@pytest.fixture
def areas(tmp_path: Path) -> StagingAreas:
    layout = StoreLayout(tmp_path / "store")
    layout.make()
    return StagingAreas(layout)


def test_a_look_counts_files_and_tells_when_something_has_changed(areas: StagingAreas) -> None:
    areas.make("area")
    areas.make("area")
    area = areas.path_of("area")
    assert areas.look("area").files == 0
    (area / "folder").mkdir()
    (area / "folder" / "a").write_bytes(b"abc")
    (area / "link").symlink_to("folder")

    first = areas.look("area")
    assert (first.files, first.bytes, first.folders, first.others) == (1, 3, 1, 1)
    assert areas.look("area") == first
    (area / "folder" / "a").write_bytes(b"abd")
    assert areas.look("area").state_digest != first.state_digest


def test_a_seal_moves_the_area_once_and_may_be_repeated(areas: StagingAreas) -> None:
    areas.make("area")
    (areas.path_of("area") / "a").write_bytes(b"abc")

    sealed = areas.seal("area", "upload-1")
    areas.make("area")  # its name reappears
    assert areas.seal("area", "upload-1") == sealed

    assert (sealed / "a").read_bytes() == b"abc"
    assert areas.exists("area")
    assert areas.is_sealed("upload-1")


def test_an_area_that_is_nowhere_is_missing(areas: StagingAreas) -> None:
    with pytest.raises(AreaMissingError):
        areas.seal("gone", "upload-1")


def test_discarding_may_be_repeated_and_the_trash_keeps_its_time(areas: StagingAreas) -> None:
    areas.make("area")
    (areas.path_of("area") / "a").write_bytes(b"abc")
    until = NOON + timedelta(days=30)

    assert areas.discard("area", until=until)
    assert not areas.discard("area", until=until)

    assert areas.empty_trash(at=until - timedelta(seconds=1)) == 0
    assert areas.empty_trash(at=until) == 1
    assert os.listdir(areas.layout.trash) == []


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "/etc", "a\0b"])
def test_no_name_leads_out_of_the_store(areas: StagingAreas, name: str) -> None:
    with pytest.raises(ValueError, match="name of an area"):
        areas.make(name)


def test_the_trash_removes_a_tree_that_is_deep_and_locked(areas: StagingAreas) -> None:
    areas.make("area")
    folder = os.open(areas.path_of("area"), os.O_DIRECTORY)
    for _ in range(1500):
        os.mkdir("deeper", dir_fd=folder)
        below = os.open("deeper", os.O_DIRECTORY, dir_fd=folder)
        os.close(folder)
        folder = below
    os.close(os.open("last", os.O_CREAT | os.O_WRONLY, dir_fd=folder))
    os.fchmod(folder, 0)
    os.close(folder)

    areas.discard("area", until=NOON)
    areas.empty_trash(at=NOON)

    assert os.listdir(areas.layout.trash) == []


def test_a_walk_lists_parents_first_and_follows_nothing(tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "file").write_bytes(b"x")
    (root / "a" / "up").symlink_to("..")
    os.mkfifo(root / "pipe")

    found = list(walk(root))

    kinds = {item.path: item.kind for item in found}
    assert kinds == {
        b"a": FoundKind.DIRECTORY,
        b"a/b": FoundKind.DIRECTORY,
        b"a/b/file": FoundKind.FILE,
        b"a/up": FoundKind.SYMLINK,
        b"pipe": FoundKind.OTHER,
    }
    order = [item.path for item in found]
    assert order.index(b"a") < order.index(b"a/b") < order.index(b"a/b/file")


def test_folders_far_below_are_reached_with_few_descriptors(tmp_path: Path) -> None:
    names = [b"%d" % number for number in range(KEPT_LEVELS + 30)]
    path = tmp_path
    for name in names:
        path = path / name.decode()
    path.mkdir(parents=True)
    (path / "sibling").mkdir()
    before = len(os.listdir("/proc/self/fd"))

    with OpenFolders(tmp_path) as folders:
        deep = folders.at(b"/".join(names))
        assert os.listdir(deep) == ["sibling"]
        assert len(os.listdir("/proc/self/fd")) - before <= KEPT_LEVELS + 3
        assert os.listdir(folders.at(b"/".join([*names, b"sibling"]))) == []
        assert b"0" in map(os.fsencode, os.listdir(folders.at(b"")))
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_long_chain_is_gone_down_and_up_without_walking_it_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    depth, opened, plain = 10 * KEPT_LEVELS, list[object](), os.open
    ways = [b"/".join([b"s"] * level) for level in range(1, depth + 1)]
    with OpenFolders(tmp_path, make=True) as folders:
        folders.at(ways[-1])

    def counted(path: Any, *arguments: Any, **named: Any) -> int:
        opened.append(path)
        return plain(path, *arguments, **named)

    monkeypatch.setattr(os, "open", counted)
    with OpenFolders(tmp_path) as folders:
        inodes = [os.fstat(folders.at(way)).st_ino for way in ways]
        assert [os.fstat(folders.at(way)).st_ino for way in reversed(ways)] == inodes[::-1]
        assert len(os.listdir("/proc/self/fd")) <= 2 * KEPT_LEVELS + 30

    assert len(set(inodes)) == depth
    assert len(opened) <= 2 * depth * KEPT_LEVELS / 2 + depth


def test_a_link_on_the_way_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "outside").mkdir()
    (tmp_path / "root" / "link").symlink_to(tmp_path / "outside")
    with OpenFolders(tmp_path / "root") as folders, pytest.raises(OSError, match=r"[Nn]ot a directory|symbolic"):
        folders.at(b"link")


def test_the_floor_is_the_larger_of_a_share_and_an_amount() -> None:
    space = FreeSpace(total_bytes=1000, free_bytes=100)
    assert space.above_floor(percent=5, floor_bytes=10) == 50
    assert space.above_floor(percent=5, floor_bytes=200) == -100
