"""DONE: from here on nobody may write into the staging area. What follows, step by step, is in `freezing`."""

from datetime import datetime

from django.db import transaction

from moorage.accounts.models import Member
from moorage.audit.records import record
from moorage.backends import backends
from moorage.files.choosing import NO_CHOICES, checked_choices
from moorage.files.targets import check_target
from moorage.projects.choices import ImportChoices
from moorage.transfers import rules
from moorage.transfers.closing import CloseStep
from moorage.transfers.due import Sweep, make_due
from moorage.transfers.grants import withdraw_all
from moorage.transfers.models import SealWhen, Upload
from moorage.transfers.states import DONE_ALREADY, UploadState, UploadTransitionError, check_transition


def start_sealing(*, upload: Upload, actor: Member, at: datetime, choices: ImportChoices = NO_CHOICES) -> None:
    """Begin to seal the staging area now: from here on nobody may write into it.

    Afterwards the upload is SEALING, and a sweep withdraws the rules, cancels what still runs and goes
    on from there: no page waits for Globus. For an upload that is done already nothing changes, except
    that the freeze of "when transfers finish" does not open it again.

    Raises:
        UploadNotFoundError, UploadRoleError: the actor may not decide on this upload.
        InvalidChoiceError: no import could have these choices, or the target is a file of the project.
        EmptyUploadError: nothing has arrived yet.
        UploadTransitionError: the upload is not open.
    """
    rules.check_may_finish(actor, upload)
    choices = checked_choices(choices)
    # A sweep may begin, or end, the freeze of a wish at the same moment: then how it stands is looked at again.
    while not _goes_on(upload, actor=actor, at=at, choices=choices):
        check_transition(upload.current_state, UploadState.SEALING)
        rules.check_has_arrived(upload)
        check_target(upload.project_id, choices)
        try:
            begin_freeze(upload, when=SealWhen.NOW, by=actor, at=at, choices=choices)
        except UploadTransitionError:
            if upload.current_state not in DONE_ALREADY | {UploadState.OPEN}:
                raise  # DELETE won


def begin_freeze(upload: Upload, *, when: SealWhen, by: Member | None, at: datetime, choices: ImportChoices) -> None:
    """Mark the upload SEALING and every rule as no longer desired, in one transaction; a wish stays until the seal.

    Raises:
        UploadTransitionError: the upload is not open any more, or (QUIET) this wish was taken back meanwhile.
    """
    if when is SealWhen.QUIET and upload.wish_at is None:
        raise UploadTransitionError(upload.current_state, UploadState.SEALING)
    wish = {"wish_at": upload.wish_at, "wish_by": upload.wish_by_id} if when is SealWhen.QUIET else {}
    with transaction.atomic():
        upload.transition_to(
            UploadState.SEALING,
            at=at,
            where=wish,
            seal_when=when.value,
            close_step=CloseStep.WITHDRAW.value,
            choices=choices.as_json(),
            done_at=at,
            done_by=by,
            cancel_asked_at=None,
            cancel_asked_by=None,
            last_activity_at=at,
            expires_at=at + backends().policies.upload_expires_after,
            expiry_warned_days=None,
            reason="",
            reason_text="",
        )
        withdraw_all(upload)
        _record_done(upload, by=by, at=at, when=when, choices=choices)
        make_due(Sweep.SEALING)


def _goes_on(upload: Upload, *, actor: Member, at: datetime, choices: ImportChoices) -> bool:
    """Whether DONE has been pressed and stays pressed: the freeze of "when transfers finish" is made one of "now"."""
    if upload.current_state not in DONE_ALREADY:
        return False
    if upload.current_state is UploadState.SEALING and upload.seal_when == SealWhen.QUIET:
        check_target(upload.project_id, choices)
    with transaction.atomic():
        quiet = Upload.objects.filter(pk=upload.pk, state=UploadState.SEALING, seal_when=SealWhen.QUIET)
        if quiet.update(seal_when=SealWhen.NOW, done_by=actor, done_at=at, choices=choices.as_json()):
            _record_done(upload, by=actor, at=at, when=SealWhen.NOW, choices=choices)
            make_due(Sweep.SEALING)
    upload.refresh_from_db()
    return upload.current_state is not UploadState.OPEN


def _record_done(upload: Upload, *, by: Member | None, at: datetime, when: SealWhen, choices: ImportChoices) -> None:
    chosen = choices.as_json()
    record("upload.done", upload, actor=by, at=at, project_id=upload.project_id, when=when.value, choices=chosen)
