"""A database that the tests of migrations fill as earlier versions did."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.db import connection


@contextmanager
def an_empty_database(folder: Path) -> Iterator[None]:
    """Another database in the place of the tests' own, with nothing in it."""
    tests_own = connection.settings_dict["NAME"]
    if connection.vendor == "sqlite":
        name = str(folder / "before.sqlite3")
    else:
        name = f"before_{os.getpid()}"
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = tests_own
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute(f"DROP DATABASE {name} WITH (FORCE)")
