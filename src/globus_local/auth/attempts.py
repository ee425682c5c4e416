"""Slows down guessing of passwords: after a few failures each further try has to wait, longer each time."""

from __future__ import annotations

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


class Attempts:
    """Failed sign-ins of one local Globus."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def wait_seconds(self, username: str, address: str) -> float:
        """How long this address has to wait before it may try this username; 0 when it may now."""
        with self._database.read() as c:
            row = c.execute(
                "SELECT max(blocked_until) FROM sign_in_failures WHERE subject IN (?, ?)",
                _subjects(username, address),
            ).fetchone()
        return max(0.0, (row[0] or 0.0) - time.time())

    def failed(self, username: str, address: str) -> None:
        """Count a wrong password."""
        now = time.time()
        limits = (FREE_FAILURES, FREE_FAILURES_OF_ADDRESS)
        with self._database.transaction() as c:
            c.execute("DELETE FROM sign_in_failures WHERE blocked_until < ?", (now - FORGOTTEN_AFTER_SECONDS,))
            for subject, free in zip(_subjects(username, address), limits, strict=True):
                row = c.execute(
                    "INSERT INTO sign_in_failures VALUES (?, 1, ?) ON CONFLICT DO UPDATE"
                    " SET failures = failures + 1, blocked_until = excluded.blocked_until"
                    " RETURNING failures",
                    (subject, now),
                ).fetchone()
                if row[0] >= free:
                    wait = min(2.0 ** (row[0] - free), LONGEST_WAIT_SECONDS)
                    c.execute(
                        "UPDATE sign_in_failures SET blocked_until = ? WHERE subject = ?",
                        (now + wait, subject),
                    )

    def succeeded(self, username: str, address: str) -> None:
        """Forget the failures of this username from this address."""
        with self._database.transaction() as c:
            c.execute("DELETE FROM sign_in_failures WHERE subject = ?", (_subjects(username, address)[0],))


def _subjects(username: str, address: str) -> tuple[str, str]:
    return f"{username.strip().lower()} at {address}", f"at {address}"
