"""An import of many folders never keeps the database to itself for long (design §5)."""

from __future__ import annotations

import sqlite3

import pytest
from django.db import connection

from builders import a_project, publish_files
from importing import World
from small_steps import small_steps

pytestmark = pytest.mark.django_db(transaction=True)

BATCH_ROWS = 100
# Of a batch: its entries, their objects, what they take the place of, and the rows that name lease and right.
MOST_ROWS = 520
# What is counted is forgotten as soon as the transaction has ended; else the next one's rows would be added.
_ROWS_OF_THIS_TRANSACTION = """
    SELECT sum(n_tup_ins + n_tup_upd + n_tup_del), pg_stat_force_next_flush() FROM pg_stat_xact_user_tables
"""


class Writes:
    """Rows that each transaction of this connection has written, as the database counts them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.counts: list[int] = []
        self._before = self._so_far() if connection.vendor == "sqlite" else 0
        self._commit = connection.commit
        monkeypatch.setattr(connection, "commit", self._count_and_commit)

    def _so_far(self) -> int:
        if connection.vendor == "sqlite":
            database = connection.connection
            assert isinstance(database, sqlite3.Connection)
            return database.total_changes
        with connection.cursor() as cursor:
            cursor.execute(_ROWS_OF_THIS_TRANSACTION)
            return int(cursor.fetchone()[0] or 0)

    def _count_and_commit(self) -> None:
        now = self._so_far()
        self.counts.append(now - self._before)
        if connection.vendor == "sqlite":
            self._before = now
        self._commit()


def test_no_transaction_of_an_import_grows_with_the_number_of_its_folders(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name, value in small_steps(files=BATCH_ROWS, rows=BATCH_ROWS):
        monkeypatch.setattr(module, name, value)
    project = a_project()
    publish_files(project, {f"folder {number}/file": b"old" for number in range(5)}, store=world.store)
    files = {f"folder {number}/file": f"{number}".encode() for number in range(1200)}
    upload = world.a_sealed_upload(files, project)
    writes = Writes(monkeypatch)

    world.work(upload)

    upload.refresh_from_db()
    assert (upload.state, upload.problems) == ("imported", 0)
    assert max(writes.counts) <= MOST_ROWS
    assert sum(writes.counts) > 4 * len(files), "what was counted is not the import"
