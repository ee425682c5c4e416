"""An import of many folders never keeps the database to itself for long (design §5)."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction

from builders import a_project, publish_files
from importing import World

pytestmark = pytest.mark.django_db(transaction=True)

MOST_WRITES = 520  # of single rows in one transaction; measured: some 50 ms


def test_no_transaction_of_an_import_grows_with_the_number_of_its_folders(world: World) -> None:
    project = a_project()
    publish_files(project, {f"folder {number}/file": b"old" for number in range(5)}, store=world.store)
    files = {f"folder {number}/file": f"{number}".encode() for number in range(700)}
    upload = world.a_sealed_upload(files, project)
    now: list[int] = []  # writes of the transaction that is open
    writes: list[int] = []  # of each that was committed

    def end() -> None:
        writes.append(sum(now))
        now.clear()

    def count(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        if connection.in_atomic_block and not sql.lstrip().startswith(("SELECT", "SAVEPOINT", "RELEASE")):
            if not now:
                transaction.on_commit(end)
            now.append(len(parameters) if many else 1)
        return execute(sql, parameters, many, context)

    with connection.execute_wrapper(count):
        world.work(upload)

    upload.refresh_from_db()
    assert (upload.state, upload.problems) == ("imported", 0)
    assert max(writes) <= MOST_WRITES
    assert sum(writes) > 3 * MOST_WRITES, "what was counted is not the import"
