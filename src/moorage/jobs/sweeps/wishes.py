"""Wishes "Import when transfers finish": fulfilled when ripe, taken back when a transfer fails."""

from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import QuerySet

from moorage.accounts.models import Member
from moorage.jobs.addresses import upload_path
from moorage.jobs.sweeps.each import for_each
from moorage.notices.telling import tell
from moorage.transfers.models import GlobusTask, SealWhen, Upload, UploadTask
from moorage.transfers.sealing import begin_freeze
from moorage.transfers.states import UploadState, UploadTransitionError
from moorage.transfers.wishing import end_wish_for, end_wish_unless_allowed, failed_tasks_to_tell, is_ripe

SOON: Final = timedelta(seconds=1)


def fulfil_wishes(at: datetime) -> timedelta | None:
    """Look at every wish."""
    for_each(_wished(), lambda upload: look_at_wish(upload, at=at), at=at)
    return SOON if _wished().exists() else None


def look_at_wish(read: Upload, *, at: datetime) -> None:
    """Fulfil a wish, take it back, or leave it, by how it stands now: much may have happened since it was read."""
    upload = _wished().filter(pk=read.pk).first()
    if upload is None:
        return
    with transaction.atomic():
        if end_wish_unless_allowed(upload, at=at):
            return
    failed = failed_tasks_to_tell(upload)
    if failed:
        _take_back(upload, failed, at=at)
    elif is_ripe(upload, at=at):
        _fulfil(upload, at=at)


def _fulfil(upload: Upload, *, at: datetime) -> None:
    # Taken back, or DONE or DELETE pressed, in this moment: that counts, not the wish.
    with suppress(UploadTransitionError):
        begin_freeze(upload, when=SealWhen.QUIET, by=upload.wish_by, at=at, choices=upload.import_choices)


def _take_back(upload: Upload, failed: list[UploadTask], *, at: datetime) -> None:
    task = failed[0].task
    sentence = (
        f"A transfer {_how_it_ended(task)}, so “Import when transfers finish” was taken back. "
        "Send what is missing and press DONE again, or press DONE to import what has arrived."
    )
    with transaction.atomic():
        maker = upload.wish_by
        if not end_wish_for(upload, reason="wish.transfer_failed", reason_text=sentence, at=at):
            return
        UploadTask.objects.filter(pk__in=[link.pk for link in failed], told_at=None).update(told_at=at)
        for member in _concerned(upload, maker):
            tell(
                member,
                kind="upload.transfer_failed",
                subject=f"A transfer into “{upload.name}” {_how_it_ended(task)}",
                text=f"{_name_of(task)} into the upload “{upload.name}” of {upload.project.name}: {sentence}",
                path=upload_path(upload),
                at=at,
            )


def _concerned(upload: Upload, maker: Member | None) -> list[Member]:
    return [upload.owner] if maker is None or maker == upload.owner else [maker, upload.owner]


def _how_it_ended(task: GlobusTask) -> str:
    return "was cancelled" if task.was_cancelled else "failed"


def _name_of(task: GlobusTask) -> str:
    return f"Transfer “{task.label}”" if task.label else f"Transfer {task.task_id}"


def _wished() -> QuerySet[Upload]:
    wished = Upload.objects.in_state(UploadState.OPEN).exclude(wish_at=None)
    return wished.select_related("project", "owner", "wish_by")
