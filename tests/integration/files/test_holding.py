"""Many rows of stored objects are changed in the order of their digests, so that two who do it never deadlock."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Future
from hashlib import sha256
from typing import Any

import pytest
from django.db import connection, transaction

from builders import NOON, a_stored_object
from moorage.files.fixity_by_executor import check_batch
from moorage.files.fixity_marks import clear_marks, set_marks
from moorage.files.models import ObjectState, StoredObject
from moorage.importer.batches.data import PlacedFile
from moorage.importer.register.object_rows import revive, store_rows
from moorage.storage.digests import Stamp
from moorage.storage.fixity import read_objects
from moorage.storage.layout import StoreLayout

pytestmark = pytest.mark.django_db(transaction=True)


def clear(rows: list[StoredObject], store: StoreLayout) -> None:
    clear_marks(rows)


def mark(rows: list[StoredObject], store: StoreLayout) -> None:
    set_marks([(row, Stamp(0, row.size_bytes, 0, 0)) for row in rows], at=NOON)


def give_life_again(rows: list[StoredObject], store: StoreLayout) -> None:
    with transaction.atomic():
        revive([row.pk for row in rows])


def check(rows: list[StoredObject], store: StoreLayout) -> None:
    check_batch(rows, store=store, clock=lambda: NOON, read=read_objects)


def place(rows: list[StoredObject], store: StoreLayout) -> None:
    """A batch that brings the others, and finds the first."""
    first = min(rows, key=lambda row: row.digest)
    stamps = [Stamp(0, row.size_bytes, row.modified_ns, 0) for row in rows]
    placed = [
        PlacedFile(0, row.digest, 0, stamp, stamp, "reused" if row == first else "linked")
        for row, stamp in zip(rows, stamps, strict=True)
    ]
    with transaction.atomic():
        assert len(store_rows(placed, at=NOON).ids) == len(rows)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="On SQLite only one writes at a time.")
@pytest.mark.parametrize("change", [clear, mark, give_life_again, check, place])
def test_who_waits_for_the_first_row_holds_none_of_the_others(
    store: StoreLayout, in_thread: Callable[..., Future[Any]], change: Callable[[list[StoredObject], StoreLayout], None]
) -> None:
    # The others' numbers come first: what is changed in their order, or as it lies in the table, begins with them.
    contents = sorted((b"%d" % number for number in range(8)), key=lambda one: sha256(one).digest(), reverse=True)
    for content in contents:
        a_stored_object(content, store=store)
    state = ObjectState.DOOMED if change in {give_life_again, place} else ObjectState.LIVE
    mark_before = None if change is mark else NOON
    StoredObject.objects.update(state=state, state_changed_at=NOON, verified_at=mark_before)
    rows = list(StoredObject.objects.order_by("pk"))
    first = min(rows, key=lambda row: row.digest)

    with transaction.atomic():
        StoredObject.objects.select_for_update().get(pk=first.pk)
        changing = in_thread(change, rows, store)
        until = time.monotonic() + 20
        while not waits() and time.monotonic() < until:
            time.sleep(0.02)
        assert waits(), "the first row was not asked for"
        # All others are free: whoever takes them after the first one does not wait for whoever waits for that.
        others = StoredObject.objects.exclude(pk=first.pk).select_for_update(nowait=True)
        assert len(others) == len(rows) - 1

    changing.result(20)


def waits() -> bool:
    """Whether somebody waits for a lock of another."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted)")
        return bool(cursor.fetchone()[0])
