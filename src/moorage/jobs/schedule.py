"""The schedule: which sweep is due, who runs it, when it runs next.

A sweep is claimed by its lease and its time together: the UPDATE that takes the lease also moves
`next_run_at` on. So whoever makes a sweep due while it runs has it run once more afterwards.
"""

import logging
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q

from moorage.errors import MoorageError
from moorage.jobs.beating import kept
from moorage.jobs.models import ScheduledSweep
from moorage.jobs.steadiness import Steadiness
from moorage.leases import Lease, LeaseWatch, take

ERROR_LIMIT = 4000
CLOCKS_DIFFER: Final = timedelta(minutes=1)  # those of two hosts, at most

NO_WAIT: Final = timedelta(0)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """A sweep: what it does, and how often at least.

    `run` gets the time, may be repeated at any moment and by several workers at once, and may return
    after how long it wants to run again, sooner than `every`. What `takes_away` waits for a steady clock.
    """

    name: str
    run: Callable[[datetime], timedelta | None]
    every: timedelta
    takes_away: bool = False


@dataclass(frozen=True)
class Claim:
    """A sweep that this worker runs now."""

    plan: Plan
    lease: Lease


def enter(plans: Iterable[Plan], *, at: datetime) -> None:
    """Make the rows of new sweeps; they are due at once. Rows that are there stay as they are."""
    for plan in plans:
        ScheduledSweep.objects.get_or_create(name=plan.name, defaults={"next_run_at": at})


def make_due(name: str, *, at: datetime) -> None:
    """Have a sweep run at the next look at the schedule, once more if it is running."""
    ScheduledSweep.objects.filter(name=name, next_run_at__gt=at).update(next_run_at=at)


def claim_due(plans: Mapping[str, Plan], watch: LeaseWatch, *, at: datetime) -> Claim | None:
    """Take the sweep that has been due longest and that nobody runs.

    A time that is further away than its plan allows was written by a clock that was wrong: it is due.
    """
    may_be_due = Q(next_run_at__lte=at) | Q(next_run_at__gt=at + CLOCKS_DIFFER)
    for row in ScheduledSweep.objects.filter(may_be_due, name__in=list(plans)).order_by("next_run_at"):
        plan = plans[row.name]
        if at < row.next_run_at <= at + plan.every + CLOCKS_DIFFER or not watch.may_take(row):
            continue
        lease = take(row, where={"next_run_at": row.next_run_at}, next_run_at=at + plan.every, last_run_at=at)
        if lease is not None:
            return Claim(plan, lease)
    return None


def run_claimed(claim: Claim, *, clock: Callable[[], datetime], steadiness: Steadiness | None = None) -> None:
    """Run a claimed sweep and give its lease back. What it raises is logged and kept in `last_error`.

    With `steadiness`, what takes something away is put off until the clock is steady.
    """
    again: timedelta | None = None
    error = ""
    with kept(claim.lease):
        try:
            wait = steadiness.look(clock()) if steadiness and claim.plan.takes_away else NO_WAIT
            again = wait or claim.plan.run(clock())
        except MoorageError as failure:
            log.warning("sweep %s: %s", claim.plan.name, failure)
            error = str(failure)
        except Exception:
            log.exception("sweep %s failed; it runs again by itself", claim.plan.name)
            error = traceback.format_exc()
    claim.lease.rows().update(held_by="", last_error=error[-ERROR_LIMIT:])
    if again is not None:
        wanted = clock() + again
        ScheduledSweep.objects.filter(name=claim.plan.name, next_run_at__gt=wanted).update(next_run_at=wanted)
