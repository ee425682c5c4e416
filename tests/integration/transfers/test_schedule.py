"""The schedule: a sweep runs once at a time, again when it was made due meanwhile, and after its worker's death."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from django.db import OperationalError, connection, transaction

from builders import an_open_upload
from fakes.globus import InMemoryTransferService
from moorage.globus.service import GlobusUnavailableError
from moorage.jobs.models import ScheduledSweep
from moorage.jobs.schedule import Claim, Plan, claim_due, enter, make_due, run_claimed
from moorage.jobs.sweeps.each import Patience, for_each
from moorage.leases import LeaseWatch, this_process
from moorage.storage.areas import AreaMissingError
from moorage.transfers.due import Sweep
from moorage.transfers.due import make_due as act_makes_due
from moorage.transfers.models import Upload

from .conftest import Clock

pytestmark = pytest.mark.django_db

MINUTE = timedelta(minutes=1)


class Sweeping:
    """A plan that counts its runs."""

    def __init__(self, clock: Clock, during: Callable[[], timedelta | None] = lambda: None) -> None:
        self.clock = clock
        self.during = during
        self.runs: list[datetime] = []
        self.plan = Plan("sweeping", self._run, MINUTE)
        self.plans = {"sweeping": self.plan}
        enter([self.plan], at=clock())

    def _run(self, at: datetime) -> timedelta | None:
        self.runs.append(at)
        return self.during()

    def claim(self, watch: LeaseWatch | None = None) -> Claim | None:
        return claim_due(self.plans, watch or LeaseWatch(), at=self.clock())

    def look(self) -> bool:
        claim = self.claim()
        if claim is not None:
            run_claimed(claim, clock=self.clock)
        return claim is not None

    @property
    def row(self) -> ScheduledSweep:
        return ScheduledSweep.objects.get(name="sweeping")


def test_a_sweep_runs_when_it_is_due_and_not_before(clock: Clock) -> None:
    sweep = Sweeping(clock)

    assert sweep.look()
    assert not sweep.look()
    clock.advance(seconds=60)

    assert sweep.look()
    assert len(sweep.runs) == 2


def test_a_sweep_that_wants_to_run_sooner_does(clock: Clock) -> None:
    sweep = Sweeping(clock, during=lambda: timedelta(seconds=1))
    sweep.look()

    clock.advance(seconds=1)

    assert sweep.look()


def test_a_running_sweep_is_not_run_a_second_time_and_afterwards_once_more_if_it_was_made_due(clock: Clock) -> None:
    sweep = Sweeping(clock)
    claim = sweep.claim()
    assert claim is not None

    make_due("sweeping", at=clock.advance(seconds=1))
    assert sweep.claim() is None, "it is running"
    run_claimed(claim, clock=clock)

    assert sweep.look()
    assert not sweep.look()


def test_a_sweep_whose_worker_died_is_taken_over_at_once(clock: Clock) -> None:
    sweep = Sweeping(clock)
    dead = replace(this_process(), pid=2**22 + 1)
    ScheduledSweep.objects.update(held_by=str(dead), fence=7)

    assert sweep.look()

    assert sweep.row.fence == 8
    assert sweep.row.held_by == ""


def test_a_sweep_of_a_silent_worker_elsewhere_is_taken_over_after_half_a_minute_of_ones_own_clock(clock: Clock) -> None:
    sweep = Sweeping(clock)
    ScheduledSweep.objects.update(held_by=str(replace(this_process(), host="elsewhere")))
    monotonic = [0.0]
    watch = LeaseWatch(monotonic=lambda: monotonic[0])

    assert sweep.claim(watch) is None
    monotonic[0] = 29
    assert sweep.claim(watch) is None
    monotonic[0] = 31

    assert sweep.claim(watch) is not None


def test_a_worker_that_was_overtaken_writes_nothing(clock: Clock) -> None:
    sweep = Sweeping(clock)
    claim = sweep.claim()
    assert claim is not None
    ScheduledSweep.objects.update(held_by="another|b|n|1|2", fence=99)

    run_claimed(claim, clock=clock)

    assert (sweep.row.held_by, sweep.row.fence) == ("another|b|n|1|2", 99)


def test_a_sweep_that_raises_is_recorded_and_runs_at_its_next_time(clock: Clock) -> None:
    def breaks() -> None:
        raise ZeroDivisionError("a bug")

    sweep = Sweeping(clock, during=breaks)
    sweep.look()
    assert "ZeroDivisionError: a bug" in sweep.row.last_error

    sweep.during = lambda: None
    clock.advance(seconds=60)
    sweep.look()

    assert sweep.row.last_error == ""
    assert len(sweep.runs) == 2


@pytest.mark.django_db(transaction=True)
def test_two_workers_claim_a_due_sweep_once(clock: Clock) -> None:
    from django.db import connections

    sweep = Sweeping(clock)
    start, claims = threading.Barrier(2), list[Claim | None]()

    def worker() -> None:
        start.wait()
        claims.append(sweep.claim())
        connections.close_all()

    threads = [threading.Thread(target=worker) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len([claim for claim in claims if claim is not None]) == 1


@pytest.mark.django_db(transaction=True)
def test_an_act_makes_its_sweep_due_when_it_is_committed_and_not_when_it_is_rolled_back(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    later = clock() + timedelta(hours=1)
    ScheduledSweep.objects.create(name=Sweep.GRANTS, next_run_at=later)

    with pytest.raises(ZeroDivisionError), transaction.atomic():  # noqa: PT012 - the act and what undoes it
        act_makes_due(Sweep.GRANTS)
        raise ZeroDivisionError
    assert ScheduledSweep.objects.get().next_run_at == later
    with transaction.atomic():
        act_makes_due(Sweep.GRANTS)
        assert ScheduledSweep.objects.get().next_run_at == later

    assert ScheduledSweep.objects.get().next_run_at == clock()


def test_one_rows_trouble_is_not_the_others(globus: InMemoryTransferService, clock: Clock) -> None:
    first, second, third = (an_open_upload(globus) for _ in range(3))
    done: list[Upload] = []

    def act(upload: Upload) -> None:
        if upload == first:
            raise ZeroDivisionError("a bug")
        if upload == second:
            raise GlobusUnavailableError("down")
        done.append(upload)

    with pytest.raises(ZeroDivisionError):
        for_each([first, second, third], act, at=clock())

    assert done == [third]


def test_a_globus_that_is_down_is_not_asked_for_each_row(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = an_open_upload(globus)
    asked: list[Upload] = []

    def act(row: Upload) -> None:
        asked.append(row)
        raise GlobusUnavailableError("down")

    with pytest.raises(GlobusUnavailableError):
        for_each([upload] * 10, act, at=clock())

    assert len(asked) == 3


@pytest.mark.skipif(connection.vendor == "sqlite", reason="a file has no connection that could be lost")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_away", [False, True])
def test_a_lost_connection_is_no_rows_fault(
    globus: InMemoryTransferService, clock: Clock, monkeypatch: pytest.MonkeyPatch, *, is_away: bool
) -> None:
    first, second = an_open_upload(globus), an_open_upload(globus, name="Second")
    patience, asked = Patience(), list[Upload]()

    def act(row: Upload) -> None:
        asked.append(row)
        if row == first:
            connection.connection.close()
        row.refresh_from_db()

    def away(_: object) -> None:
        raise OperationalError("the database is away")

    with monkeypatch.context() as trouble, pytest.raises(OperationalError) if is_away else nullcontext():
        if is_away:
            trouble.setattr(connection, "get_new_connection", away)
        for_each([first, second], act, at=clock(), patience=patience)

    assert asked == ([first] if is_away else [first, second])
    assert not any(patience.rests(row, at=clock()) for row in (first, second))


def test_a_row_that_fails_rests_ever_longer_and_is_tried_at_once_when_it_has_succeeded(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    upload, patience = an_open_upload(globus), Patience()
    tried: list[int] = []
    begun = clock()

    def act(row: Upload) -> None:
        tried.append(int((clock() - begun).total_seconds()))
        if len(tried) < 5:
            raise AreaMissingError(row.area_name)

    for _ in range(34):
        for_each([upload], act, at=clock(), patience=patience)
        clock.advance(seconds=1)

    assert tried == [0, 2, 6, 14, 30, 31, 32, 33]
