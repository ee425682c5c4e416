"""The transfers because of which files of an upload are doubtful (see `doubt`), as one member may see them.

Such a transfer may be another upload's, for what was told of it, or guessed, can be wrong. Then its label and that
upload are shown to a member who sees that upload anyway; to others its times only.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from django.db.models import Q

from moorage.accounts.models import Member
from moorage.globus.service import TaskStatus
from moorage.transfers.models import Belonging, GlobusTask, Upload, UploadTask
from moorage.transfers.task_links import SURE, links_of, may_be_anothers

MOST: Final = 20

How = Literal["running", "failed", "cancelled", "late"]


@dataclass(frozen=True)
class Suspect:
    """A transfer that may have left files incomplete. `late`: it went on after the upload had been closed.

    `label` is empty where it has none, or may not be seen. `upload` is the one that it belongs to, where that is
    another and the member sees it; `is_elsewhere`: as far as is known it is not this upload's.
    """

    task_id: UUID
    label: str
    how: How
    started_at: datetime
    ended_at: datetime | None
    is_elsewhere: bool
    upload: Upload | None


@dataclass(frozen=True)
class Suspects:
    """The newest of them, and how many `more` there are."""

    shown: tuple[Suspect, ...] = ()
    more: int = 0


def suspects_of(upload: Upload, *, viewer: Member) -> Suspects:
    """The transfers that make files doubtful which changed while they ran, as the viewer, who sees the upload, may see
    them.
    """
    did_not_end_well = Q(was_active_at_seal=True) | ~Q(task__status=TaskStatus.SUCCEEDED)
    links = links_of(upload).filter(did_not_end_well).order_by("-task__requested_at", "-id")
    some = list(links[: MOST + 1])
    more = links.count() - MOST if len(some) > MOST else 0
    others = _others(some[:MOST], upload, viewer)
    return Suspects(tuple(_suspect(link, others.get(link.task_id), upload, viewer) for link in some[:MOST]), more)


def _others(links: Iterable[UploadTask], upload: Upload, viewer: Member) -> Mapping[int, Upload]:
    """Other uploads that these tasks belong to for certain, and that the viewer sees, each by its task."""
    rows = UploadTask.objects.filter(task__in=[link.task_id for link in links], belonging__in=SURE)
    seen = rows.exclude(upload=upload).filter(upload__in=Upload.objects.visible_to(viewer)).select_related("upload")
    # What is inferred of a task that may be another member's says nothing; its path does.
    shared = {link.task_id for link in links if getattr(link, "is_shared")}  # noqa: B009 - annotated
    return {row.task_id: row.upload for row in seen if row.belonging == Belonging.PATH or row.task_id not in shared}


def _suspect(link: UploadTask, other: Upload | None, upload: Upload, viewer: Member) -> Suspect:
    task, is_elsewhere = link.task, link.belonging == Belonging.DENIED
    is_hers = not may_be_anothers(link) and (not is_elsewhere or upload.owner_id == viewer.pk)
    return Suspect(
        task_id=task.task_id,
        label=task.label if is_hers or other is not None else "",
        how=_how(task),
        started_at=task.requested_at,
        ended_at=task.completed_at,
        is_elsewhere=is_elsewhere,
        upload=other if is_elsewhere else None,
    )


def _how(task: GlobusTask) -> How:
    if not task.is_final:
        return "running"
    if task.status == TaskStatus.SUCCEEDED:
        return "late"
    return "cancelled" if task.was_cancelled else "failed"
