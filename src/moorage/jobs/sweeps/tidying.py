"""What has no place any more: stray areas, remnants past their time, and the trash itself."""

from datetime import datetime, timedelta

from moorage.backends import backends
from moorage.importer.shown.remnants import kept_until
from moorage.jobs.sweeps.each import for_each
from moorage.storage.areas import StagingAreas
from moorage.transfers.models import Upload
from moorage.transfers.remnants import remnants_past_their_time, trash_remnants
from moorage.transfers.strays import clear_strays


def strays(at: datetime) -> timedelta | None:
    """Put areas that reappeared into the trash."""
    clear_strays(at=at)
    return None


def remnants(at: datetime) -> timedelta | None:
    """Put what was never imported into the trash when its time has passed."""
    for_each(remnants_past_their_time(at=at), lambda upload: _trash_unless_promised(upload, at=at), at=at)
    return None


def _trash_unless_promised(upload: Upload, *, at: datetime) -> None:
    promised = kept_until(upload.pk)
    if upload.remnants_gone_at is not None or promised is None or promised <= at:
        trash_remnants(upload, at=at)


def trash(at: datetime) -> timedelta | None:
    """Remove what has lain in the trash until its time."""
    StagingAreas(backends().store).empty_trash(at=at)
    return None
