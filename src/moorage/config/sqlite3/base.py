"""Django's SQLite backend, whose writers ask for the lock often enough to get it between two transactions of an import.

An import leaves the lock alone for ten milliseconds after each of its transactions (design §5). SQLite's own waiting
sleeps longer and longer, up to 100 ms, and so misses one such pause after the other: one in a hundred writes waited for
a second. Here it asks every few milliseconds.
"""

import sqlite3
import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

from django.db.backends.sqlite3 import base

PATIENCE_SECONDS: Final = 20.0
ASK_AGAIN_SECONDS: Final = 0.002

T = TypeVar("T")


class PatientCursor(base.SQLiteCursorWrapper):
    """A cursor that waits for the lock where a statement begins a transaction, or is one by itself."""

    def execute(self, query: str, params: Any = None) -> Any:
        if self.connection.in_transaction:
            return super().execute(query, params)
        return _patiently(lambda: super(PatientCursor, self).execute(query, params))

    def executemany(self, query: str, param_list: Any) -> Any:
        if self.connection.in_transaction:
            return super().executemany(query, param_list)
        # As one transaction: else each row were one by itself, and done again with those that come after it.
        self.execute("BEGIN IMMEDIATE")
        try:
            done = super().executemany(query, param_list)
        except BaseException:
            self.connection.rollback()
            raise
        self.connection.commit()
        return done


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection with such cursors."""

    def get_new_connection(self, conn_params: Any) -> Any:
        connection = super().get_new_connection(conn_params)
        if connection.execute("PRAGMA journal_mode").fetchone() == ("wal",):
            # Else a commit waits for readers, and only SQLite itself can do that.
            connection.execute("PRAGMA busy_timeout = 0")
        return connection

    def create_cursor(self, name: Any = None) -> Any:  # noqa: ARG002 - the signature of Django's
        return self.connection.cursor(factory=PatientCursor)


def _patiently(act: Callable[[], T]) -> T:
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return act()
        except sqlite3.OperationalError as error:
            # A statement that did not get the lock has done nothing.
            is_busy = getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
            if not is_busy or time.monotonic() >= until:
                raise
        time.sleep(ASK_AGAIN_SECONDS)
