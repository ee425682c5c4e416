"""One task from its start to its end, in a thread of its own."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Final

from globus_local.transfer.deleting import Deletion
from globus_local.transfer.faults import SKIPPABLE, WIDE, FaultError, InterruptedTaskError
from globus_local.transfer.guard import Guard
from globus_local.transfer.ledger import Item, Ledger, insert_events
from globus_local.transfer.transferring import Transfer

if TYPE_CHECKING:
    from globus_local.world import LocalGlobus

PAUSES_AT_MOST: Final = 5  # times `retry_seconds`, between two attempts at one item
WIDE_FAULTS_IN_A_ROW: Final = 3
PROGRESS_EVENT_SECONDS: Final = 10.0


class FatalFaultError(Exception):
    """A fault that ends the whole task."""

    def __init__(self, fault: FaultError) -> None:
        super().__init__(fault.details)
        self.fault = fault


class TaskRun:
    """The work of one ACTIVE task. Its status changes only after its last file is closed."""

    def __init__(self, world: LocalGlobus, row: sqlite3.Row, stop: threading.Event) -> None:
        self._world = world
        self._row = row
        self._task_id: str = row["id"]
        self._options = json.loads(row["options"])
        self._ledger = Ledger(world.database, self._task_id)
        self._guard = Guard(world, self._task_id, row["owner_id"], stop)
        self._wide_in_a_row = 0
        self._progress_told_at = time.monotonic()
        self._work = self._make_work()

    def run(self) -> None:
        """Work until the task is over, or until `stop` says that the service ends (then it stays ACTIVE)."""
        self._start()
        try:
            self._do_all()
        except FatalFaultError as error:
            self._ledger.flush()
            self._end("FAILED", error.fault.code, error.fault.details)
        except InterruptedTaskError:
            self._ledger.bytes_in_flight = 0
            self._ledger.flush()
            end_if_asked(self._world, self._task_id)
        else:
            self._ledger.flush()
            self._end("SUCCEEDED", None, None)

    def _make_work(self) -> Transfer | Deletion:
        source = self._world.collections.get(self._row["source_id"])
        if self._row["kind"] == "DELETE":
            return Deletion(source, self._options, self._ledger, self._guard)
        return Transfer(
            config=self._world.config,
            source=source,
            destination=self._world.collections.get(self._row["destination_id"]),
            options=self._options,
            ledger=self._ledger,
            guard=self._guard,
        )

    def _start(self) -> None:
        now = time.time()
        with self._world.database.transaction() as c:
            first = c.execute(
                "UPDATE tasks SET started_at = ?, nice_status = 'OK',"
                " deadline = CASE WHEN deadline_is_fixed THEN deadline ELSE ? END"
                " WHERE id = ? AND started_at IS NULL",
                (now, now + self._world.config.deadline_seconds, self._task_id),
            ).rowcount
            c.execute("UPDATE tasks SET bytes_in_flight = 0, nice_status = 'OK' WHERE id = ?", (self._task_id,))
        if first:
            self._ledger.event("STARTED", {"type": self._row["kind"]})
        else:
            self._ledger.forget_half_read_folders()

    def _do_all(self) -> None:
        while True:
            self._guard.check_running()
            items = self._ledger.next_items()
            if items:
                for item in items:
                    self._guard.check_running()
                    self._attempt(item)
                    self._ledger.flush_if_due()
                    self._tell_progress()
                continue
            pause = self._ledger.seconds_to_retry()
            if pause is None:
                return
            self._guard.pause(max(pause, 0.02))

    def _attempt(self, item: Item) -> None:
        try:
            self._work.handle(item)
        except FaultError as fault:
            self._faulted(item, fault)
        else:
            self._wide_in_a_row = 0
            self._ledger.nice_status = ("OK", None)

    def _faulted(self, item: Item, fault: FaultError) -> None:
        if fault.is_fatal or (
            self._options.get("fail_on_quota_errors") and fault.code in ("QUOTA_EXCEEDED", "NO_SPACE_LEFT")
        ):
            self._ledger.fail(item, fault)
            raise FatalFaultError(fault)
        if self._options.get("skip_source_errors") and fault.side == "source" and fault.code in SKIPPABLE:
            self._ledger.skip_error(item, fault)
            return
        retry_seconds = self._world.config.retry_seconds
        delay = retry_seconds * min(2**item.attempts, PAUSES_AT_MOST)
        self._ledger.fault(item, fault, retry_at=time.time() + delay)
        self._ledger.nice_status = (fault.code, fault.details)
        self._wide_in_a_row = self._wide_in_a_row + 1 if fault.code in WIDE else 0
        if self._wide_in_a_row >= WIDE_FAULTS_IN_A_ROW:
            # The next file would meet the same: do not run a million files into it at full speed.
            self._ledger.flush()
            self._guard.pause(retry_seconds)

    def _tell_progress(self) -> None:
        if time.monotonic() - self._progress_told_at < PROGRESS_EVENT_SECONDS:
            return
        self._progress_told_at = time.monotonic()
        self._ledger.event("PROGRESS", self._numbers())
        self._ledger.flush()
        if self._row["kind"] == "TRANSFER":
            # As in the cloud: what moves gets three times the first deadline from its last success on.
            with self._world.database.transaction() as c:
                c.execute(
                    "UPDATE tasks SET deadline = max(deadline, ?)"
                    " WHERE id = ? AND deadline_is_fixed = 0 AND nice_status = 'OK'",
                    (time.time() + 3 * self._world.config.deadline_seconds, self._task_id),
                )

    def _numbers(self) -> dict[str, object]:
        with self._world.database.read() as c:
            row = c.execute(
                "SELECT bytes_transferred + bytes_in_flight AS bytes, files_transferred, subtasks_succeeded,"
                " subtasks_skipped_errors FROM tasks WHERE id = ?",
                (self._task_id,),
            ).fetchone()
        return {
            "bytes_transferred": row["bytes"],
            "files_transferred": row["files_transferred"],
            "subtasks_succeeded": row["subtasks_succeeded"],
            "subtasks_skipped_errors": row["subtasks_skipped_errors"],
        }

    def _end(self, status: str, code: str | None, description: str | None) -> None:
        numbers = self._numbers()
        skipped = numbers["subtasks_skipped_errors"]
        with self._world.database.transaction() as c:
            if skipped:
                details = json.dumps({"subtasks_skipped_errors": skipped})
                insert_events(c, self._task_id, [("SKIPPED_ERRORS", False, "skipped errors", details, time.time())])
            end(c, self._task_id, status=status, code=code, description=description, numbers=numbers)


def end_if_asked(world: LocalGlobus, task_id: str) -> bool:
    """End a task that was cancelled or is past its deadline, and that no thread works on (any more)."""
    with world.database.transaction() as c:
        row = c.execute("SELECT * FROM tasks WHERE id = ? AND status = 'ACTIVE'", (task_id,)).fetchone()
        if row is None:
            return True
        if row["cancel_requested"]:
            who = "an administrator of the collection" if row["canceled_by_admin"] else row["owner_username"]
            code, description = "CANCELED", f"This task was canceled by {who}."
        elif time.time() > row["deadline"]:
            code, description = "EXPIRED", "This task did not end before its deadline."
        else:
            return False
        end(c, task_id, status="FAILED", code=code, description=description, numbers={})
    return True


def end(
    c: sqlite3.Connection,
    task_id: str,
    *,
    status: str,
    code: str | None,
    description: str | None,
    numbers: dict[str, object],
) -> None:
    """Close a task in an open transaction; what was left to do is counted under why it was not done."""
    where = {None: "failed", "CANCELED": "canceled", "EXPIRED": "expired"}.get(code, "failed")
    c.execute(
        "UPDATE tasks SET status = ?, completed_at = ?, nice_status = NULL, nice_status_details = NULL,"  # noqa: S608
        " fatal_error_code = ?, fatal_error_description = ?, bytes_in_flight = 0,"
        f" subtasks_{where} = subtasks_{where} + subtasks_pending + subtasks_retrying,"
        " subtasks_pending = 0, subtasks_retrying = 0 WHERE id = ? AND status = 'ACTIVE'",
        (status, time.time(), code, description, task_id),
    )
    is_error = code not in (None, "CANCELED")
    event = code if code in ("CANCELED", "EXPIRED") else ("SUCCEEDED" if code is None else "FAILED")
    details = json.dumps(numbers) if not is_error else str(description)
    insert_events(c, task_id, [(event, is_error, event.lower(), details, time.time())])
