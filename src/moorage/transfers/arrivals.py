"""What has arrived in the staging areas. A sweep looks; pages read the row and say "as of"."""

import time
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import F, Q, QuerySet

from moorage.backends import Policies, backends
from moorage.storage.areas import AreaMissingError, Arrived, StagingAreas, look_at
from moorage.storage.layout import StoreAwayError
from moorage.transfers.models import Upload
from moorage.transfers.states import UploadState

# A look may take a tenth of the time: the longer one takes, the longer until the next.
TIMES_A_LOOK: Final = 10
WISH_LOOKS: Final = 3  # looks within the quiet time


def uploads_to_look_at(*, at: datetime, watched: bool) -> Iterable[Upload]:
    """Open uploads whose area is due for a look, by how long the last one took and whether anybody waits."""
    policies = backends().policies
    for upload in Upload.objects.in_state(UploadState.OPEN).order_by(F("arrived_as_of").asc(nulls_first=True)):
        if upload.arrived_as_of is None or at - upload.arrived_as_of >= look_interval(
            upload, policies, watched=watched
        ):
            yield upload


def look_interval(upload: Upload, policies: Policies, *, watched: bool) -> timedelta:
    """How long to wait between two looks at this upload's area."""
    base = policies.watched_interval if watched else policies.unwatched_interval
    if upload.wish_at is not None:
        base = min(base, policies.quiet_time / WISH_LOOKS)
    return max(base, timedelta(seconds=upload.look_seconds) * TIMES_A_LOOK)


def look_at_area(upload: Upload, *, at: datetime) -> bool:
    """Look once, and write down what is there. True when something has changed since the last look.

    Raises:
        AreaMissingError, StoreAwayError: the upload says so, until the area is there again.
    """
    begun = time.monotonic()
    open_row = Upload.objects.filter(pk=upload.pk, state=UploadState.OPEN)
    try:
        arrived = _look(upload.area_name, open_row)
    except (AreaMissingError, StoreAwayError) as missing:
        open_row.exclude(reason=missing.code).update(reason=missing.code, reason_text=str(missing))
        raise
    took = time.monotonic() - begun
    open_row.filter(reason__in=(AreaMissingError.code, StoreAwayError.code)).update(reason="", reason_text="")
    open_row.update(look_seconds=took)
    return note_arrived(open_row, arrived, before=upload.arrived_digest, as_of=at, at=at)


def _look(area_name: str, open_row: QuerySet[Upload]) -> Arrived:
    areas = StagingAreas(backends().store)
    arrived = areas.look(area_name)
    # A freeze is marked before it moves the area: while the row is open its area must be there.
    if arrived == Arrived() and not areas.exists(area_name) and open_row.exists():
        raise AreaMissingError(area_name)
    return arrived


def note_arrived(open_row: QuerySet[Upload], arrived: Arrived, *, before: str, as_of: datetime, at: datetime) -> bool:
    """Write down what a look that took from `as_of` until `at` has seen. True when it was otherwise `before`."""
    columns: dict[str, Any] = {
        "files_arrived": arrived.files + arrived.others,
        "bytes_arrived": arrived.bytes,
        "arrived_digest": arrived.state_digest,
        "arrived_as_of": as_of,
    }
    changed = arrived.state_digest != before
    if changed:
        expires_at = at + backends().policies.upload_expires_after
        columns |= {"arrived_changed_at": at, "last_activity_at": at, "expires_at": expires_at}
        columns["expiry_warned_days"] = None
    open_row.update(**columns)
    return changed


def sealed_to_count() -> QuerySet[Upload]:
    """Uploads that failed, and whose last look was before they were sealed, while more may have come.

    An import counts for itself, and one that waits soon does: a walk over a large area would only slow it down.
    """
    since = Q(arrived_as_of=None) | Q(arrived_as_of__lt=F("sealed_at"))
    return Upload.objects.in_state(UploadState.FAILED).filter(
        since, sealed_at__isnull=False, published_revision=None, held_by=""
    )


def count_sealed(upload: Upload, *, at: datetime) -> None:
    """Count what a sealed area holds, once: nothing comes any more.

    `arrived_digest` stays, for previews are compared with it, and an import changes the files' times.
    """
    arrived = look_at(StagingAreas(backends().store).sealed_path(upload.pk))
    if not arrived.state_digest:
        return  # it is not there: nothing is known
    counts = {"files": arrived.files + arrived.others, "bytes": arrived.bytes}
    same = Upload.objects.filter(pk=upload.pk, state=upload.state, fence=upload.fence, held_by="")
    same.update(
        **{f"{name}_arrived": count for name, count in counts.items()},
        **{f"{name}_total": count for name, count in counts.items()},
        arrived_as_of=max(at, upload.sealed_at or at),
    )
