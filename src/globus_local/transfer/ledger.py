"""What is left to do of one task, and what came of the rest: its items and counters, in the database.

Only the thread that runs the task uses a ledger. Outcomes are kept back for a moment and written together,
so a killed service does the last few files again; nothing is forgotten.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from globus_local.database import Database
from globus_local.transfer.faults import FaultError
from globus_local.transfer.paths import CollectionPath, from_raw

BATCH_ITEMS: Final = 500
FLUSH_SECONDS: Final = 0.25
EVENTS_KEPT: Final = 1000  # errors of one task; a fault that lasts for days would fill the disk


@dataclass(frozen=True)
class Item:
    """One thing to do. `kind`: "auto" (look what it is), "file", "directory", "extra" or "delete"."""

    id: int
    parent: int | None
    kind: str
    source: CollectionPath
    destination: CollectionPath | None
    external_checksum: str | None
    checksum_algorithm: str | None
    begun: bool
    attempts: int


@dataclass(frozen=True)
class NewItem:
    """An item to be added; the ledger gives it its id."""

    kind: str
    source: CollectionPath
    destination: CollectionPath | None = None
    external_checksum: str | None = None
    checksum_algorithm: str | None = None


@dataclass
class _Waiting:
    """Outcomes that are not in the database yet."""

    items: list[tuple[object, ...]] = field(default_factory=list)
    events: list[tuple[str, bool, str, str, float]] = field(default_factory=list)
    counters: Counter[str] = field(default_factory=Counter)
    since: float = field(default_factory=time.monotonic)


def add_items(c: sqlite3.Connection, task_id: str, items: Iterable[NewItem], parent: int | None = None) -> int:
    """Insert items in an open transaction and count them in the task. Returns how many there were."""
    before = c.total_changes
    c.executemany(
        "INSERT INTO task_items (task_id, parent, kind, source, destination, external_checksum,"
        " checksum_algorithm) VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            (
                task_id,
                parent,
                item.kind,
                item.source.raw,
                item.destination.raw if item.destination else None,
                item.external_checksum,
                item.checksum_algorithm,
            )
            for item in items
        ),
    )
    added = c.total_changes - before
    c.execute(
        "UPDATE tasks SET subtasks_total = subtasks_total + ?, subtasks_pending = subtasks_pending + ? WHERE id = ?",
        (added, added, task_id),
    )
    return added


class Ledger:
    """The items of one running task. Counters keep to one law: the total is the sum of all other subtasks."""

    def __init__(self, database: Database, task_id: str) -> None:
        self._database = database
        self._task_id = task_id
        self._waiting = _Waiting()
        self.bytes_in_flight = 0
        self.nice_status: tuple[str, str | None] = ("OK", None)  # the latest fault, for the owner to see

    def next_items(self) -> list[Item]:
        """Some items to do now: those not tried yet, else those whose pause is over."""
        self.flush()
        with self._database.read() as c:
            rows = c.execute(
                "SELECT * FROM task_items WHERE task_id = ? AND state = 'pending' ORDER BY id LIMIT ?",
                (self._task_id, BATCH_ITEMS),
            ).fetchall()
            rows += c.execute(
                "SELECT * FROM task_items WHERE task_id = ? AND state = 'retrying' AND retry_at <= ?"
                " ORDER BY retry_at LIMIT ?",
                (self._task_id, time.time(), BATCH_ITEMS),
            ).fetchall()
        return [_item(row) for row in rows]

    def seconds_to_retry(self) -> float | None:
        """How long until an item may be tried again; None when no item is left."""
        with self._database.read() as c:
            row = c.execute(
                "SELECT min(retry_at) AS at FROM task_items WHERE task_id = ? AND state = 'retrying'",
                (self._task_id,),
            ).fetchone()
        return None if row["at"] is None else max(0.0, float(row["at"]) - time.time())

    def begin(self, item: Item) -> None:
        """Note that an item's effect may be there from now on, even if we never come to say so."""
        with self._database.transaction() as c:
            c.execute("UPDATE task_items SET begun = 1 WHERE id = ?", (item.id,))

    def forget_half_read_folders(self) -> None:
        """Take back what was added for folders that a killed service had not read to their end."""
        with self._database.transaction() as c:
            self._take_back(
                c,
                "parent IN (SELECT id FROM task_items WHERE task_id = :task AND state IN ('pending', 'retrying')"
                " AND kind IN ('auto', 'directory', 'pattern'))",
            )

    def add_children(self, parent: Item, children: Iterable[NewItem]) -> None:
        """Add what a folder holds, in batches; if `children` raises, nothing of it stays."""
        self.flush()
        remaining = iter(children)
        try:
            while batch := list(itertools.islice(remaining, BATCH_ITEMS)):
                with self._database.transaction() as c:
                    add_items(c, self._task_id, batch, parent.id)
        except BaseException:
            # The folder is read anew later; until then its first half must not be worked on.
            with self._database.transaction() as c:
                self._take_back(c, "parent = :parent", parent=parent.id)
            raise

    def _take_back(self, c: sqlite3.Connection, which: str, **values: int) -> None:
        known = {"task": self._task_id, **values}
        gone = c.execute(f"DELETE FROM task_items WHERE {which}", known).rowcount  # noqa: S608
        c.execute(
            "UPDATE tasks SET subtasks_total = subtasks_total - :gone,"
            " subtasks_pending = subtasks_pending - :gone WHERE id = :task",
            known | {"gone": gone},
        )

    def succeed(
        self,
        item: Item,
        *,
        state: str = "succeeded",
        kind: str | None = None,
        size_bytes: int | None = None,
        checksum: str | None = None,
        **counters: int,
    ) -> None:
        """An item is done; `counters` are added to the task's."""
        self._settle(item, state, kind or item.kind, size_bytes=size_bytes, checksum=checksum)
        self._count(item, "subtasks_succeeded", counters)

    def skip_error(self, item: Item, fault: FaultError) -> None:
        """Give an item up because the submission said that such errors may be skipped."""
        self._settle(item, "skipped_error", item.kind, fault=fault)
        self._count(item, "subtasks_skipped_errors", {})

    def fault(self, item: Item, fault: FaultError, *, retry_at: float) -> None:
        """An item has not worked; it is tried again later."""
        self._settle(item, "retrying", item.kind, fault=fault, retry_at=retry_at)
        self._count(item, "subtasks_retrying", {"faults": 1})
        self.event(fault.code, fault.details, is_error=True)

    def fail(self, item: Item, fault: FaultError) -> None:
        """An item can never work, and the task ends because of it."""
        self._settle(item, "failed", item.kind, fault=fault)
        self._count(item, "subtasks_failed", {"faults": 1})
        self.event(fault.code, fault.details, is_error=True)

    def count(self, **counters: int) -> None:
        """Add to the task's counters."""
        self._waiting.counters.update(counters)

    def event(self, code: str, details: str | dict[str, object], *, is_error: bool = False) -> None:
        """Tell the owner what happened. Details of events that are no errors are JSON."""
        text = details if isinstance(details, str) else json.dumps(details)
        description = code.lower().replace("_", " ")
        self._waiting.events.append((code, is_error, description, text, time.time()))

    def flush_if_due(self) -> None:
        if time.monotonic() - self._waiting.since >= FLUSH_SECONDS or len(self._waiting.items) >= BATCH_ITEMS:
            self.flush()

    def flush(self) -> None:
        """Write what is waiting, in one transaction."""
        waiting, self._waiting = self._waiting, _Waiting()
        with self._database.transaction() as c:
            c.executemany(
                "UPDATE task_items SET state = ?, kind = ?, size_bytes = ?, checksum = ?, attempts = ?,"
                " retry_at = ?, error_code = ?, error_details = ?, error_at = ? WHERE id = ?",
                waiting.items,
            )
            names = sorted(waiting.counters)
            changes = "".join(f"{name} = {name} + :{name}, " for name in names)
            c.execute(
                f"UPDATE tasks SET {changes} bytes_in_flight = :in_flight,"  # noqa: S608
                " nice_status = :nice_status, nice_status_details = :nice_details WHERE id = :id",
                {
                    **waiting.counters,
                    "in_flight": self.bytes_in_flight,
                    "nice_status": self.nice_status[0],
                    "nice_details": self.nice_status[1],
                    "id": self._task_id,
                },
            )
            insert_events(c, self._task_id, waiting.events)

    def _settle(
        self,
        item: Item,
        state: str,
        kind: str,
        *,
        size_bytes: int | None = None,
        checksum: str | None = None,
        fault: FaultError | None = None,
        retry_at: float | None = None,
    ) -> None:
        error = (fault.code, fault.details, time.time()) if fault else (None, None, None)
        self._waiting.items.append((state, kind, size_bytes, checksum, item.attempts + 1, retry_at, *error, item.id))

    def _count(self, item: Item, where: str, counters: dict[str, int]) -> None:
        self.bytes_in_flight = 0
        self._waiting.counters["subtasks_retrying" if item.attempts else "subtasks_pending"] -= 1
        self._waiting.counters[where] += 1
        self._waiting.counters.update(counters)


def insert_events(c: sqlite3.Connection, task_id: str, events: list[tuple[str, bool, str, str, float]]) -> None:
    """Append events in an open transaction; of errors only the newest are kept."""
    c.executemany(
        "INSERT INTO task_events (task_id, code, is_error, description, details, at) VALUES (?, ?, ?, ?, ?, ?)",
        [(task_id, *event) for event in events],
    )
    if any(is_error for _, is_error, *_ in events):
        c.execute(
            "DELETE FROM task_events WHERE id IN (SELECT id FROM task_events"
            " WHERE task_id = ? AND is_error = 1 ORDER BY id DESC LIMIT -1 OFFSET ?)",
            (task_id, EVENTS_KEPT),
        )


def _item(row: sqlite3.Row) -> Item:
    return Item(
        id=row["id"],
        parent=row["parent"],
        kind=row["kind"],
        source=from_raw(row["source"]),
        destination=None if row["destination"] is None else from_raw(row["destination"]),
        external_checksum=row["external_checksum"],
        checksum_algorithm=row["checksum_algorithm"],
        begun=bool(row["begun"]),
        attempts=row["attempts"],
    )
