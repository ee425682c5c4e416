"""The Globus tasks of an upload as pages and scripts meet them: shown, and claimed or denied by a member."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from moorage.accounts.models import Member
from moorage.audit.records import record
from moorage.backends import backends
from moorage.errors import ConflictError
from moorage.globus.service import IdentityId, TaskId, TaskNotFoundError
from moorage.transfers.due import Sweep, make_due
from moorage.transfers.models import Belonging, GlobusTask, Upload, UploadTask
from moorage.transfers.naming import area_path, is_within
from moorage.transfers.rules import check_may_finish
from moorage.transfers.task_links import SURE, may_be_anothers, tasks_of
from moorage.transfers.task_reading import is_seen_by_others, read_tasks_of, store_task


class TaskBelongsElsewhereError(ConflictError):
    """The task is another upload's, for certain."""

    code = "task.elsewhere"

    def __init__(self, task_id: UUID) -> None:
        super().__init__(
            f"Globus task {task_id} is another upload's already, or writes elsewhere. Look at that upload's page, "
            "and say there that it is not, if that is wrong."
        )
        self.task_id = str(task_id)


class TaskIsHereError(ConflictError):
    """The member says that a task is not this upload's, and its path says that it is."""

    code = "task.here"

    def __init__(self, task_id: UUID) -> None:
        super().__init__(
            f"Globus task {task_id} writes into this upload's own folder, so it is this upload's. "
            "Cancel it in Globus if it should not write there."
        )
        self.task_id = str(task_id)


class TaskIsSharedError(ConflictError):
    """The task may be another member's: its path is hidden, and her upload's rule is the same Globus account's."""

    code = "task.shared"

    def __init__(self, task_id: UUID) -> None:
        super().__init__(
            f"Globus task {task_id} may be another member's: an upload of hers is open for the same Globus account, "
            "and Globus hides where the task writes. It counts as perhaps this upload's until it ends. "
            "Whoever started it can cancel it in Globus."
        )
        self.task_id = str(task_id)


@dataclass(frozen=True)
class UploadTasks:
    """An upload's tasks by what they mean for DONE and DELETE."""

    running: Sequence[GlobusTask]
    perhaps: Sequence[GlobusTask]  # unfinished, and only who started them knows whether they belong here
    failed: Sequence[GlobusTask]  # failed, cancelled or out of time: their files may be incomplete
    with_skipped_files: Sequence[GlobusTask]
    finished: Sequence[GlobusTask]
    may_be_anothers: bool  # some of `perhaps` may be another member's, and show no label


def sorted_tasks(upload: Upload) -> UploadTasks:
    """All tasks of an upload, newest first, sorted for its pages. What may be another member's shows its time only."""
    links = list(tasks_of(upload))
    anothers = [link for link in links if may_be_anothers(link)]
    for link in anothers:
        link.task.label = link.task.destination_path = ""
    sure = [link.task for link in links if link.belonging in SURE and link not in anothers]
    perhaps = [link for link in links if link.belonging == Belonging.PERHAPS or link in anothers]
    finished = [task for task in sure if task.status == "SUCCEEDED"]
    return UploadTasks(
        running=[task for task in sure if not task.is_final],
        perhaps=[link.task for link in perhaps if not link.task.is_final],
        failed=[link.task for link in links if link.task.status == "FAILED"],
        with_skipped_files=[task for task in finished if task.files_skipped],
        finished=finished,
        may_be_anothers=any(not link.task.is_final for link in anothers),
    )


def claim_task(*, upload: Upload, task_id: UUID, mine: bool, actor: Member, at: datetime) -> None:
    """Say that a Globus task is, or is not, this upload's. Repeating it changes nothing.

    A task that no sweep has seen yet is asked for at Globus: it must be in the list of the identities
    that have a rule on this upload. Nobody claims what may be another member's, and nobody's answer
    changes what is known of another member's uploads.

    Raises:
        UploadNotFoundError, UploadRoleError: the actor may not decide on this upload.
        TaskNotFoundError: Globus shows no such task of this upload's identities.
        TaskBelongsElsewhereError, TaskIsHereError: where it writes is known already.
        TaskIsSharedError: it may be another member's.
        GlobusUnavailableError: Globus has to be asked, and does not answer.
    """
    check_may_finish(actor, upload)
    task = _known_task(upload, task_id) or _ask_for_task(upload, task_id, at=at)
    link = UploadTask.objects.filter(upload=upload, task=task).first()
    if mine:
        _check_is_not_elsewhere(upload, task)
        _check_is_not_anothers(upload, task, is_linked=link is not None)
    elif link is not None and link.belonging == Belonging.PATH:
        raise TaskIsHereError(task_id)
    wanted = Belonging.CLAIMED if mine else Belonging.DENIED
    if link is not None and (link.belonging == wanted or (mine and link.belonging == Belonging.PATH)):
        return
    with transaction.atomic():
        UploadTask.objects.update_or_create(upload=upload, task=task, defaults={"belonging": wanted})
        if mine:
            _rule_out_others(upload, task)
        else:
            _settle_the_last(task)
        record(
            "upload.task_claimed" if mine else "upload.task_denied",
            upload,
            actor=actor,
            at=at,
            project_id=upload.project_id,
            task_id=str(task_id),
        )
        make_due(Sweep.WISHES, Sweep.SEALING)


def _known_task(upload: Upload, task_id: UUID) -> GlobusTask | None:
    """A task that was seen in a list of this upload's identities before."""
    return GlobusTask.objects.filter(task_id=task_id, upload_tasks__upload=upload).first()


def _ask_for_task(upload: Upload, task_id: UUID, *, at: datetime) -> GlobusTask:
    read_tasks_of(upload, at=at)
    if known := _known_task(upload, task_id):
        return known
    for identity in upload.grants.values_list("identity_id", flat=True):
        for task in backends().globus.tasks_of(IdentityId(str(identity)), since=upload.created_at):
            if task.id == TaskId(str(task_id)):
                return store_task(task, collection_id=upload.collection_id, at=at)
    raise TaskNotFoundError(
        f"Globus shows no task {task_id} of the identity that may write into this upload. Check the task's id."
    )


def _check_is_not_elsewhere(upload: Upload, task: GlobusTask) -> None:
    told = UploadTask.objects.filter(task=task, belonging__in=[Belonging.PATH, Belonging.CLAIMED])
    if told.exclude(upload=upload).exists():
        raise TaskBelongsElsewhereError(task.task_id)


def _check_is_not_anothers(upload: Upload, task: GlobusTask, *, is_linked: bool) -> None:
    links = UploadTask.objects.filter(task=task)
    if links.filter(upload=upload, belonging=Belonging.PATH).exists():
        return
    area = area_path(upload.area_name)
    if (path := task.destination_path) and not (is_within(path, area) or is_within(area, f"{path.rstrip('/')}/")):
        raise TaskBelongsElsewhereError(task.task_id)
    # A task without a link is older than the upload, as Globus's clock says: nobody's list was looked at for it.
    if links.exclude(upload__owner=upload.owner_id).exists() or (
        not is_linked and is_seen_by_others(task.task_id, upload)
    ):
        raise TaskIsSharedError(task.task_id)


def _rule_out_others(upload: Upload, task: GlobusTask) -> None:
    """The task is this upload's, so it is no other one's of the same member."""
    others = UploadTask.objects.filter(task=task, belonging__in=[Belonging.PERHAPS, Belonging.ONLY])
    others.filter(upload__owner=upload.owner_id).exclude(upload=upload).update(belonging=Belonging.DENIED)


def _settle_the_last(task: GlobusTask) -> None:
    """Of several uploads all but one were ruled out, so the task is that one's."""
    links = list(UploadTask.objects.filter(task=task).select_related("upload"))
    perhaps = [link for link in links if link.belonging == Belonging.PERHAPS]
    of_one_member = len({link.upload.owner_id for link in links}) == 1
    if of_one_member and len(perhaps) == 1 and not any(link.belonging in SURE for link in links):
        UploadTask.objects.filter(pk=perhaps[0].pk).update(belonging=Belonging.ONLY)
