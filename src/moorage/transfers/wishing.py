"""The wish "Import when transfers finish": made, taken back, ended, and when it is ripe (design §3).

A wish changes no rights: the upload stays OPEN and more files may come. Sealing starts by itself once
nothing moves any more; the freeze then is `sealing`'s.
"""

from datetime import datetime
from typing import Any

from django.db import transaction

from moorage.accounts.models import Member
from moorage.audit.records import record
from moorage.backends import backends
from moorage.files.choosing import NO_CHOICES, checked_choices
from moorage.files.targets import check_target
from moorage.projects.choices import ImportChoices
from moorage.transfers.due import Sweep, make_due
from moorage.transfers.models import CollectionWatch, Upload, UploadTask
from moorage.transfers.rules import check_may_finish, may_finish
from moorage.transfers.states import DONE_ALREADY, UploadState, UploadTransitionError, check_transition
from moorage.transfers.task_links import is_running, may_be_anothers, tasks_of


def wish_quiet(*, upload: Upload, actor: Member, at: datetime, choices: ImportChoices = NO_CHOICES) -> None:
    """Import this upload when its transfers have finished and it has been quiet for a while.

    Repeating it, or wishing for an upload that is being imported already, changes nothing. Wished again with other
    choices, those count.

    Raises:
        UploadNotFoundError, UploadRoleError: the actor may not decide on this upload.
        InvalidChoiceError: no import could have these choices, or the target is a file of the project.
        UploadTransitionError: the upload is not open.
    """
    check_may_finish(actor, upload)
    choices = checked_choices(choices)
    chosen = choices.as_json()
    is_same = upload.wish_at is not None and upload.import_choices == choices
    if upload.current_state is UploadState.OPEN and not is_same:
        check_target(upload.project_id, choices)
    if upload.wish_at is not None and upload.choices != chosen:
        _choose_again(upload, actor=actor, at=at, chosen=chosen)
    if upload.wish_at is not None or upload.current_state in DONE_ALREADY:
        return
    check_transition(upload.current_state, UploadState.SEALING)
    with transaction.atomic():
        wished = Upload.objects.filter(pk=upload.pk, state=UploadState.OPEN, wish_at=None).update(
            wish_at=at, wish_by=actor, choices=chosen, reason="", reason_text=""
        )
        if wished:
            # She has seen on the DONE page what failed so far; only what fails from now on ends the wish.
            tasks_of(upload).filter(task__status="FAILED", told_at=None).update(told_at=at)
            record("upload.wished", upload, actor=actor, at=at, project_id=upload.project_id, choices=chosen)
            make_due(Sweep.TASKS, Sweep.ARRIVALS, Sweep.WISHES)
    upload.refresh_from_db()
    if upload.current_state is not UploadState.OPEN and upload.current_state not in DONE_ALREADY:
        raise UploadTransitionError(upload.current_state, UploadState.SEALING)


def _choose_again(upload: Upload, *, actor: Member, at: datetime, chosen: dict[str, Any]) -> None:
    """The wish stands since when it stood, with other choices; whoever chose last answers for it."""
    with transaction.atomic():
        wished = Upload.objects.filter(pk=upload.pk, state=UploadState.OPEN).exclude(wish_at=None)
        if wished.update(choices=chosen, wish_by=actor):
            record("upload.wished", upload, actor=actor, at=at, project_id=upload.project_id, choices=chosen)
    upload.refresh_from_db()


def take_wish_back(*, upload: Upload, actor: Member, at: datetime) -> None:
    """Take "Import when transfers finish" back. Harmless when there is no wish.

    Raises:
        UploadNotFoundError, UploadRoleError: the actor may not decide on this upload.
        UploadTransitionError: the upload is not open any more, so it is too late.
    """
    check_may_finish(actor, upload)
    with transaction.atomic():
        wished = Upload.objects.filter(pk=upload.pk, state=UploadState.OPEN).exclude(wish_at=None)
        if wished.update(wish_at=None, wish_by=None, reason="", reason_text=""):
            record("upload.wish_taken_back", upload, actor=actor, at=at, project_id=upload.project_id)
    upload.refresh_from_db()
    if upload.current_state is not UploadState.OPEN:
        raise UploadTransitionError(upload.current_state, UploadState.OPEN)


def end_wish_for(upload: Upload, *, reason: str, reason_text: str, at: datetime) -> bool:
    """Take a wish back without a person, and say why on the upload. Call it in a transaction; False: there was none."""
    wished = Upload.objects.filter(pk=upload.pk, state=UploadState.OPEN, wish_by=upload.wish_by).exclude(wish_at=None)
    # This wish, as it was read: one that was made meanwhile has a reason of its own.
    if not wished.filter(wish_at=upload.wish_at).update(
        wish_at=None, wish_by=None, reason=reason, reason_text=reason_text
    ):
        return False
    record("upload.wish_ended", upload, actor=None, at=at, project_id=upload.project_id, reason=reason)
    return True


def end_wishes_without_reason(*, maker: Member, at: datetime) -> None:
    """End the wishes of a member who may no longer press DONE. Call it in the transaction that changed that.

    A freeze that has begun goes on; if it opens the upload again, the wishes' sweep ends the wish.
    """
    wished = Upload.objects.in_state(UploadState.OPEN).filter(wish_by=maker)
    for upload in wished.exclude(wish_at=None).select_related("project", "owner"):
        end_wish_unless_allowed(upload, at=at)


def end_wish_unless_allowed(upload: Upload, *, at: datetime) -> bool:
    """End the wish if its maker may no longer press DONE. True: it was ended."""
    maker = upload.wish_by
    if upload.wish_at is None or (maker is not None and may_finish(maker, upload)):
        return False
    return end_wish_for(
        upload,
        reason="wish.maker_left",
        reason_text=f"{maker or 'The member'} wished to import when transfers finish, and may no longer decide on this "
        "upload. The uploader or an owner of the project decides: press DONE or DELETE.",
        at=at,
    )


def is_ripe(upload: Upload, *, at: datetime) -> bool:
    """Whether a wish may be fulfilled now: files are there, no transfer runs, and nothing changed for the quiet time.

    A task that only may be this upload's counts as one until the member answers.
    """
    if upload.wish_at is None or upload.current_state is not UploadState.OPEN or not upload.files_arrived:
        return False
    quiet_time = backends().policies.quiet_time
    changed_at, looked_at = upload.arrived_changed_at, upload.arrived_as_of
    if changed_at is None or looked_at is None or looked_at - changed_at < quiet_time:
        return False
    watch = CollectionWatch.objects.filter(pk=upload.collection_id).first()
    if watch is None or watch.tasks_as_of is None or watch.tasks_as_of < upload.wish_at:
        return False
    return at - changed_at >= quiet_time and not tasks_of(upload).filter(is_running).exists()


def failed_tasks_to_tell(upload: Upload) -> list[UploadTask]:
    """Failed and cancelled tasks of an open upload that nobody was told of, except those that we cancelled."""
    failed = tasks_of(upload).filter(task__status="FAILED", told_at=None, task__cancel_asked_at=None)
    links = list(failed)
    for link in links:
        if may_be_anothers(link):
            link.task.label = ""
    return links
