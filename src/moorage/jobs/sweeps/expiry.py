"""Uploads that nobody has touched for long: their uploaders are warned, then they are discarded."""

from datetime import datetime, timedelta

from django.db import transaction

from moorage.importer.shown.remnants import kept_until
from moorage.jobs.addresses import upload_path
from moorage.jobs.sweeps.each import for_each
from moorage.notices.telling import tell
from moorage.transfers.expiry import expire, expiring_uploads, note_warned, warning_due
from moorage.transfers.models import Upload


def warn_and_expire(at: datetime) -> timedelta | None:
    """Warn of what expires soon, and discard what has expired."""
    # Read to the end first: SQLite does not write beside an open cursor whose snapshot has become an old one.
    for_each(list(expiring_uploads()), lambda upload: _look_at(upload, at=at), at=at)
    return None


def _look_at(upload: Upload, *, at: datetime) -> None:
    if upload.expires_at <= at:
        promised = kept_until(upload.pk)
        if promised is None or promised <= at:
            _expire(upload, at=at)
        return
    days = warning_due(upload, at=at)
    if days is None:
        return
    with transaction.atomic():
        if note_warned(upload, days=days):
            left = "1 day" if days == 1 else f"{days} days"
            tell(
                upload.owner,
                kind="upload.expires",
                subject=f"The upload “{upload.name}” expires in {left}",
                text=f"Nothing has happened to the upload “{upload.name}” of {upload.project.name} for long. It will "
                f"be deleted on {upload.expires_at:%-d %B %Y}. Press DONE to import its files, or send more.",
                path=upload_path(upload),
                at=at,
            )


def _expire(upload: Upload, *, at: datetime) -> None:
    with transaction.atomic():
        if expire(upload, at=at):
            tell(
                upload.owner,
                kind="upload.expired",
                subject=f"The upload “{upload.name}” has expired",
                text=f"The upload “{upload.name}” of {upload.project.name} is being deleted. The trash keeps its files "
                f"until {upload.trash_until:%-d %B %Y}; ask the operator if you need them.",
                path=upload_path(upload),
                at=at,
            )
