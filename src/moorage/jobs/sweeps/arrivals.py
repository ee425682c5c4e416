"""Looks into areas of open uploads: what has arrived, and whether anything still changes. Counts failed ones once."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from moorage.backends import backends
from moorage.jobs.sweeps.each import Patience, for_each
from moorage.transfers.arrivals import count_sealed, look_at_area, look_interval, sealed_to_count, uploads_to_look_at
from moorage.transfers.models import CollectionWatch, Upload
from moorage.transfers.states import UploadState
from moorage.transfers.watching import is_watched

_looks: Final = Patience()
_counts: Final = Patience()


def look_into_areas(at: datetime) -> timedelta | None:
    """Look into each area that is due, and return when the next one is."""
    watch = CollectionWatch.objects.filter(pk=UUID(backends().globus.collection_id)).first()
    watched = is_watched(watch, at=at)
    clock = backends().clock
    due = uploads_to_look_at(at=at, watched=watched)
    for_each(due, lambda upload: look_at_area(upload, at=clock()), at=at, patience=_looks)
    for_each(sealed_to_count(), lambda upload: count_sealed(upload, at=clock()), at=at, patience=_counts)
    policies = backends().policies
    wished = Upload.objects.in_state(UploadState.OPEN).exclude(wish_at=None)
    soonest = min((look_interval(upload, policies, watched=watched) for upload in wished), default=None)
    return min(soonest, policies.watched_interval) if soonest else policies.watched_interval
