"""Cancel: an import that waits or runs ends, and the project stays as it was (design §3).

Of one that waits the end is written here. One that runs is ended by its worker, which looks at `cancel_asked`
between its batches; if it has published by then, the cancelling came too late and changes nothing.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction

from moorage.accounts.models import Member
from moorage.audit.records import record
from moorage.errors import ConflictError
from moorage.transfers.models import Upload
from moorage.transfers.rules import check_may_finish
from moorage.transfers.states import UploadState, UploadTransitionError

CANCELLED: Final = "cancelled"  # the reason of a FAILED upload, and the code of a run
WHERE_NOTHING_MORE_RUNS: Final = frozenset({UploadState.FAILED, UploadState.IMPORTED})


class NothingToCancelError(ConflictError):
    """No import of this upload waits or runs."""

    code = "upload.nothing_to_cancel"

    def __init__(self, state: UploadState) -> None:
        super().__init__(_WHY_NOT.get(state, "No import of this upload runs, so there is nothing to cancel."))
        self.current = state.value


_WHY_NOT: Final = {
    UploadState.OPEN: "This upload has not been marked as done, so there is nothing to cancel. To take “Import when "
    "transfers finish” back, press “Do not import yet”.",
    UploadState.SEALING: "This upload is still being closed. Wait until that is done and cancel its import then, "
    "or press DELETE.",
    UploadState.IMPORTED: "The import has ended and its files are in the project. To take them out again, use "
    "“Undo this import”.",
}


def may_be_cancelled(upload: Upload) -> bool:
    """Whether an import waits or runs that has not been asked to end, whoever asks."""
    running = upload.current_state in {UploadState.SEALED, UploadState.IMPORTING}
    return running and upload.cancel_asked_at is None


def cancel_import(*, upload: Upload, actor: Member, at: datetime) -> None:
    """End an import that waits, or ask that one that runs be ended. Repeating it changes nothing.

    Raises:
        UploadNotFoundError, UploadRoleError: the actor may not decide on this upload.
        NothingToCancelError: no import of it waits or runs.
    """
    check_may_finish(actor, upload)
    while not _is_asked(upload):
        # A worker may take it, or end it, at the same moment: then how it stands is looked at again.
        if upload.current_state is UploadState.SEALED:
            _end_waiting(upload, actor=actor, at=at)
        elif upload.current_state is UploadState.IMPORTING:
            _ask_worker(upload, actor=actor, at=at)
        else:
            raise NothingToCancelError(upload.current_state)


def cancel_asked(upload_id: UUID) -> str:
    """Why a running import is to end, in a sentence; empty as long as it is not."""
    asked = Upload.objects.filter(pk=upload_id, state=UploadState.IMPORTING).exclude(cancel_asked_at=None)
    upload = asked.select_related("cancel_asked_by").first()
    return sentence_of(upload.cancel_asked_by) if upload else ""


def sentence_of(by: Member | None) -> str:
    """What is said of a cancelled import."""
    return f"Cancelled by {by}." if by else "Cancelled."


def _is_asked(upload: Upload) -> bool:
    return upload.cancel_asked_at is not None and upload.current_state in (
        WHERE_NOTHING_MORE_RUNS | {UploadState.IMPORTING}
    )


def _end_waiting(upload: Upload, *, actor: Member, at: datetime) -> None:
    published = upload.has_published
    with transaction.atomic():
        try:
            upload.transition_to(
                UploadState.IMPORTED if published else UploadState.FAILED,
                at=at,
                reason="" if published else CANCELLED,
                reason_text=sentence_of(actor),
                cancel_asked_at=at,
                cancel_asked_by=actor,
                last_activity_at=at,
            )
        except UploadTransitionError:
            return
        record("upload.cancelled", upload, actor=actor, at=at, project_id=upload.project_id, had_begun=False)


def _ask_worker(upload: Upload, *, actor: Member, at: datetime) -> None:
    with transaction.atomic():
        running = Upload.objects.filter(pk=upload.pk, state=UploadState.IMPORTING, cancel_asked_at=None)
        if running.update(cancel_asked_at=at, cancel_asked_by=actor):
            record("upload.cancelled", upload, actor=actor, at=at, project_id=upload.project_id, had_begun=True)
    upload.refresh_from_db()
