"""Writers on SQLite wait for the lock, and ask for it often; see `config.sqlite3`."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.db import OperationalError, connection, transaction

from builders import a_project
from moorage.config.sqlite3 import base
from moorage.projects.models import Project

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"), reason="Of SQLite alone."),
]


@pytest.fixture
def other() -> Iterator[sqlite3.Connection]:
    """A connection of another process's kind: with SQLite's own patience."""
    made = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None, check_same_thread=False)
    yield made
    made.close()


@pytest.mark.parametrize("in_transaction", [True, False])
def test_a_writer_waits_until_the_lock_is_free(
    other: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, in_transaction: bool
) -> None:
    project = a_project()
    asked: list[float] = []
    monkeypatch.setattr(base, "time", _Clock(asked, then=lambda: other.execute("COMMIT")))
    other.execute("BEGIN IMMEDIATE")

    if in_transaction:
        with transaction.atomic():
            Project.objects.filter(pk=project.pk).update(name="waited")
    else:
        Project.objects.filter(pk=project.pk).update(name="waited")

    assert len(asked) == _Clock.PATIENCE, "it did not wait, or asked more seldom than is right between two transactions"
    assert set(asked) == {base.ASK_AGAIN_SECONDS}
    project.refresh_from_db()
    assert project.name == "waited"


def test_its_patience_ends_with_an_error_and_nothing_written(
    other: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = a_project(name="before")
    monkeypatch.setattr(base, "PATIENCE_SECONDS", 0.05)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(OperationalError, match="locked"):
        Project.objects.filter(pk=project.pk).update(name="after")

    other.execute("COMMIT")
    project.refresh_from_db()
    assert project.name == "before"


def test_what_is_wrong_for_another_reason_is_told_at_once() -> None:
    with pytest.raises(OperationalError, match="no such table"), connection.cursor() as cursor:
        cursor.execute("UPDATE no_such_table SET a = 1")


def test_many_rows_in_one_statement_wait_as_well(other: sqlite3.Connection) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE waits (a)")
    other.execute("BEGIN IMMEDIATE")
    threading.Timer(0.05, lambda: other.execute("COMMIT")).start()
    try:
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO waits VALUES (%s)", [(number,) for number in range(3)])
            assert cursor.execute("SELECT sum(a) FROM waits").fetchone() == (3,)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE waits")


def test_many_rows_in_one_statement_are_written_once(other: sqlite3.Connection) -> None:
    """Another writer that takes the lock between two rows would have those before it written again."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE once (a)")

    def rows() -> Iterator[tuple[int]]:
        yield (0,)
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("BEGIN IMMEDIATE")
        yield (1,)

    other.execute("PRAGMA busy_timeout = 0")
    try:
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO once VALUES (%s)", rows())  # type: ignore[arg-type]
            assert cursor.execute("SELECT a FROM once ORDER BY a").fetchall() == [(0,), (1,)]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("DROP TABLE once")


class _Clock:
    """A time module in whose third sleep something happens."""

    PATIENCE = 3
    monotonic = staticmethod(time.monotonic)

    def __init__(self, asked: list[float], *, then: object) -> None:
        self._asked, self._then = asked, then

    def sleep(self, seconds: float) -> None:
        self._asked.append(seconds)
        if len(self._asked) == self.PATIENCE and callable(self._then):
            self._then()
