"""Clearing away what an import has published rests while a download is being made that somebody waits for."""

from __future__ import annotations

import time

import pytest

from downloading import Harbour
from importing import World, staged
from moorage.importer.publish import clear
from moorage.jobs import giving_way
from moorage.leases import take
from moorage.transfers.downloads.models import DownloadTree

pytestmark = pytest.mark.django_db(transaction=True)

FILES = {f"{number}": b"%d" % number for number in range(6)}


class Watch:
    """A time module that tells what is done in each rest, and takes no time."""

    def __init__(self, world: World, *, ends_after: int) -> None:
        self.left: list[int] = []
        self._world, self._ends_after = world, ends_after
        self._now = time.monotonic()

    def monotonic(self) -> float:
        return self._now

    def sleep(self, seconds: float) -> None:
        self._now += seconds
        (area,) = self._world.store.sealed.iterdir()
        self.left.append(len(staged(area)))
        if len(self.left) == self._ends_after:
            DownloadTree.objects.update(held_by="")


@pytest.fixture
def making(world: World) -> DownloadTree:
    """A tree that a worker is making."""
    harbour = Harbour(world.globus, world.store, world.executor)
    tree = harbour.asked(harbour.a_project({"a": b"a"})).tree
    assert take(tree, where={"state": tree.state}) is not None
    return tree


@pytest.mark.usefixtures("making")
def test_names_of_an_import_stay_until_the_download_is_made(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Watch(world, ends_after=3)
    monkeypatch.setattr(giving_way, "time", watch)

    upload = world.imported(FILES)

    assert watch.left == [len(FILES)] * 3, "it did not rest, or had begun before"
    assert upload.is_cleared
    assert not (world.store.sealed / str(upload.pk)).exists()


@pytest.mark.usefixtures("making")
def test_it_does_not_rest_for_ever(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clear, "READ_ROWS", 2)
    monkeypatch.setattr(giving_way, "LONGEST_SECONDS", 1.05)
    watch = Watch(world, ends_after=1000)
    monkeypatch.setattr(giving_way, "time", watch)

    upload = world.imported(FILES)

    assert len(watch.left) == 11
    assert upload.is_cleared


def test_nothing_rests_where_no_download_is_made(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = Watch(world, ends_after=1000)
    monkeypatch.setattr(giving_way, "time", watch)

    assert world.imported(FILES).is_cleared

    assert watch.left == []
