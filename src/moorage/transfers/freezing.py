"""The freeze: from SEALING to SEALED in steps that can each be repeated (design §3).

mark → revoke every rule → see in the rule list that they are gone → ask for tasks once more → cancel
them (after "now") or open again (after "when transfers finish") → where one did not end well, fetch what each
delivered → rename the area out → SEALED.
`Upload.close_step` says which step is next; a sweep takes every SEALING upload on, whoever began it.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from django.db import transaction

from moorage.audit.records import record
from moorage.backends import backends
from moorage.errors import MoorageError
from moorage.globus.service import GlobusUnavailableError, TaskStatus
from moorage.storage.areas import StagingAreas
from moorage.transfers.closing import CloseStep, cancel_tasks, move_on, refresh_tasks, withdraw_rules
from moorage.transfers.due import Sweep, make_due
from moorage.transfers.grants import follow_reasons
from moorage.transfers.models import SealWhen, Upload
from moorage.transfers.outcomes import fetch_outcome
from moorage.transfers.states import UploadState, UploadTransitionError
from moorage.transfers.task_links import (
    active_tasks_of,
    is_final,
    is_running,
    links_of,
    perhaps_active_tasks_of,
    tasks_of,
)
from moorage.transfers.task_reading import read_tasks_of

CANCEL_MESSAGE: Final = (
    "The upload that this transfer writes to was marked as done in Moorage, and its files are being imported. "
    "Transfer what is missing into a new upload."
)


def continue_sealing(upload: Upload, *, at: datetime) -> bool:
    """Take a SEALING upload as far towards SEALED as it goes now.

    Returns True when it is no longer SEALING, False when something outside must end first: ask again soon.

    Raises:
        GlobusUnavailableError, GlobusRefusedError, AreaMissingError, StoreAwayError: the upload says why, and the
            freeze stands where it stood.
    """
    while upload.current_state is UploadState.SEALING:
        before = upload.close_step
        try:
            _STEPS[CloseStep(before)](upload, at)
        except GlobusUnavailableError:
            _say(upload, "Globus does not answer at the moment.")
            raise
        except MoorageError as error:
            _say(upload, str(error))
            raise
        if upload.current_state is UploadState.SEALING and upload.close_step == before:
            return False
    return True


def _withdraw(upload: Upload, at: datetime) -> None:
    if withdraw_rules(upload, at=at):
        move_on(upload, state=UploadState.SEALING, to=CloseStep.ASK)
    else:
        _say(upload, "Waiting until Globus shows that nobody may write into this upload any more.")


def _ask(upload: Upload, at: datetime) -> None:
    read_tasks_of(upload, at=at)
    if not tasks_of(upload).filter(is_running).exists():
        move_on(upload, state=UploadState.SEALING, to=CloseStep.OUTCOMES)
    elif upload.seal_when == SealWhen.QUIET:
        _open_again(upload, at)
    else:
        move_on(upload, state=UploadState.SEALING, to=CloseStep.CANCEL)


def _cancel(upload: Upload, at: datetime) -> None:
    cancel_tasks(list(active_tasks_of(upload)), at=at, message=CANCEL_MESSAGE)
    refresh_tasks(list(tasks_of(upload).filter(is_running)), at=at)
    running = list(active_tasks_of(upload))
    if running:
        _say(upload, f"Waiting for the end of {_count(len(running), 'transfer')} that was asked to stop.")
        return
    perhaps = perhaps_active_tasks_of(upload).count()
    latest = _latest(upload)
    if perhaps and at < latest:
        _say(
            upload,
            f"{_count(perhaps, 'transfer')} may or may not belong to this upload. Say which on its page; "
            f"otherwise the import goes on at {latest:%H:%M} UTC.",
        )
        return
    move_on(upload, state=UploadState.SEALING, to=CloseStep.OUTCOMES)


def _latest(upload: Upload) -> datetime:
    """Until when the freeze waits for what would be good to know."""
    return (upload.done_at or upload.state_changed_at) + backends().policies.perhaps_delay


def _outcomes(upload: Upload, at: datetime) -> None:
    links = links_of(upload)
    # Where every task ended well nothing is doubtful. Else what any of them delivered clears a file of doubt.
    suspicious = links.exclude(task__status=TaskStatus.SUCCEEDED).exists()
    for link in links.filter(is_final, task__outcome_fetched_at=None) if suspicious else ():
        try:
            fetch_outcome(link.task, at=at)
        except GlobusUnavailableError:
            if at < _latest(upload):
                raise
            break  # what is not known to be delivered is doubtful: no half file is imported
    move_on(upload, state=UploadState.SEALING, to=CloseStep.MOVE)


def _move(upload: Upload, at: datetime) -> None:
    StagingAreas(backends().store).seal(upload.area_name, upload.pk)
    with transaction.atomic():
        links_of(upload).filter(is_running).update(was_active_at_seal=True)
        try:
            upload.transition_to(
                UploadState.SEALED,
                at=at,
                sealed_at=at,
                close_step="",
                wish_at=None,
                wish_by=None,
                reason="",
                reason_text="",
            )
        except UploadTransitionError:
            return  # another worker was quicker, or DELETE won
        record("upload.sealed", upload, actor=None, at=at, project_id=upload.project_id)


_STEPS: Final[Mapping[CloseStep, Callable[[Upload, datetime], None]]] = {
    CloseStep.WITHDRAW: _withdraw,
    CloseStep.ASK: _ask,
    CloseStep.CANCEL: _cancel,
    CloseStep.OUTCOMES: _outcomes,
    CloseStep.MOVE: _move,
}


def _open_again(upload: Upload, at: datetime) -> None:
    """A transfer slipped in before the rules were gone: it gets its rule back, and the wish stands."""
    with transaction.atomic():
        opened = Upload.objects.filter(
            pk=upload.pk, state=UploadState.SEALING, seal_when=SealWhen.QUIET, close_step=CloseStep.ASK
        ).update(
            state=UploadState.OPEN,
            state_changed_at=at,
            seal_when="",
            close_step="",
            done_at=None,
            done_by=None,
            arrived_changed_at=at,
        )
        upload.refresh_from_db()
        if opened:
            follow_reasons(upload)
            record("upload.opened_again", upload, actor=None, at=at, project_id=upload.project_id)
            make_due(Sweep.GRANTS)


def _say(upload: Upload, sentence: str) -> None:
    """Tell on the upload what the freeze waits for."""
    Upload.objects.filter(pk=upload.pk, state=UploadState.SEALING).exclude(reason_text=sentence).update(
        reason="freeze.waits", reason_text=sentence
    )
    upload.reason, upload.reason_text = "freeze.waits", sentence


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
