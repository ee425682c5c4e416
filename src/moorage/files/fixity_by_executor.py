"""Fixity checks of many objects at once, read by an executor's processes: before they are given out.

As `files.fixity` checks one: the mark is cleared before the read, and a row says what was found. What is not whole is
left to that check, which brings back what lies in the trash and says what is damaged.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from django.db import transaction

from moorage.files.fixity import READABLE, Check, Checked, FixityChecks
from moorage.files.fixity_marks import set_marks
from moorage.files.holding import hold
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
    readable = StoredObject.objects.filter(pk__in=[row.pk for row in rows], state__in=READABLE)
    with transaction.atomic():
        hold(readable)
        readable.update(verified_at=None)
    readings = read(ReadOrder(str(store.objects), tuple((row.digest, row.size_bytes) for row in rows)))
    found = zip(rows, readings, strict=True)
    whole = [(row, reading.digested.stamp) for row, reading in found if reading.is_whole and reading.digested]
    marked = set_marks(whole, at=clock())
    # Of others that were whole somebody may have placed the bytes meanwhile, and the row tells of that.
    overtaken = readable.filter(pk__in={row.pk for row, _ in whole} - marked, verified_at__isnull=False)
    rest = {row.pk for row in rows} - marked - set(overtaken.values_list("pk", flat=True))
    checks = FixityChecks(store, clock, Throttle(0))
    return [row for row in StoredObject.objects.filter(pk__in=rest) if not _is_whole(checks.check(row))]


def _is_whole(check: Check) -> bool:
    """Whether the object may be given out; of one that somebody else reads at this moment, what its row says."""
    if check.checked is Checked.OVERTAKEN:
        return StoredObject.objects.filter(pk=check.stored.pk, state__in=READABLE, verified_at__isnull=False).exists()
    return check.checked is not Checked.DAMAGED
