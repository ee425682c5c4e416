"""Tasks as their owners see them: list, show, cancel, events, delivered files.

What managers of a collection see of others' tasks: `manager`. How tasks are worked on: `engine`.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from globus_local.database import Database
from globus_local.errors import TransferError
from globus_local.transfer import task_filters
from globus_local.transfer.instants import instant
from globus_local.transfer.paths import to_text
from globus_local.transfer.signals import Signals

if TYPE_CHECKING:
    from globus_local.auth.callers import Caller

CANCEL_WAIT_SECONDS: Final = 3.0


class TaskNotFoundError(TransferError):
    """There is no such task, or it is another's: the answer is the same, so that ids do not leak."""

    def __init__(self, task_id: str) -> None:
        super().__init__("ClientError.NotFound", f"You have no task {task_id!r}.", 404)


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
    options: str  # JSON
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
    checksum: str | None
    checksum_algorithm: str | None


@dataclass(frozen=True)
class SkippedError:
    """An item that was given up because the submission allows to skip errors of the source."""

    source_path: str
    destination_path: str
    code: str
    details: str
    at: datetime
    is_directory: bool
    checksum_algorithm: str | None
    external_checksum: str | None


class Tasks:
    """The tasks of this Globus."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.signals = Signals()

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
        where, values = task_filters.condition(filters)
        order = task_filters.order(orderby)
        with self._database.read() as c:
            found = f"FROM tasks WHERE owner_id = ? AND {where}"
            total = c.execute(f"SELECT count(*) {found}", (caller.identity_id, *values)).fetchone()[0]
            rows = c.execute(
                f"SELECT * {found} ORDER BY {order} LIMIT ? OFFSET ?",
                (caller.identity_id, *values, limit, offset),
            ).fetchall()
        return [task_from(row) for row in rows], total

    def get(self, caller: Caller, task_id: str) -> Task:
        """Raises TransferError ClientError.NotFound (404): no such task, or not the caller's."""
        task = self.find(task_id)
        if task.owner_id != caller.identity_id:
            raise TaskNotFoundError(task_id)
        return task

    def find(self, task_id: str) -> Task:
        """Any task, whoever owns it. Raises TaskNotFoundError."""
        with self._database.read() as c:
            row = c.execute("SELECT * FROM tasks WHERE id = ?", (task_id,)).fetchone()
        if row is None:
            raise TaskNotFoundError(task_id)
        return task_from(row)

    def cancel(self, caller: Caller, task_id: str) -> str:
        """Ask a task to stop and wait shortly: "Canceled", "CancelAccepted" (not yet), "TaskComplete"."""
        self.get(caller, task_id)
        if not self.request_cancel(task_id):
            return "TaskComplete"
        until = time.monotonic() + CANCEL_WAIT_SECONDS
        while (status := self.find(task_id).status) == "ACTIVE":
            if time.monotonic() > until:
                return "CancelAccepted"
            self.signals.wait_for_an_end(0.1)
        return "TaskComplete" if status == "SUCCEEDED" else "Canceled"

    def request_cancel(self, task_id: str, *, by_admin_of: str | None = None, message: str | None = None) -> bool:
        """Ask a task to stop. It is over when its last file is closed. False: it was over already."""
        with self._database.transaction() as c:
            asked = c.execute(
                "UPDATE tasks SET cancel_requested = 1, canceled_by_admin = coalesce(?, canceled_by_admin),"
                " canceled_by_admin_message = coalesce(?, canceled_by_admin_message)"
                " WHERE id = ? AND status = 'ACTIVE'",
                (by_admin_of, message, task_id),
            ).rowcount
        self.signals.interrupt(task_id)
        return bool(asked)

    def update(self, caller: Caller, task_id: str, *, changes: dict[str, Any]) -> None:
        """Change label ("label") or deadline ("deadline", in seconds since the epoch) of a task that is not over."""
        if self.get(caller, task_id).status != "ACTIVE":
            raise TransferError("Conflict", "This task is over and cannot be changed.", 409)
        with self._database.transaction() as c:
            if "label" in changes:
                c.execute("UPDATE tasks SET label = ? WHERE id = ?", (changes["label"], task_id))
            if "deadline" in changes:
                c.execute(
                    "UPDATE tasks SET deadline = ?, deadline_is_fixed = 1 WHERE id = ?",
                    (changes["deadline"], task_id),
                )

    def events(
        self, caller: Caller, task_id: str, *, limit: int = 10, offset: int = 0, is_error: bool | None = None
    ) -> tuple[Sequence[TaskEvent], int]:
        """A task's events, newest first, and how many there are."""
        return self.events_of(self.get(caller, task_id), limit=limit, offset=offset, is_error=is_error)

    def events_of(
        self, task: Task, *, limit: int, offset: int, is_error: bool | None
    ) -> tuple[Sequence[TaskEvent], int]:
        """The same for a task that the caller is known to be allowed to see."""
        wanted = (0, 1) if is_error is None else (int(is_error),) * 2
        with self._database.read() as c:
            found = "FROM task_events WHERE task_id = ? AND is_error IN (?, ?)"
            total = c.execute(f"SELECT count(*) {found}", (task.id, *wanted)).fetchone()[0]
            rows = c.execute(
                f"SELECT * {found} ORDER BY id DESC LIMIT ? OFFSET ?", (task.id, *wanted, limit, offset)
            ).fetchall()
        return [
            TaskEvent(row["code"], bool(row["is_error"]), row["description"], row["details"], instant(row["at"]))
            for row in rows
        ], total

    def delivered_files(
        self, caller: Caller, task_id: str, *, marker: int = 0, limit: int = 100
    ) -> tuple[Sequence[DeliveredFile], int | None]:
        """Files that have arrived, and the marker of the next page (None: no more)."""
        return self.delivered_files_of(self.get(caller, task_id), marker=marker, limit=limit)

    def delivered_files_of(self, task: Task, *, marker: int, limit: int) -> tuple[Sequence[DeliveredFile], int | None]:
        """The same for a task that the caller is known to be allowed to see."""
        rows, following = self._items(task, "state = 'succeeded' AND kind = 'file'", marker, limit)
        return [
            DeliveredFile(
                source_path=to_text(row["source"]),
                destination_path=to_text(row["destination"]),
                size_bytes=row["size_bytes"],
                checksum=row["checksum"],
                checksum_algorithm=row["checksum_algorithm"] if row["checksum"] else None,
            )
            for row in rows
        ], following

    def skipped_errors_of(self, task: Task, *, marker: int, limit: int) -> tuple[Sequence[SkippedError], int | None]:
        """Items of the source that were given up, and the marker of the next page (None: no more)."""
        rows, following = self._items(task, "state = 'skipped_error'", marker, limit)
        return [
            SkippedError(
                source_path=to_text(row["source"]),
                destination_path=to_text(row["destination"] or b""),
                code=row["error_code"],
                details=row["error_details"],
                at=instant(row["error_at"]),
                is_directory=row["kind"] == "directory",
                checksum_algorithm=row["checksum_algorithm"],
                external_checksum=row["external_checksum"],
            )
            for row in rows
        ], following

    def _items(self, task: Task, condition: str, marker: int, limit: int) -> tuple[Sequence[sqlite3.Row], int | None]:
        with self._database.read() as c:
            rows = c.execute(
                f"SELECT * FROM task_items WHERE task_id = ? AND {condition} AND id > ?"  # noqa: S608
                " ORDER BY id LIMIT ?",
                (task.id, marker, limit + 1),
            ).fetchall()
        following = rows[limit - 1]["id"] if len(rows) > limit else None
        return rows[:limit], following


def task_from(row: sqlite3.Row) -> Task:
    """Read a row of `tasks`."""
    values = {name: row[name] for name in row.keys() if name in Task.__dataclass_fields__}  # noqa: SIM118 (a Row iterates over values)
    moved = row["bytes_transferred"] + row["bytes_in_flight"]
    seconds = (row["completed_at"] or time.time()) - (row["started_at"] or time.time())
    values.update(
        requested_at=instant(row["requested_at"]),
        completed_at=None if row["completed_at"] is None else instant(row["completed_at"]),
        deadline=instant(row["deadline"]),
        source_base_path=_text_or_none(row["source_base_path"]),
        destination_base_path=_text_or_none(row["destination_base_path"]),
        bytes_transferred=moved,
        effective_bytes_per_second=int(moved / seconds) if seconds > 0 else 0,
    )
    return Task(**values)


def _text_or_none(raw: bytes | None) -> str | None:
    return None if raw is None else to_text(raw)
