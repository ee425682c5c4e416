"""Slows down guessing of passwords: after a few failures each further try has to wait, longer each time."""

from __future__ import annotations

import sqlite3
import time

from globus_local.database import Database

SCHEMA = """
CREATE TABLE IF NOT EXISTS sign_in_failures (
  subject TEXT PRIMARY KEY,          -- a username at an address, or an address
  failures INTEGER NOT NULL,
  blocked_until REAL NOT NULL        -- seconds since the epoch
);
"""

FREE_FAILURES = 5  # for one username from one address
FREE_FAILURES_OF_ADDRESS = 50
LONGEST_WAIT_SECONDS = 300.0
FORGOTTEN_AFTER_SECONDS = 3600.0
MAX_NAME_LENGTH = 300


class Attempts:
    """Failed sign-ins of one local Globus."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, username: str, address: str) -> float:
        """Count a try as failed until `succeeded` says otherwise; 0 means that it may be made now.

        Otherwise the answer is the number of seconds to wait, and nothing was counted. Counting comes first
        so that many tries at the same moment are not free.
        """
        now = time.time()
        subjects = _subjects(username, address)
        limits = (FREE_FAILURES, FREE_FAILURES_OF_ADDRESS)
        with self._database.transaction() as c:
            c.execute("DELETE FROM sign_in_failures WHERE blocked_until < ?", (now - FORGOTTEN_AFTER_SECONDS,))
            blocked = c.execute(
                "SELECT max(blocked_until) FROM sign_in_failures WHERE subject IN (?, ?)", subjects
            ).fetchone()[0]
            if blocked is not None and blocked > now:
                return float(blocked - now)
            for subject, free in zip(subjects, limits, strict=True):
                _count(c, subject, free, now)
        return 0.0

    def succeeded(self, username: str, address: str) -> None:
        """Forget the failures of this username from this address."""
        of_username, of_address = _subjects(username, address)
        with self._database.transaction() as c:
            c.execute("DELETE FROM sign_in_failures WHERE subject = ?", (of_username,))
            c.execute(
                "UPDATE sign_in_failures SET failures = failures - 1, blocked_until = ? WHERE subject = ?",
                (time.time(), of_address),
            )


def _count(connection: sqlite3.Connection, subject: str, free: int, now: float) -> None:
    failures = connection.execute(
        "INSERT INTO sign_in_failures VALUES (?, 1, ?) ON CONFLICT DO UPDATE"
        " SET failures = failures + 1, blocked_until = excluded.blocked_until RETURNING failures",
        (subject, now),
    ).fetchone()[0]
    if failures >= free:
        wait = min(2.0 ** min(failures - free, 30), LONGEST_WAIT_SECONDS)
        connection.execute("UPDATE sign_in_failures SET blocked_until = ? WHERE subject = ?", (now + wait, subject))


def _subjects(username: str, address: str) -> tuple[str, str]:
    return f"{username.strip().lower()[:MAX_NAME_LENGTH]} at {address}", f"at {address}"
