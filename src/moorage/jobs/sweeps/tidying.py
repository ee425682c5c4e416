"""What has no place any more: stray areas, remnants past their time, and the trash itself."""

import logging
from datetime import datetime, timedelta
from typing import Final

from moorage.backends import backends
from moorage.importer.shown.remnants import kept_until
from moorage.jobs.sweeps.each import for_each
from moorage.storage.areas import StagingAreas
from moorage.transfers.models import Upload
from moorage.transfers.remnants import remnants_past_their_time, trash_remnants
from moorage.transfers.strays import clear_strays

log = logging.getLogger(__name__)

_told: Final = set[str]()  # what could not be removed, in this process


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
    try:
        StagingAreas(backends().store).empty_trash(at=at)
    except OSError as error:
        if str(error) not in _told:
            _told.add(str(error))
            log.warning("something whose time in the trash has passed cannot be removed, and is tried again: %s", error)
    return None
