"""Questions to the tables about an upload's Globus tasks. Globus itself is asked in `task_reading`."""

from django.db.models import Q, QuerySet

from moorage.globus.service import TaskStatus
from moorage.transfers.models import Belonging, Upload, UploadTask

SURE = (Belonging.PATH, Belonging.CLAIMED, Belonging.ONLY)
FINAL = (TaskStatus.SUCCEEDED.value, TaskStatus.FAILED.value)

is_final = Q(task__status__in=FINAL)
is_running = ~is_final


def tasks_of(upload: Upload) -> QuerySet[UploadTask]:
    """The tasks that are, or perhaps are, this upload's; newest first."""
    links = UploadTask.objects.filter(upload=upload).exclude(belonging=Belonging.DENIED)
    return links.select_related("task").order_by("-task__requested_at", "-id")


def active_tasks_of(upload: Upload) -> QuerySet[UploadTask]:
    """Unfinished tasks that surely are this upload's."""
    return tasks_of(upload).filter(is_running, belonging__in=SURE)


def perhaps_active_tasks_of(upload: Upload) -> QuerySet[UploadTask]:
    """Unfinished tasks of which only the member knows whether they are this upload's."""
    return tasks_of(upload).filter(is_running, belonging=Belonging.PERHAPS)
