"""Task lists: read every few seconds while somebody watches or waits, else every minute; outcomes when tasks end."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet

from moorage.backends import Policies, backends
from moorage.jobs import schedule
from moorage.jobs.sweeps.each import for_each
from moorage.jobs.sweeps.globus_trouble import survives_globus
from moorage.transfers.models import CollectionWatch, Upload
from moorage.transfers.outcomes import fetch_outcome, tasks_without_outcome
from moorage.transfers.states import UploadState
from moorage.transfers.task_reading import read_all_tasks
from moorage.transfers.watching import is_watched

OUTCOMES = "outcomes"


@survives_globus
def read_tasks(at: datetime) -> timedelta | None:
    """Read the collection's task lists if they are old enough; return when to look again."""
    collection = UUID(backends().globus.collection_id)
    watch = CollectionWatch.objects.filter(pk=collection).first()
    interval = _interval(watch, backends().policies, at=at)
    if watch is None or watch.tasks_as_of is None or at - watch.tasks_as_of >= interval or _is_unread_wish(watch):
        read_all_tasks(collection, at=at, everyone=is_watched(watch, at=at))
        if any(True for _ in tasks_without_outcome()):
            schedule.make_due(OUTCOMES, at=at)
    # Somebody may begin to watch in the meantime.
    return min(interval, backends().policies.watched_interval)


@survives_globus
def fetch_outcomes(at: datetime) -> timedelta | None:
    """Store what ended tasks delivered."""
    for_each(tasks_without_outcome(), lambda task: fetch_outcome(task, at=at), at=at)
    return None


def _interval(watch: CollectionWatch | None, policies: Policies, *, at: datetime) -> timedelta:
    interval = policies.watched_interval if is_watched(watch, at=at) else policies.unwatched_interval
    if _wishes().exists():
        # A wish waits for the quiet time after the last transfer: no use in seeing its end much later.
        interval = min(interval, max(policies.quiet_time / 2, timedelta(seconds=1)))
    return interval


def _is_unread_wish(watch: CollectionWatch) -> bool:
    return _wishes().filter(wish_at__gt=watch.tasks_as_of).exists()


def _wishes() -> QuerySet[Upload]:
    return Upload.objects.in_state(UploadState.OPEN).exclude(wish_at=None)
