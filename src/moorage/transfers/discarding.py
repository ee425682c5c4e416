"""DELETE: the upload and its files go, the project is not touched (design §3).

rules revoked → the upload's tasks cancelled → the area to the trash → DISCARDED. A sweep takes every
DISCARDING upload on, whoever began it.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from moorage.accounts.models import Member
from moorage.audit.records import record
from moorage.backends import backends
from moorage.storage.areas import StagingAreas
from moorage.transfers import rules
from moorage.transfers.closing import CloseStep, cancel_tasks, move_on, refresh_tasks, withdraw_rules
from moorage.transfers.due import Sweep, make_due
from moorage.transfers.grants import withdraw_all
from moorage.transfers.models import Upload
from moorage.transfers.states import DISCARDED_ALREADY, UploadState, UploadTransitionError
from moorage.transfers.task_links import active_tasks_of
from moorage.transfers.task_reading import read_tasks_of

# What a cancelled task still writes after this is found as a stray area.
TASKS_AWAITED: Final = timedelta(minutes=1)
CANCEL_MESSAGE: Final = "The upload that this transfer writes to was deleted in Moorage."
BY_MEMBER: Final = "discarded.by_member"
EXPIRED: Final = "discarded.expired"


def start_discarding(*, upload: Upload, actor: Member, at: datetime) -> None:
    """Delete an upload that has not been imported. Repeating it changes nothing.

    Raises:
        UploadNotFoundError, UploadRoleError: the actor may not decide on this upload.
        UploadImportingError: its import is running.
        UploadImportedError: its files are part of the project; undo is the way.
        UploadTransitionError: it has been moved on at the same moment.
    """
    rules.check_may_finish(actor, upload)
    if upload.current_state in DISCARDED_ALREADY:
        return
    rules.check_may_discard_now(upload)
    try:
        begin_discarding(upload, by=actor, reason=BY_MEMBER, reason_text=f"Deleted by {actor}.", at=at)
    except UploadTransitionError:
        if upload.current_state not in DISCARDED_ALREADY:
            raise


def begin_discarding(upload: Upload, *, by: Member | None, reason: str, reason_text: str, at: datetime) -> None:
    """Mark the upload DISCARDING and every rule as no longer desired, in one transaction."""
    with transaction.atomic():
        upload.transition_to(
            UploadState.DISCARDING,
            at=at,
            close_step=CloseStep.WITHDRAW.value,
            wish_at=None,
            wish_by=None,
            reason=reason,
            reason_text=reason_text,
            trash_until=at + backends().policies.trash_kept,
        )
        withdraw_all(upload)
        record("upload.discarded", upload, actor=by, at=at, project_id=upload.project_id, reason=reason)
        make_due(Sweep.DISCARDING)


def continue_discarding(upload: Upload, *, at: datetime) -> bool:
    """Take a DISCARDING upload as far as it goes now. True: it is DISCARDED; False: ask again soon.

    Raises:
        GlobusUnavailableError, StoreAwayError: Globus does not answer, or the store is away; nothing is lost.
    """
    while upload.current_state is UploadState.DISCARDING:
        before = upload.close_step
        _STEPS[CloseStep(before)](upload, at)
        if upload.current_state is UploadState.DISCARDING and upload.close_step == before:
            return False
    return True


def _withdraw(upload: Upload, at: datetime) -> None:
    if withdraw_rules(upload, at=at):
        move_on(upload, state=UploadState.DISCARDING, to=CloseStep.ASK)


def _ask(upload: Upload, at: datetime) -> None:
    read_tasks_of(upload, at=at)
    move_on(upload, state=UploadState.DISCARDING, to=CloseStep.CANCEL)


def _cancel(upload: Upload, at: datetime) -> None:
    cancel_tasks(list(active_tasks_of(upload)), at=at, message=CANCEL_MESSAGE)
    refresh_tasks(list(active_tasks_of(upload)), at=at)
    if at - upload.state_changed_at >= TASKS_AWAITED or not active_tasks_of(upload).exists():
        move_on(upload, state=UploadState.DISCARDING, to=CloseStep.MOVE)


def _move(upload: Upload, at: datetime) -> None:
    areas = StagingAreas(backends().store)
    until = upload.trash_until or at + backends().policies.trash_kept
    # The collection first: a freeze that is still running somewhere can only move the area on, not back.
    areas.discard(upload.area_name, until=until)
    areas.discard_sealed(upload.pk, until=until)
    try:
        upload.transition_to(UploadState.DISCARDED, at=at, close_step="")
    except UploadTransitionError:
        return  # another worker was quicker


_STEPS: Final[Mapping[CloseStep, Callable[[Upload, datetime], None]]] = {
    CloseStep.WITHDRAW: _withdraw,
    CloseStep.ASK: _ask,
    CloseStep.CANCEL: _cancel,
    CloseStep.MOVE: _move,
}
