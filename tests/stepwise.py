"""Processes that a test drives from one seam to the next, and that die where the test wants.

Each is a thread of this process with a database connection of its own, and only one of them, or the test, runs at a
time: so whatever order the test chooses is the order in which things happen. One that dies does nothing more: no act
that changes the disk, and no statement, not even those of its `finally` blocks.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final
from unittest import mock

from django.db import connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

from importing import Crash
from moorage.storage import sync

ACTS: Final = ("link", "unlink", "rename", "rmdir", "mkdir", "fchmod", "chmod", "fsync", "replace")
READS: Final = ("SELECT", "PRAGMA", "WITH", "SET", "SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN")
HANGS_SECONDS: Final = 120.0
ENDED: Final = "ended"
DIED: Final = "died"

_here = threading.local()


class Process:
    """Something that is done step by step. `at` is the seam that it is at, or ENDED, or DIED."""

    def __init__(self, name: str, act: Callable[[], object]) -> None:
        self.name, self.at = name, "not begun"
        self._act = act
        self._left: int | None = None  # acts until it dies
        self._is_dead = False
        self._go, self._met = threading.Semaphore(0), threading.Semaphore(0)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def is_over(self) -> bool:
        return self.at in {ENDED, DIED}

    def go_on(self, *, dies_before: int | None = None) -> str:
        """Let it work until the next seam; with `dies_before`, it dies before that many further acts have been done.

        Raises what it did not catch.
        """
        assert not self.is_over
        self._left = dies_before
        if not self._thread.is_alive():
            self._thread.start()
        self._go.release()
        assert self._met.acquire(timeout=HANGS_SECONDS), f"{self.name} hangs after {self.at}"
        if self._error is not None:
            error, self._error = self._error, None
            raise error
        return self.at

    def kill(self) -> None:
        """Let it die at the seam that it is at."""
        self._is_dead = True
        if self._thread.is_alive():
            self.go_on()
        self.at = DIED

    def meet(self, seam: str) -> None:
        """Called by what it does: wait here until the test lets it go on."""
        self.at = seam
        self._met.release()
        self._go.acquire()
        self.live_on()

    def live_on(self) -> None:
        """Raise Crash if it is dead."""
        if self._is_dead:
            raise Crash

    def count(self) -> None:
        """It is about to do something that lasts."""
        self.live_on()
        if self._left is not None:
            self._left -= 1
            self._is_dead = self._left < 0
            self.live_on()

    def _run(self) -> None:
        _here.process = self
        self._go.acquire()
        try:
            with connection.execute_wrapper(_watched_statement):
                self._act()
            self.at = ENDED
        except BaseException as error:
            self.at = DIED if self._is_dead else ENDED
            self._error = None if self._is_dead else error
        finally:
            _here.process = None
            if connection.connection is not None:
                # At once: cursors that a traceback still holds would keep the transaction of one that died.
                connection.connection.rollback()
            connections.close_all()
            self._met.release()


def here() -> Process | None:
    """The process whose thread this is; None in the test itself."""
    return getattr(_here, "process", None)


def _watched_statement(execute: Any, sql: str, *rest: Any) -> Any:
    process = here()
    if process is not None:
        process.live_on()
        # Outside of a transaction every statement that writes is committed by itself.
        if not connection.in_atomic_block and not sql.lstrip().upper().startswith(READS):
            process.count()
    return execute(sql, *rest)


def _watched(act: Callable[..., Any]) -> Callable[..., Any]:
    def watched(*args: Any, **named: Any) -> Any:
        process = here()
        if process is not None:
            process.count()
        return act(*args, **named)

    return watched


@contextmanager
def mortal_processes() -> Iterator[None]:
    """Within the block every act of a process that changes the disk or the database is counted."""
    with ExitStack() as stack:
        for name in ACTS:
            stack.enter_context(mock.patch.object(os, name, _watched(getattr(os, name))))
        stack.enter_context(mock.patch.object(sync, "sync_file_system", _watched(sync.sync_file_system)))
        commit = getattr(BaseDatabaseWrapper, "_commit")  # noqa: B009 - not in its types
        stack.enter_context(mock.patch.object(BaseDatabaseWrapper, "_commit", _watched(commit)))
        yield
