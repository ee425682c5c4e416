"""Rounds of fixity checks: which objects are read again, in which order, for how long.

The rolling round reads what was verified longest ago, a slice at a time, so that every object is read again within
the time that the operator has set. A round on request reads what it is asked for, each object once.
"""

import errno
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from moorage.files.fixity import READABLE, Check, Checked, FixityChecks
from moorage.files.models import FileVersion, ObjectState, StoredObject

log = logging.getLogger(__name__)

READ_ROWS: Final = 500
SLICE_SECONDS: Final = 60.0
SLICE_BYTES: Final = 16 << 30
# Reading begins when this part of the time has passed: the rest is for the reading itself.
BEGINS_AFTER: Final = 0.75
# What says nothing of one object but of this process or its account: it would be the same for every other.
_OURS: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM})


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
    """Check objects one after the other; `told` hears of each.

    Raises:
        StoreAwayError: the store is not there.
        OSError: this process can open no more files, or has no memory.
    """
    tally = Tally()
    for stored in objects:
        check = _check(checks, stored, tally)
        if check is not None and told is not None:
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

    A large object is read to its end.
    """
    tally, until = Tally(), monotonic() + seconds
    for stored in due(within=within, at=checks.clock()):
        if monotonic() >= until or checks.throttle.bytes_read >= most_bytes:
            return tally, True
        _check(checks, stored, tally)
    return tally, False


def _check(checks: FixityChecks, stored: StoredObject, tally: Tally) -> Check | None:
    try:
        check = checks.check(stored)
    except OSError as error:
        if error.errno in _OURS:
            raise
        log.error("object %s could not be opened: %s", stored.digest, error)  # noqa: TRY400 - anticipated
        tally.unreadable += 1
        return None
    tally.add(check)
    return check
