"""Asking for a transfer or a delete: the document is checked, a task is stored, the engine is woken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from globus_local.auth.callers import Caller
    from globus_local.world import LocalGlobus


@dataclass(frozen=True)
class Submission:
    """The answer to a submission. `is_duplicate`: this submission id was accepted before, with this task."""

    task_id: str
    submission_id: str
    is_duplicate: bool


def submit_transfer(world: LocalGlobus, caller: Caller, document: Mapping[str, Any]) -> Submission:
    """Store a transfer task. `document` is as on the wire; `submission_id` may be absent (then one is made).

    Raises TransferError: ClientError.BadRequest…, EndpointNotFound, PermissionDenied, Conflict.
    """
    raise NotImplementedError


def submit_delete(world: LocalGlobus, caller: Caller, document: Mapping[str, Any]) -> Submission:
    """Store a delete task: {"endpoint", "recursive", "ignore_missing", "DATA": [{"path"}]}."""
    raise NotImplementedError
