"""The engine: takes waiting tasks, a few of each owner at a time, and runs each in a thread.

Which tasks wait is in the database, so after a restart (or a kill) everything goes on by itself. Only one
engine works on a data folder: a second one waits until the first is gone.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
import threading
import time
from collections import Counter, deque
from typing import TYPE_CHECKING, Final

from globus_local.transfer.endpoints import EndpointNotFoundError
from globus_local.transfer.history import forget_old_items
from globus_local.transfer.running import TaskRun, end, end_if_asked

if TYPE_CHECKING:
    from globus_local.world import LocalGlobus

log = logging.getLogger(__name__)

IDLE_SECONDS: Final = 1.0
FORGET_SECONDS: Final = 3600.0
STOP_SECONDS: Final = 2.5


class Engine:
    """Runs the tasks of one local Globus in this process."""

    def __init__(self, world: LocalGlobus) -> None:
        self._world = world
        self._signals = world.tasks.signals
        self._stopping = threading.Event()
        self._threads: dict[str, threading.Thread] = {}
        self._owners: dict[str, tuple[str, str]] = {}
        self._finished: deque[str] = deque()
        self._not_before: dict[str, float] = {}
        self._forget_at = 0.0
        self._scheduler: threading.Thread | None = None

    def start(self) -> None:
        """Begin to work, in the background."""
        self._scheduler = threading.Thread(target=self._schedule, name="transfer engine", daemon=True)
        self._scheduler.start()

    def stop(self) -> None:
        """Stop within a few seconds. Tasks that are not over stay ACTIVE and go on at the next start."""
        self._stopping.set()
        self._signals.work.set()
        self._signals.interrupt_all()
        until = time.monotonic() + STOP_SECONDS
        for thread in [self._scheduler, *list(self._threads.values())]:
            if thread is not None and thread is not threading.current_thread():
                thread.join(max(0.0, until - time.monotonic()))

    def _schedule(self) -> None:
        lock = self._lock_folder()
        try:
            while not self._stopping.is_set():
                try:
                    self._look()
                    self._forget()
                except sqlite3.Error:
                    log.exception("the transfer engine could not read its tasks and tries again")
                self._signals.work.wait(IDLE_SECONDS)
                self._signals.work.clear()
            self._signals.interrupt_all()  # for a task that began while `stop` was called
        finally:
            self._world.database.close()
            if lock is not None:
                os.close(lock)

    def _lock_folder(self) -> int | None:
        path = self._world.config.data_folder / "engine.lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        while not self._stopping.is_set():
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return descriptor
            except BlockingIOError:
                self._stopping.wait(0.2)
        os.close(descriptor)
        return None

    def _look(self) -> None:
        while self._finished:
            task_id = self._finished.popleft()
            del self._threads[task_id], self._owners[task_id]
        running = Counter(self._owners.values())
        for row in self._active_tasks():
            task_id, key = row["id"], (row["owner_id"], row["kind"])
            if task_id in self._threads:
                continue
            if end_if_asked(self._world, task_id):
                self._signals.tell_an_end()
            elif (
                running[key] < self._world.config.active_tasks_per_owner
                and self._not_before.get(task_id, 0.0) <= time.monotonic()
            ):
                running[key] += 1
                self._start_task(row)

    def _forget(self) -> None:
        """Now and then, one small batch at a time, so that running tasks are not kept from writing."""
        if time.monotonic() >= self._forget_at:
            more = forget_old_items(self._world.database)
            self._forget_at = time.monotonic() + (0 if more else FORGET_SECONDS)

    def _active_tasks(self) -> list[sqlite3.Row]:
        with self._world.database.read() as c:
            return c.execute("SELECT * FROM tasks WHERE status = 'ACTIVE' ORDER BY number").fetchall()

    def _start_task(self, row: sqlite3.Row) -> None:
        task_id = row["id"]
        stop = self._signals.register(task_id)
        thread = threading.Thread(target=self._run, args=(row, stop), name=f"task {task_id}", daemon=True)
        self._threads[task_id], self._owners[task_id] = thread, (row["owner_id"], row["kind"])
        thread.start()

    def _run(self, row: sqlite3.Row, stop: threading.Event) -> None:
        task_id = row["id"]
        try:
            TaskRun(self._world, row, stop).run()
        except EndpointNotFoundError as error:
            with self._world.database.transaction() as c:
                end(c, task_id, status="FAILED", code="ENDPOINT_DELETED", description=error.message, numbers={})
        except Exception:
            # A bug, or the database is in trouble: the task is not over, so it is tried again.
            log.exception("task %s stopped unexpectedly and is tried again", task_id)
            self._not_before[task_id] = time.monotonic() + self._world.config.retry_seconds
        finally:
            self._world.database.close()
            self._signals.unregister(task_id)
            self._finished.append(task_id)
            self._signals.work.set()
