"""Looking for work: whether there may be any is asked often, so it is asked cheaply.

To put a query together takes Django much longer than the database takes to answer it, and a worker that imports has
no time for that ten times in a second.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any

from django.db import connection
from django.db.models import QuerySet


class Look:
    """Asks whether a queryset has any row. Its statement is made once, so nothing in it may depend on the time."""

    def __init__(self, rows: Callable[[], QuerySet[Any]]) -> None:
        self._rows = rows

    def __call__(self) -> bool:
        """Whether there is a row now."""
        with connection.cursor() as cursor:
            cursor.execute(*self._statement)
            return cursor.fetchone() is not None

    @cached_property
    def _statement(self) -> tuple[str, tuple[Any, ...]]:
        return self._rows().order_by().values("pk")[:1].query.sql_with_params()
