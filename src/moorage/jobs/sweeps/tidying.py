"""What has no place any more: stray areas, remnants past their time, and the trash itself."""

from datetime import datetime, timedelta

from moorage.backends import backends
from moorage.jobs.sweeps.each import for_each
from moorage.storage.areas import StagingAreas
from moorage.transfers.remnants import remnants_past_their_time, trash_remnants
from moorage.transfers.strays import clear_strays


def strays(at: datetime) -> timedelta | None:
    """Put areas that reappeared into the trash."""
    clear_strays(at=at)
    return None


def remnants(at: datetime) -> timedelta | None:
    """Put what was never imported into the trash when its time has passed."""
    for_each(remnants_past_their_time(at=at), lambda upload: trash_remnants(upload, at=at))
    return None


def trash(at: datetime) -> timedelta | None:
    """Remove what has lain in the trash until its time."""
    StagingAreas(backends().store).empty_trash(at=at)
    return None
