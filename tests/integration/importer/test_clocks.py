"""A wall clock that jumps by an hour or a year, there and back, wherever an import and the sweeps ask it."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256

import pytest
from django.utils import timezone

from builders import a_project, publish_files
from importing import World, contents, fill, reasons, staged
from moorage.backends import backends, using
from moorage.importer.asked.previews import ask_preview
from moorage.importer.models import ExpectedList, ImportRun, ManifestEntry
from moorage.jobs import imports, previews, schedule
from moorage.jobs.schedule import Plan, claim_due, enter, run_claimed
from moorage.jobs.steadiness import STEADY_FOR, Steadiness
from moorage.jobs.sweeps import tidying
from moorage.jobs.sweeps.each import Patience
from moorage.leases import Holder, LeaseWatch, take, this_process
from moorage.storage.trash import Trash
from moorage.transfers.models import Upload
from moorage.transfers.retrying import retry_upload
from moorage.transfers.states import UploadState

pytestmark = pytest.mark.django_db(transaction=True)

JUMPS = [timedelta(hours=1), timedelta(days=365), timedelta(hours=-1), timedelta(days=-365)]
BEFORE = {"kept": b"kept", "changes": b"old"}
ARRIVES = {"new": b"new", "changes": b"new bytes", "twin": b"new", "folder/deep": b"deep", "kept": b"kept"}


class JumpingClock:
    """The wall clock of a host that somebody sets; also the one that Python's `time` tells."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.off = timedelta()
        plain, plain_ns = time.time, time.time_ns
        monkeypatch.setattr(time, "time", lambda: plain() + self.off.total_seconds())
        monkeypatch.setattr(time, "time_ns", lambda: plain_ns() + int(self.off.total_seconds()) * 10**9)
        self._now = timezone.now

    def __call__(self) -> datetime:
        return self._now() + self.off


@pytest.mark.parametrize("jump", JUMPS, ids=str)
def test_a_clock_that_jumps_between_any_two_steps_changes_nothing_of_an_import(
    world: World, monkeypatch: pytest.MonkeyPatch, jump: timedelta
) -> None:
    clock = JumpingClock(monkeypatch)
    with using(replace(backends(), clock=clock)):
        project = a_project()
        publish_files(project, BEFORE, store=world.store)
        upload = world.a_sealed_upload(ARRIVES, project)
        met: list[str] = []

        def meanwhile(seam: str) -> None:
            met.append(seam)
            clock.off = jump if len(met) % 2 else timedelta()

        world.work_until(upload, meanwhile)

        upload.refresh_from_db()
        assert len(met) > 8
        assert (upload.current_state, upload.problems) == (UploadState.IMPORTED, 0)
        assert contents(world, project) == {**BEFORE, **ARRIVES}
        assert contents(world, project, 1) == BEFORE
        assert staged(world.store.sealed / str(upload.pk)) == set()


@pytest.mark.parametrize("jump", JUMPS, ids=str)
def test_a_clock_that_jumps_between_claim_and_beat_gives_nobody_else_the_lease(
    world: World, monkeypatch: pytest.MonkeyPatch, jump: timedelta
) -> None:
    clock, seconds = JumpingClock(monkeypatch), [1000.0]
    world.a_sealed_upload({"a": b"a"})
    watch = LeaseWatch(monotonic=lambda: seconds[0])
    # A worker of another host, of which nobody can say that it is dead.
    elsewhere = replace(this_process(), host="another")
    with using(replace(backends(), clock=clock)):
        lease = take(Upload.objects.get(), holder=str(Holder.parse(str(elsewhere))), state=UploadState.IMPORTING.value)
        assert lease is not None
        assert imports.claim_next(watch) is None

        clock.off = jump
        for _ in range(5):
            seconds[0] += 20
            lease.keep()
            assert imports.claim_next(watch) is None
        seconds[0] += 29
        assert imports.claim_next(watch) is None
        seconds[0] += 2

        taken = imports.claim_next(watch)
        assert taken is not None
        assert taken.fence > lease.fence
        assert not lease.rows().exists()


def test_what_a_wrong_clock_put_off_for_a_year_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = JumpingClock(monkeypatch)
    upload = world.a_sealed_upload({"a": b"a"})
    with using(replace(backends(), clock=clock)):

        def fail(seam: str) -> None:
            if seam == "scanned":
                raise InterruptedError

        with pytest.raises(InterruptedError):
            world.work_until(upload, fail)
        soon = clock() + timedelta(seconds=5)
        ImportRun.objects.update(not_before=soon)
        assert imports.claim_next(LeaseWatch()) is None
        ImportRun.objects.update(not_before=soon + timedelta(days=365))

        world.work(upload)

    assert upload.current_state is UploadState.IMPORTED


def test_a_sweep_that_ran_while_the_clock_was_a_year_ahead_runs_again_as_soon_as_it_is_right(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = JumpingClock(monkeypatch)
    runs: list[datetime] = []
    plan = Plan("sweeping", runs.append, timedelta(minutes=1))
    plans = {plan.name: plan}
    clock.off = timedelta(days=365)
    enter([plan], at=clock())

    for _ in range(2):
        claim = claim_due(plans, LeaseWatch(), at=clock())
        assert claim is not None
        run_claimed(claim, clock=clock)
        assert claim_due(plans, LeaseWatch(), at=clock()) is None
        clock.off = timedelta()

    assert len(runs) == 2


def test_a_row_that_failed_while_the_clock_was_a_year_ahead_does_not_rest_for_a_year(world: World) -> None:
    upload, patience, now = world.a_sealed_upload({"a": b"a"}), Patience(), backends().clock()
    patience.note(upload, ValueError(), at=now)
    assert patience.rests(upload, at=now)

    patience.note(upload, ValueError(), at=now + timedelta(days=365))

    assert not patience.rests(upload, at=now)


@pytest.fixture
def _no_leases(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system on which no read lease can be had."""
    plain = fcntl.fcntl

    def no_leases(descriptor: int, command: int, *rest: int) -> int:
        if command == fcntl.F_SETLEASE:
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        return plain(descriptor, command, *rest)

    monkeypatch.setattr(fcntl, "fcntl", no_leases)


@pytest.mark.usefixtures("_no_leases")
def test_where_no_lease_is_to_be_had_a_clock_that_jumps_does_not_stand_for_the_quiet_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = JumpingClock(monkeypatch)
    upload, area = world.an_area()
    with (area / "held").open("wb") as writer, using(replace(backends(), clock=clock)):
        writer.write(b"half")
        writer.flush()
        world.seal(upload)
        clock.off = timedelta(days=365)

        def meanwhile(seam: str) -> None:
            if seam == "placed":
                writer.write(b" and half")
                writer.flush()

        world.work_until(upload, meanwhile)

    check_objects(world)
    assert contents(world, upload.project) == {"held": b"half"}
    assert (world.store.sealed / str(upload.pk) / "held").read_bytes() == b"half and half"


@pytest.mark.usefixtures("_no_leases")
@pytest.mark.parametrize("jump", JUMPS, ids=str)
def test_where_no_lease_is_to_be_had_what_is_written_to_waits_and_the_rest_does_not_wait_for_the_clock(
    world: World, monkeypatch: pytest.MonkeyPatch, jump: timedelta
) -> None:
    clock = JumpingClock(monkeypatch)
    with using(replace(backends(), clock=clock)):
        upload, area = world.an_area()
        fill(area, {"quiet": b"quiet", "held": b"half"})
        sealed = world.seal(upload)
        clock.off = jump
        began, met = time.monotonic(), list[str]()

        def meanwhile(seam: str) -> None:
            met.append(seam)
            if seam == "place: batch ordered" and met.count(seam) == 2:
                with (sealed / "held").open("ab") as writer:
                    writer.write(b" and half")

        world.work_until(upload, meanwhile)

        assert time.monotonic() - began >= backends().policies.quiet_time.total_seconds()
        assert reasons(upload) == {b"held": "entry.still_open"}
        assert contents(world, upload.project) == {"quiet": b"quiet"}
        retry_upload(upload=Upload.objects.get(), actor=upload.owner, at=clock())
        world.work(upload)

    assert contents(world, upload.project) == {"quiet": b"quiet", "held": b"half and half"}
    check_objects(world)


def test_a_list_that_was_read_while_the_clock_was_ahead_is_read_again_when_it_has_changed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = JumpingClock(monkeypatch)
    upload, area = world.an_area()
    (area / "listed").write_bytes(b"listed")

    def look() -> str:
        ask_preview(upload_id=upload.pk, project_id=upload.project_id, by=upload.owner, at=clock(), from_the_start=True)
        lease = previews.claim_next(LeaseWatch())
        assert lease is not None
        previews.work(lease)
        return ManifestEntry.objects.get(name="listed").compared

    with using(replace(backends(), clock=clock)):
        clock.off = timedelta(days=365)
        (area / "checksums.csv").write_text("path,size\nlisted,7\n")
        assert look() == "differs"
        first = ExpectedList.objects.get().pk
        look()
        assert ExpectedList.objects.get().pk == first
        clock.off = timedelta()

        (area / "checksums.csv").write_text("path,size\nlisted,6\n")

        assert look() == "matches"


def check_objects(world: World) -> None:
    """Every object is what its name says."""
    for path in world.store.objects.rglob("*"):
        assert path.is_dir() or sha256(path.read_bytes()).hexdigest() == path.name


class Host:
    """A host whose wall clock somebody sets, and whose time since boot nobody does."""

    def __init__(self) -> None:
        self.booted_for, self.off = timedelta(hours=5), timedelta()
        self.began = timezone.now() - self.booted_for
        self.steadiness = Steadiness(since_boot=self.since_boot)

    def __call__(self) -> datetime:
        return self.began + self.booted_for + self.off

    def since_boot(self) -> float:
        return self.booted_for.total_seconds()

    def passes(self, **time: float) -> None:
        self.booted_for += timedelta(**time)


def test_nothing_leaves_the_trash_early_because_the_clock_was_wrong_for_a_while(world: World) -> None:
    host = Host()
    (world.store.root / "thing").write_bytes(b"discarded")
    Trash(world.store.trash).take(world.store.root / "thing", until=host() + timedelta(days=30))
    plans = {"trash": Plan("trash", tidying.trash, timedelta(hours=1), takes_away=True)}
    schedule.enter(plans.values(), at=host())

    def a_sweep_looks() -> None:
        host.steadiness.look(host())
        claim = claim_due(plans, LeaseWatch(), at=host())
        if claim is not None:
            run_claimed(claim, clock=host, steadiness=host.steadiness)

    def is_there() -> bool:
        return any(path.is_file() for path in world.store.trash.iterdir())

    for hours in range(3):
        a_sweep_looks()
        host.passes(hours=1)
        assert is_there(), hours
    host.off = timedelta(days=365)
    for minutes in (0, 10, 30):
        host.passes(minutes=minutes)
        a_sweep_looks()
        assert is_there(), minutes
    host.off = timedelta()
    for days in range(29):
        host.passes(days=1)
        a_sweep_looks()
        assert is_there(), days

    for _ in range(3):
        host.passes(days=1)
        a_sweep_looks()
    assert not is_there()


def test_a_clock_counts_as_steady_an_hour_after_it_was_set_and_stays_so_while_it_is_corrected() -> None:
    host = Host()
    assert host.steadiness.look(host()) == STEADY_FOR
    host.passes(hours=1)
    assert not host.steadiness.look(host())
    host.off = timedelta(seconds=30)
    assert not host.steadiness.look(host())

    host.off = timedelta(hours=-2)
    assert host.steadiness.look(host()) == STEADY_FOR
    host.passes(minutes=45)
    assert host.steadiness.look(host()) == timedelta(minutes=15)
    host.passes(minutes=15)

    assert not host.steadiness.look(host())
