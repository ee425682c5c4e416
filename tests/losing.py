"""Connections to PostgreSQL that are lost."""

from __future__ import annotations

import pytest
from django.db import connection

needs_postgresql = pytest.mark.skipif(
    connection.vendor != "postgresql", reason="SQLite has no connections that could be lost."
)


def lose_the_connection() -> None:
    """PostgreSQL ends the connection of this thread, which hears of it with its next query."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        [pid] = cursor.fetchone()
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s)", [pid])
    finally:
        other.close()
