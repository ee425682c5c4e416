"""Many rows in few statements: one INSERT of some hundred rows costs less than as many of one, and so does a query.

SQLite's statements are given as SQLite takes them: Django would rewrite thousands of placeholders each time.
"""

import sqlite3
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, Final, NamedTuple

from django.db import connection

ROWS_PER_STATEMENT: Final = 250
SIZES: Final = (250, 50, 10, 1)  # of statements that SQLite has ready


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


class Values(NamedTuple):
    """An INSERT of rows on SQLite: `head VALUES row, row, … tail`. `row` is given the number of its first parameter
    and its own, from 0; `width` is how many parameters it has. The first ones of the statement are `constants`, which
    all rows use.
    """

    head: str
    row: Callable[[int, int], str]
    width: int
    constants: int
    tail: str = ""


def insert_values(insert: Values, constants: Callable[[int], tuple[Any, ...]], values: list[Any]) -> None:
    """On SQLite, insert rows whose values follow one another in a list. Call it in a transaction.

    `constants` is given the number of the first row of a statement, from 0.
    """
    position = 0
    with connection.cursor() as cursor, connection.wrap_database_errors:
        for rows in SIZES:
            step = rows * insert.width
            while len(values) - position >= step:
                some = [*constants(position // insert.width), *values[position : position + step]]
                sqlite3.Cursor.execute(cursor.cursor, _numbered(insert, rows), some)
                position += step


@lru_cache(maxsize=64)
def _numbered(insert: Values, rows: int) -> str:
    all_rows = ", ".join(insert.row(insert.constants + 1 + number * insert.width, number) for number in range(rows))
    return f"{insert.head} VALUES {all_rows} {insert.tail}"


def rows_of(query: str, before: Sequence[Any], values: Sequence[Any], after: Sequence[Any] = ()) -> list[Any]:
    """What a query finds, of which many `values` are among the parameters, at `{one_of}`."""
    given: Sequence[Any]
    if connection.vendor == "sqlite":
        one_of, given = f"IN ({', '.join(['%s'] * len(values))})", values
    else:
        # A hundred constants take much longer to plan.
        one_of, given = "= ANY(%s)", [values]
    with connection.cursor() as cursor:
        cursor.execute(query.format(one_of=one_of), [*before, *given, *after])
        return list(cursor.fetchall())
