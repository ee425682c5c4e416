"""Retry: what an import left behind is tried again, from the sealed area (design §3)."""

from contextlib import suppress
from datetime import datetime

from django.db import transaction

from moorage.accounts.models import Member
from moorage.audit.records import record
from moorage.backends import backends
from moorage.errors import ConflictError
from moorage.files.choosing import checked_choices
from moorage.files.targets import check_target
from moorage.projects.choices import ImportChoices
from moorage.transfers.models import Upload
from moorage.transfers.rules import check_may_finish
from moorage.transfers.states import UploadState, UploadTransitionError, check_transition


class NothingToRetryError(ConflictError):
    """No import of the upload has ended, everything of it was imported, or what was not has gone to the trash."""

    code = "upload.nothing_to_retry"


class ImportRunsError(ConflictError):
    """Other choices come too late for an import that has begun."""

    code = "upload.import_runs"

    def __init__(self) -> None:
        super().__init__(
            "This upload is being imported as it was chosen before, and other choices cannot be made now. "
            "Wait until the import has ended, or cancel it, and retry then."
        )


def may_be_retried(upload: Upload) -> bool:
    """Whether another run could import something, whoever asks for it."""
    if upload.remnants_gone_at is not None:
        return False
    state = upload.current_state
    return state is UploadState.FAILED or (state is UploadState.IMPORTED and upload.problems > 0)


def retry_upload(*, upload: Upload, actor: Member, at: datetime, choices: ImportChoices | None = None) -> None:
    """Queue another import of what the last one did not import.

    Without `choices` those of the last one stay. An import that waits takes other choices; else, and once it runs,
    asking again for the same changes nothing.

    Raises:
        UploadNotFoundError, UploadRoleError: the actor may not decide on this upload.
        InvalidChoiceError: no import could have these choices, or the target is a file of the project.
        NothingToRetryError: nothing is left to import, or its first import has not come yet.
        ImportRunsError: an import with other choices has begun.
        UploadTransitionError: the upload has not been marked as done yet, or was deleted.
    """
    check_may_finish(actor, upload)
    choices = None if choices is None else checked_choices(choices)
    # Another request, a worker or a sweep may be quicker by a moment: then how it stands is looked at again.
    while not _goes_on(upload, actor=actor, at=at, choices=choices):
        check_transition(upload.current_state, UploadState.SEALED)
        if not may_be_retried(upload):
            raise NothingToRetryError(_why_not(upload))
        chosen = upload.import_choices if choices is None else choices
        check_target(upload.project_id, chosen)
        with suppress(UploadTransitionError):
            _queue(upload, actor=actor, at=at, choices=chosen)


def _queue(upload: Upload, *, actor: Member, at: datetime, choices: ImportChoices) -> None:
    with transaction.atomic():
        upload.transition_to(
            UploadState.SEALED,
            at=at,
            where={"remnants_gone_at": None},
            choices=choices.as_json(),
            done_by=actor,
            cancel_asked_at=None,
            cancel_asked_by=None,
            last_activity_at=at,
            expires_at=at + backends().policies.upload_expires_after,
            expiry_warned_days=None,
            reason="",
            reason_text="",
            step="",
        )
        _record(upload, actor=actor, at=at, choices=choices)


def _goes_on(upload: Upload, *, actor: Member, at: datetime, choices: ImportChoices | None) -> bool:
    """Whether an import with these choices waits or runs; one that waits has been given them."""
    while upload.current_state in {UploadState.SEALED, UploadState.IMPORTING}:
        if choices is None or choices == upload.import_choices:
            return True
        if upload.current_state is UploadState.IMPORTING:
            raise ImportRunsError
        check_target(upload.project_id, choices)
        with transaction.atomic():
            waiting = Upload.objects.filter(pk=upload.pk, state=UploadState.SEALED)
            if waiting.update(choices=choices.as_json(), done_by=actor, last_activity_at=at):
                _record(upload, actor=actor, at=at, choices=choices)
        upload.refresh_from_db()
    return False


def _record(upload: Upload, *, actor: Member, at: datetime, choices: ImportChoices) -> None:
    record("upload.retried", upload, actor=actor, at=at, project_id=upload.project_id, choices=choices.as_json())


def _why_not(upload: Upload) -> str:
    if upload.current_state is UploadState.SEALING:
        return (
            "This upload is still being closed, and its import follows by itself. "
            "What that does not bring can be retried when it has ended."
        )
    if upload.current_state is UploadState.IMPORTED and not upload.problems:
        return "Every file of this upload has been imported. To send more files, open a new upload."
    return "The files that were not imported have been moved to the trash. Transfer them in a new upload."
