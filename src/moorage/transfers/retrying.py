"""Retry: what an import left behind is tried again, from the sealed area (design §3)."""

from datetime import datetime

from django.db import transaction

from moorage.accounts.models import Member
from moorage.audit.records import record
from moorage.backends import backends
from moorage.errors import ConflictError
from moorage.files.choosing import checked_choices
from moorage.projects.choices import ImportChoices
from moorage.transfers.models import Upload
from moorage.transfers.rules import check_may_finish
from moorage.transfers.states import UploadState, UploadTransitionError, check_transition


class NothingToRetryError(ConflictError):
    """Everything of the upload was imported, or what was not has gone to the trash."""

    code = "upload.nothing_to_retry"


def may_be_retried(upload: Upload) -> bool:
    """Whether another run could import something, whoever asks for it."""
    if upload.remnants_gone_at is not None:
        return False
    state = upload.current_state
    return state is UploadState.FAILED or (state is UploadState.IMPORTED and upload.problems > 0)


def retry_upload(*, upload: Upload, actor: Member, at: datetime, choices: ImportChoices | None = None) -> None:
    """Queue another import of what the last one did not import. A queued or running one is left alone.

    Without `choices` those of the last one stay.

    Raises:
        UploadNotFoundError, UploadRoleError: the actor may not decide on this upload.
        InvalidChoiceError: no import could have these choices.
        NothingToRetryError: nothing is left to import.
        UploadTransitionError: the upload has not been imported yet, or was deleted.
    """
    check_may_finish(actor, upload)
    chosen = checked_choices(upload.import_choices if choices is None else choices).as_json()
    if upload.current_state in {UploadState.SEALED, UploadState.IMPORTING}:
        return
    check_transition(upload.current_state, UploadState.SEALED)
    if not may_be_retried(upload):
        raise NothingToRetryError(_why_not(upload))
    with transaction.atomic():
        try:
            upload.transition_to(
                UploadState.SEALED,
                at=at,
                where={"remnants_gone_at": None},
                choices=chosen,
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
        except UploadTransitionError:
            if upload.remnants_gone_at is not None:
                raise NothingToRetryError(_why_not(upload)) from None
            if upload.current_state not in {UploadState.SEALED, UploadState.IMPORTING}:
                raise
            return
        record("upload.retried", upload, actor=actor, at=at, project_id=upload.project_id, choices=chosen)


def _why_not(upload: Upload) -> str:
    if upload.remnants_gone_at is not None:
        return "The files that were not imported have been moved to the trash. Transfer them in a new upload."
    return "Every file of this upload has been imported. To send more files, open a new upload."
