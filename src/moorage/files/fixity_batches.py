"""Fixity checks of many objects at once, read by an executor's processes: before they are given out.

As `files.fixity` checks one: the mark is cleared before the read, and a row says what was found. What is not whole is
left to that check, which brings back what lies in the trash and says what is damaged.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from django.db import transaction

from moorage.files.fixity import READABLE, Check, Checked, FixityChecks
from moorage.files.models import StoredObject
from moorage.storage.fixity import Reading, ReadOrder, Throttle
from moorage.storage.layout import StoreLayout

Read = Callable[[ReadOrder], Sequence[Reading]]


def check_batch(
    stored: Iterable[StoredObject], *, store: StoreLayout, clock: Callable[[], datetime], read: Read
) -> list[StoredObject]:
    """Read these objects again, write what was found into their rows, and return those that are damaged or gone.

    A few hundred at a time: marks are cleared, and set again, in one transaction each. `read` has an order done.
    """
    rows = list(stored)
    StoredObject.objects.filter(pk__in=[row.pk for row in rows], state__in=READABLE).update(verified_at=None)
    readings = read(ReadOrder(str(store.objects), tuple((row.digest, row.size_bytes) for row in rows)))
    at = clock()
    rest = []
    with transaction.atomic():
        for row, reading in zip(rows, readings, strict=True):
            if not (reading.is_whole and reading.digested and _note_whole(row, reading, at)):
                rest.append(row.pk)
    checks = FixityChecks(store, clock, Throttle(0))
    return [row for row in StoredObject.objects.filter(pk__in=rest) if not _is_whole(checks.check(row))]


def _note_whole(row: StoredObject, reading: Reading, at: datetime) -> bool:
    assert reading.digested is not None  # noqa: S101 - a whole one was read to its end
    stamp = reading.digested.stamp
    cleared = StoredObject.objects.filter(pk=row.pk, state__in=READABLE, verified_at__isnull=True)
    return bool(
        cleared.update(verified_at=at, modified_ns=stamp.modified_ns, changed_ns=stamp.changed_ns)
        # Somebody has placed these bytes meanwhile, and the row tells of that.
        or StoredObject.objects.filter(pk=row.pk, state__in=READABLE, verified_at__isnull=False).exists()
    )


def _is_whole(check: Check) -> bool:
    """Whether the object may be given out; of one that somebody else reads at this moment, what its row says."""
    if check.checked is Checked.OVERTAKEN:
        return StoredObject.objects.filter(pk=check.stored.pk, state__in=READABLE, verified_at__isnull=False).exists()
    return check.checked is not Checked.DAMAGED
