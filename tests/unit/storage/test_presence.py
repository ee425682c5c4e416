"""Whether the store is there, and that nothing of it is made, or called missing, while it is not."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from moorage.importer.batches import data
from moorage.importer.batches.data import BatchOrder
from moorage.importer.batches.digest import trouble_of_area, trouble_of_store
from moorage.importer.batches.place import place_batch
from moorage.storage.areas import StagingAreas
from moorage.storage.inventory import strangers
from moorage.storage.layout import StoreAwayError, StoreLayout
from moorage.storage.walk import look_again

FOLDERS = ("collection", "sealed", "objects", "trees", "trash")
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


@pytest.fixture
def store(tmp_path: Path) -> StoreLayout:
    layout = StoreLayout(tmp_path / "store")
    layout.make()
    return layout


def unmount(store: StoreLayout, *, folders: bool) -> None:
    """What is below a mount point without its disk: nothing, or folders that were made there by mistake."""
    store.root.rename(store.root.parent / "its disk")
    store.root.mkdir()
    for name in FOLDERS if folders else ():
        (store.root / name).mkdir()


def test_a_store_is_there_once_it_is_made(tmp_path: Path) -> None:
    store = StoreLayout(tmp_path / "store")
    assert not store.is_there()

    store.make()
    store.make()

    assert store.is_there()
    assert list(strangers(store.objects)) == []


@pytest.mark.parametrize("folders", [False, True], ids=["bare", "with folders"])
def test_a_mount_point_without_its_disk_is_no_store(store: StoreLayout, *, folders: bool) -> None:
    unmount(store, folders=folders)

    assert not store.is_there()
    with pytest.raises(StoreAwayError, match="tell the operator"):
        store.check_is_there()


@pytest.mark.parametrize("name", FOLDERS)
def test_a_store_without_one_of_its_folders_is_not_there(store: StoreLayout, name: str) -> None:
    (store.root / name).rename(store.root / "elsewhere")

    assert not store.is_there()


def test_what_fails_while_the_store_is_there_is_told_as_it_is(store: StoreLayout) -> None:
    with pytest.raises(OSError, match="failed"), store.or_away():
        raise OSError(errno.EIO, "failed")
    unmount(store, folders=True)
    with pytest.raises(StoreAwayError), store.or_away():
        raise OSError(errno.EIO, "failed")


@pytest.mark.parametrize(
    "act",
    [
        lambda areas: areas.make("area"),
        lambda areas: areas.look("area"),
        lambda areas: areas.exists("area"),
        lambda areas: areas.is_sealed("upload"),
        lambda areas: areas.seal("area", "upload"),
        lambda areas: areas.discard("area", until=NOON),
        lambda areas: areas.discard_sealed("upload", until=NOON),
    ],
    ids=["make", "look", "exists", "is sealed", "seal", "discard", "discard sealed"],
)
def test_no_area_is_made_or_called_missing_while_the_store_is_away(
    store: StoreLayout, act: Callable[[StagingAreas], object]
) -> None:
    StagingAreas(store).make("area")
    unmount(store, folders=True)

    with pytest.raises(StoreAwayError):
        act(StagingAreas(store))

    assert [path for path in store.root.rglob("*") if path.name not in FOLDERS] == []


@pytest.mark.parametrize("number", [errno.ENOENT, errno.EACCES, errno.EIO, errno.ESTALE])
@pytest.mark.parametrize("trouble", [trouble_of_area, trouble_of_store])
def test_no_file_is_to_blame_for_a_store_that_is_away(
    store: StoreLayout, trouble: Callable[[OSError, str], str], number: int
) -> None:
    error = OSError(number, os.strerror(number))
    assert trouble(error, str(store.objects)) not in {data.AWAY, data.NO_ROOM}

    unmount(store, folders=True)

    assert trouble(error, str(store.objects)) == data.AWAY


def test_a_batch_whose_area_is_away_says_so_of_each_file(store: StoreLayout) -> None:
    (store.sealed / "upload").mkdir()
    order = BatchOrder(str(store.sealed / "upload"), str(store.objects), ((b"a", 1, None), (b"b", 1, None)))
    unmount(store, folders=True)

    assert [code for _, code, _ in place_batch(order).troubles] == [data.AWAY, data.AWAY]


def test_files_of_an_area_that_cannot_be_opened_are_not_called_gone(tmp_path: Path) -> None:
    (tmp_path / "area").mkdir()
    assert [one.trouble for one in look_again(tmp_path / "area", b"folder", [b"a"])] == ["vanished"]

    with pytest.raises(FileNotFoundError):
        look_again(tmp_path / "away", b"folder", [b"a"])
