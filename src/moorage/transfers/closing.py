"""What the freeze and the discarding have in common: rules taken away and seen to be gone, tasks cancelled.

Everything here can be repeated, and says by its answer whether the next step may be taken.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from moorage.backends import backends
from moorage.globus.service import CollectionPath, TaskId, TaskNotFoundError
from moorage.transfers.downloads.models import DownloadTree
from moorage.transfers.grants import IN_FLIGHT, take_rule_away, withdraw_all
from moorage.transfers.models import GlobusTask, GrantState, Upload, UploadTask
from moorage.transfers.naming import area_path, is_within
from moorage.transfers.states import UploadState
from moorage.transfers.task_reading import end_forgotten, store_task

CANCEL_AGAIN_AFTER: Final = timedelta(seconds=5)
LOOKS_AT_THE_LIST: Final = 3


class CloseStep(StrEnum):
    """Where a freeze or a discarding stands: the step that comes next."""

    WITHDRAW = "withdraw"  # take the rules away, and see in the list that they are gone
    ASK = "ask"  # ask Globus for tasks once more
    CANCEL = "cancel"  # cancel what runs, and await its end
    OUTCOMES = "outcomes"  # fetch what tasks did deliver, so that only the rest is doubtful
    MOVE = "move"  # rename the area out of the collection


def move_on(upload: Upload, *, state: UploadState, to: CloseStep) -> bool:
    """Write down that the next step is `to`, unless another process has moved the upload meanwhile."""
    here = Upload.objects.filter(pk=upload.pk, state=state, close_step=upload.close_step)
    if not here.update(close_step=to.value):
        upload.refresh_from_db()
        return False
    upload.close_step = to.value
    return True


def withdraw_rules(upload: Upload, *, at: datetime) -> bool:
    """Take every rule on the area away, also those that no row knows. True: the rule list shows none any more."""
    return withdraw_rules_on(upload, area_path(upload.area_name), at=at)


def withdraw_rules_on(of: Upload | DownloadTree, path: CollectionPath, *, at: datetime) -> bool:
    """The same for an area or a tree that lies at `path`."""
    withdraw_all(of)
    for grant in of.grants.exclude(rule_id=""):
        take_rule_away(grant)
    for _ in range(LOOKS_AT_THE_LIST):
        standing = [rule for rule in backends().globus.list_access() if is_within(rule.path, path)]
        if not standing:
            break
        for rule in standing:
            backends().globus.revoke_access(rule.id)
    else:
        return False
    # A rule that was asked for a moment ago may still be made.
    if of.grants.filter(actual=GrantState.UNKNOWN, tried_at__gt=at - IN_FLIGHT).exists():
        return False
    of.grants.filter(desired=GrantState.REVOKED).update(actual=GrantState.REVOKED, rule_id="", seen_at=None)
    return True


def cancel_tasks(links: Sequence[UploadTask], *, at: datetime, message: str) -> None:
    """Ask Globus to cancel these tasks, again if a first asking had no effect."""
    for link in links:
        asked_at = link.task.cancel_asked_at
        if asked_at is not None and at - asked_at < CANCEL_AGAIN_AFTER:
            continue
        GlobusTask.objects.filter(pk=link.task_id).update(cancel_asked_at=at)
        backends().globus.cancel_task(TaskId(str(link.task.task_id)), message=message)


def refresh_tasks(links: Sequence[UploadTask], *, at: datetime) -> None:
    """Ask Globus how these tasks stand now. One that Globus does not know any more has ended."""
    for link in links:
        try:
            seen = backends().globus.task(TaskId(str(link.task.task_id)))
        except TaskNotFoundError:
            end_forgotten(link.task, at=at)
            continue
        store_task(seen, collection_id=link.task.collection_id, at=at)
