"""Many rows in few statements: one INSERT of some hundred rows costs less than as many of one.

SQLite's statements are given as SQLite takes them: Django would rewrite thousands of placeholders each time.
"""

import sqlite3
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Final

from django.db import connection

ROWS_PER_STATEMENT: Final = 250


def insert_rows(head: str, row: str, rows: Sequence[tuple[Any, ...]], tail: str = "") -> list[Any]:
    """Run `head VALUES row, row, … tail` for all rows, in statements of some hundred; what they return.

    `row` has one %s for each value. Call it in a transaction.
    """
    returned: list[Any] = []
    for start in range(0, len(rows), ROWS_PER_STATEMENT):
        some = rows[start : start + ROWS_PER_STATEMENT]
        returned += _execute(_statement(head, row, len(some), tail), list(chain.from_iterable(some)), bool(tail))
    return returned


@lru_cache(maxsize=64)
def _statement(head: str, row: str, count: int, tail: str) -> str:
    statement = f"{head} VALUES {', '.join([row] * count)} {tail}"
    return statement.replace("%s", "?") if connection.vendor == "sqlite" else statement


def _execute(statement: str, parameters: list[Any], returns: bool) -> list[Any]:
    with connection.cursor() as cursor:
        if connection.vendor == "sqlite":
            with connection.wrap_database_errors:
                sqlite3.Cursor.execute(cursor.cursor, statement, parameters)
        else:
            cursor.execute(statement, parameters)
        return list(cursor.fetchall()) if returns else []
