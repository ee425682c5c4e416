"""Plain files that change, and disks that fail, between the listing and the answer of the pool."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from another_account import without_powers_over_files
from importing import World, contents, fill, reasons, staged
from kill_matrix import Inline
from moorage.backends import backends
from moorage.importer.batches.place_plain import place_plain
from moorage.importer.ledger import disk_waits
from moorage.importer.plan.planner import Planner
from moorage.storage import sync
from moorage.transfers.retrying import retry_upload
from moorage.transfers.states import UploadState

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _inline(world: World) -> None:
    world.executor = Inline()


@pytest.mark.parametrize("names", [["._a"], ["twin", "TWIN"], ["plain"]])
def test_what_became_a_folder_after_it_was_listed_is_told_of(
    world: World, monkeypatch: pytest.MonkeyPatch, names: list[str]
) -> None:
    upload = world.a_sealed_upload({"other": b"b", **dict.fromkeys(names, b"x")})
    area, plan = world.store.sealed / str(upload.pk), Planner.plan

    def exchanged(self: Planner, part: Any) -> Any:
        if (area / names[0]).is_file():
            (area / names[0]).unlink()
            fill(area, {f"{names[0]}/inner": b"precious"})
        return plan(self, part)

    monkeypatch.setattr(Planner, "plan", exchanged)
    world.work(upload)

    assert reasons(upload) == {names[0].encode(): "entry.not_a_file"}
    assert f"{names[0]}/inner" in staged(area)


class AtTheFirstBatch(Inline):
    """Something happens when the first batch of plain files is done."""

    def __init__(self, happens: Callable[[], object], afterwards: Callable[[], object]) -> None:
        super().__init__()
        self.happens, self.afterwards, self.is_over = happens, afterwards, False

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Any:
        if fn is not place_plain or self.is_over:
            return super().submit(fn, *args, **kwargs)
        self.is_over = True
        self.happens()
        try:
            return super().submit(fn, *args, **kwargs)
        finally:
            self.afterwards()


def test_a_store_that_is_away_for_a_batch_costs_no_file(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_waits, "POLL_SECONDS", 0.05)
    files = {str(number): b"%d" % number for number in range(5)}
    upload = world.a_sealed_upload(files)
    objects, away = world.store.objects, world.store.root / "away"
    world.executor = AtTheFirstBatch(lambda: objects.rename(away), lambda: away.rename(objects))

    world.work(upload)

    assert upload.current_state is UploadState.IMPORTED
    assert contents(world, upload.project) == files


@pytest.mark.parametrize("mode", [0o500, 0], ids=["not written to", "not opened"])
@pytest.mark.parametrize("is_plain", [True, False], ids=["plain", "usual"])
def test_what_the_store_may_not_take_is_no_fault_of_the_file(world: World, mode: int, is_plain: bool) -> None:
    upload, area = world.an_area()
    fill(area, {"a": b"a"})
    if not is_plain:
        os.link(area / "a", area / "its other name")  # which no plain file has
    world.seal(upload)
    world.store.objects.chmod(mode)

    with without_powers_over_files():
        world.work(upload)

    assert set(reasons(upload).values()) == {"entry.not_stored"}
    assert staged(world.store.sealed / str(upload.pk)) >= {"a"}
    world.store.objects.chmod(0o700)
    retry_upload(upload=upload, actor=upload.owner, at=backends().clock())
    with without_powers_over_files():
        world.work(upload)
    assert (upload.current_state, upload.problems) == (UploadState.IMPORTED, 0)
    assert contents(world, upload.project)["a"] == b"a"


def test_bytes_that_a_failed_sync_may_have_lost_are_not_imported(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = world.a_sealed_upload({"a": b"a"})
    plain, calls = sync.sync_file_system, list[int]()

    def fails_once(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 1:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        plain(descriptor)

    monkeypatch.setattr(sync, "sync_file_system", fails_once)
    world.work(upload)

    assert reasons(upload) == {b"a": "entry.read_error"}


def test_a_time_that_no_database_holds_stops_no_import(world: World, tmp_path: Path) -> None:
    probe = tmp_path / "probe"
    probe.touch()
    far = (1 << 63) + 10**9
    os.utime(probe, ns=(0, far))
    if probe.stat().st_mtime_ns < 2**63:
        pytest.skip("This file system holds no such time either.")
    upload, area = world.an_area()
    fill(area, {"far": b"far", "near": b"near"})
    os.utime(area / "far", ns=(0, far))
    world.seal(upload)

    world.work(upload)

    assert contents(world, upload.project) == {"far": b"far", "near": b"near"}
