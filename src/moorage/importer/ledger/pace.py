"""Pace: how many rows a write transaction takes, found out as it goes.

On SQLite none may last longer than others can wait (design §5); on PostgreSQL nobody waits for it.
"""

from typing import Final

from django.db import connection

LONGEST_SECONDS: Final = 0.040
FIRST_ROWS: Final = 1000
FEWEST_ROWS: Final = 500


class Pace:
    """`rows` is how many the next transaction takes, `most` at most."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.rows = min(FIRST_ROWS, most)

    def learn(self, count: int, seconds: float) -> None:
        """A transaction of so many rows took so long."""
        if connection.vendor != "sqlite":
            self.rows = self._most
        elif count >= self.rows // 2:
            self.rows = round(min(max(count * LONGEST_SECONDS / seconds, FEWEST_ROWS), self._most, 2 * count))
