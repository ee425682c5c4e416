"""Tasks as their owners see them: list, show, cancel, events, delivered files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from globus_local.auth.callers import Caller


@dataclass(frozen=True)
class Task:
    """One task. Only `status` tells whether it is over: ACTIVE, SUCCEEDED or FAILED."""

    id: str
    kind: str  # "TRANSFER" or "DELETE"
    status: str
    label: str | None
    owner_id: str
    owner_username: str
    submission_id: str
    requested_at: datetime
    completed_at: datetime | None
    deadline: datetime
    source_id: str  # collection ids; a delete has only a source
    destination_id: str | None
    source_base_path: str | None
    destination_base_path: str | None
    nice_status: str | None  # "OK", "Queued" or the latest fault's code; None when over
    nice_status_details: str | None
    fatal_error_code: str | None  # "CANCELED", "EXPIRED", …
    fatal_error_description: str | None
    canceled_by_admin: str | None
    canceled_by_admin_message: str | None
    faults: int
    files: int
    directories: int
    symlinks: int
    files_skipped: int
    files_transferred: int
    subtasks_total: int
    subtasks_pending: int
    subtasks_retrying: int
    subtasks_succeeded: int
    subtasks_expired: int
    subtasks_canceled: int
    subtasks_failed: int
    subtasks_skipped_errors: int
    bytes_transferred: int
    bytes_checksummed: int
    effective_bytes_per_second: int


@dataclass(frozen=True)
class TaskEvent:
    """Something that happened to a task. Events never say that a task is over: `Task.status` does."""

    code: str
    is_error: bool
    description: str
    details: str
    at: datetime


@dataclass(frozen=True)
class DeliveredFile:
    """A file that a task has copied, verified if it was asked to."""

    source_path: str
    destination_path: str
    size_bytes: int


class Tasks:
    """The tasks of this Globus. (The constructor's arguments may still grow: `world` makes it.)"""

    def list_for(
        self,
        caller: Caller,
        *,
        limit: int = 10,
        offset: int = 0,
        filters: str = "",
        orderby: str = "request_time DESC",
    ) -> tuple[Sequence[Task], int]:
        """The caller's tasks and how many there are in all."""
        raise NotImplementedError

    def get(self, caller: Caller, task_id: str) -> Task:
        """Raises TransferError ClientError.NotFound (404): no such task, or not the caller's."""
        raise NotImplementedError

    def cancel(self, caller: Caller, task_id: str) -> str:
        """Ask a task to stop and wait shortly: "Canceled", "CancelAccepted" (not yet), "TaskComplete"."""
        raise NotImplementedError

    def events(
        self, caller: Caller, task_id: str, *, limit: int = 10, offset: int = 0, is_error: bool | None = None
    ) -> tuple[Sequence[TaskEvent], int]:
        """A task's events, newest first, and how many there are."""
        raise NotImplementedError

    def delivered_files(
        self, caller: Caller, task_id: str, *, marker: int = 0, limit: int = 100
    ) -> tuple[Sequence[DeliveredFile], int | None]:
        """Files that have arrived, and the marker of the next page (None: no more)."""
        raise NotImplementedError
