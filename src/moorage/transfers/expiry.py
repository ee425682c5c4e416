"""Uploads that nobody has touched for long: warned of 14, 7 and 1 days before, then discarded (design §3)."""

from datetime import datetime
from typing import Final

from django.db.models import QuerySet

from moorage.backends import backends
from moorage.transfers.discarding import EXPIRED, begin_discarding
from moorage.transfers.models import Upload
from moorage.transfers.states import UploadState, UploadTransitionError
from moorage.transfers.warnings import nearest_warning

# A failed upload that has published something is kept: undo needs it.
EXPIRES_IN: Final = (UploadState.REQUESTED, UploadState.OPEN, UploadState.FAILED)


def expiring_uploads() -> QuerySet[Upload]:
    """Uploads that can expire."""
    return Upload.objects.in_state(*EXPIRES_IN).filter(published_revision=None).select_related("owner", "project")


def warning_due(upload: Upload, *, at: datetime) -> int | None:
    """The days of the warning that is to be sent now: the nearest one that is due and was not sent."""
    warned_days = backends().policies.upload_warned_days
    return nearest_warning(upload.expires_at - at, warned_days, sent=upload.expiry_warned_days)


def note_warned(upload: Upload, *, days: int) -> bool:
    """Write down that this warning is sent; False when another process has sent it. Call it with the notice."""
    same = Upload.objects.filter(pk=upload.pk, state=upload.state, expires_at=upload.expires_at)
    return bool(same.filter(expiry_warned_days=upload.expiry_warned_days).update(expiry_warned_days=days))


def expire(upload: Upload, *, at: datetime) -> bool:
    """Discard an upload whose time has passed. True: it is on its way to the trash."""
    upload.refresh_from_db()
    if upload.expires_at > at or upload.current_state not in EXPIRES_IN:
        return False
    days = backends().policies.upload_expires_after.days
    try:
        begin_discarding(
            upload, by=None, reason=EXPIRED, reason_text=f"Expired: nothing happened to it for {days} days.", at=at
        )
    except UploadTransitionError:
        return False
    return True
