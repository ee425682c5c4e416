"""Questions to the tables about an upload's Globus tasks. Globus itself is asked in `task_reading`."""

from django.db.models import Exists, OuterRef, Q, QuerySet

from moorage.globus.service import TaskStatus
from moorage.transfers.models import Belonging, Upload, UploadTask

SURE = (Belonging.PATH, Belonging.CLAIMED, Belonging.ONLY)
FINAL = (TaskStatus.SUCCEEDED.value, TaskStatus.FAILED.value)

is_final = Q(task__status__in=FINAL)
is_running = ~is_final


# Another owner's upload stands beside it for the same task: their rules are one Globus account's.
_shared = Exists(
    UploadTask.objects.filter(task=OuterRef("task_id")).exclude(upload__owner=OuterRef("upload__owner_id")),
)
# What is inferred, or what one member says, decides nothing about a task that may be another member's.
_certain = Q(belonging=Belonging.PATH) | Q(belonging__in=SURE, is_shared=False)


def links_of(upload: Upload) -> QuerySet[UploadTask]:
    """Every task that was in the list of someone who could write here, also those that were ruled out."""
    return UploadTask.objects.filter(upload=upload).annotate(is_shared=_shared).select_related("task")


def tasks_of(upload: Upload) -> QuerySet[UploadTask]:
    """The tasks that are, or perhaps are, this upload's; newest first."""
    return links_of(upload).exclude(belonging=Belonging.DENIED).order_by("-task__requested_at", "-id")


def active_tasks_of(upload: Upload) -> QuerySet[UploadTask]:
    """Unfinished tasks that surely are this upload's: only these may be cancelled for it."""
    return tasks_of(upload).filter(is_running).filter(_certain)


def perhaps_active_tasks_of(upload: Upload) -> QuerySet[UploadTask]:
    """Unfinished tasks that may be this upload's or another one's."""
    return tasks_of(upload).filter(is_running).exclude(_certain)


def may_be_anothers(link: UploadTask) -> bool:
    """Whether a link of these queries is to a task that may be another member's: show no more of it than its time."""
    return bool(getattr(link, "is_shared")) and link.belonging != Belonging.PATH  # noqa: B009 - annotated
