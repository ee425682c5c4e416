"""Rounds of fixity checks: which objects are read again, in which order, for how long.

The rolling round reads what was verified longest ago, a slice at a time, so that every object is read again within
the time that the operator has set. A round on request reads what it is asked for, each object once.
"""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from moorage.files.fixity import READABLE, Check, Checked, FixityChecks
from moorage.files.fixity_together import MOST_BYTES, check_together, in_batches
from moorage.files.models import FileVersion, ObjectState, StoredObject

READ_ROWS: Final = 500
SLICE_SECONDS: Final = 60.0
SLICE_BYTES: Final = 16 << 30
# Reading begins when this part of the time has passed: the rest is for the reading itself.
BEGINS_AFTER: Final = 0.75


@dataclass
class Tally:
    """What a round has found so far."""

    objects: int = 0
    bytes: int = 0
    damaged: int = 0
    healed: int = 0
    unreadable: int = 0  # could not be opened: nothing is known of their bytes

    def add(self, check: Check) -> None:
        if check.checked is Checked.OVERTAKEN:
            return
        if check.checked is Checked.UNOPENED:
            self.unreadable += 1
            return
        self.objects += 1
        self.bytes += check.stored.size_bytes
        self.damaged += check.checked is Checked.DAMAGED
        self.healed += check.checked is Checked.HEALED


def due(*, within: timedelta, at: datetime) -> Iterator[StoredObject]:
    """Objects to be read again now, those first that a check was interrupted at, then the longest ago.

    Each comes once, whatever becomes of it meanwhile.
    """
    readable = StoredObject.objects.filter(state__in=READABLE)
    yield from _by_id(readable.filter(verified_at__isnull=True))
    before = at - within * BEGINS_AFTER
    old = readable.filter(verified_at__lt=before).order_by("verified_at", "pk")
    after = Q()
    while rows := list(old.filter(after)[:READ_ROWS]):
        yield from rows
        last = rows[-1]
        after = Q(verified_at__gt=last.verified_at) | Q(verified_at=last.verified_at, pk__gt=last.pk)


def asked_for(
    *, older_than: datetime | None = None, project_id: UUID | None = None, only_damaged: bool = False
) -> QuerySet[StoredObject]:
    """The objects of a round on request, damaged ones among them: those may be whole again."""
    objects = StoredObject.objects.exclude(state=ObjectState.LEAVING)
    if only_damaged:
        objects = objects.filter(state=ObjectState.DAMAGED)
    if older_than is not None:
        objects = objects.filter(Q(verified_at__isnull=True) | Q(verified_at__lt=older_than))
    if project_id is not None:
        objects = objects.filter(Exists(FileVersion.objects.filter(stored_object=OuterRef("pk"), project=project_id)))
    return objects


def each(objects: QuerySet[StoredObject]) -> Iterator[StoredObject]:
    """These objects, each once, in constant memory."""
    return _by_id(objects)


def _by_id(objects: QuerySet[StoredObject]) -> Iterator[StoredObject]:
    last = 0
    while rows := list(objects.filter(pk__gt=last).order_by("pk")[:READ_ROWS]):
        last = rows[-1].pk
        yield from rows


def run(
    checks: FixityChecks, objects: Iterable[StoredObject], *, told: Callable[[Check, Tally], None] | None = None
) -> Tally:
    """Check objects one after the other, by batches; `told` hears of each.

    Raises:
        StoreAwayError: the store is not there.
        OSError: this process can open no more files, or has no memory.
    """
    tally = Tally()
    for batch in in_batches(objects, checks.throttle):
        for check in check_together(checks, batch):
            tally.add(check)
            if told is not None:
                told(check, tally)
    return tally


def run_slice(
    checks: FixityChecks,
    *,
    within: timedelta,
    seconds: float = SLICE_SECONDS,
    most_bytes: int = SLICE_BYTES,
    monotonic: Callable[[], float] = time.monotonic,
) -> tuple[Tally, bool]:
    """Check what is due until the time or the bytes of a slice are used up; whether more may be due.

    A batch is read to its end, and so is a large object.
    """
    tally, until = Tally(), monotonic() + seconds
    objects = due(within=within, at=checks.clock())
    for batch in in_batches(objects, checks.throttle, most_bytes=min(most_bytes, MOST_BYTES)):
        if monotonic() >= until or checks.throttle.bytes_read >= most_bytes:
            return tally, True
        for check in check_together(checks, batch):
            tally.add(check)
    return tally, False
