"""Plain files on SQLite: prepared statements of some hundred rows, in a transaction that nobody else writes beside."""

from functools import cache
from typing import Any, Final

from django.db import connection

from moorage.files.models import ObjectState, StoredObject
from moorage.importer.batches.plain import DIGEST, WIDTH
from moorage.importer.ledger.bulk import Values, insert_values
from moorage.importer.register.object_rows import ON_CONFLICT
from moorage.importer.words.verdicts import EntryState
from moorage.importer.write.plain_rows import (
    ENTRY_COLUMNS,
    OBJECT,
    OBJECT_COLUMNS,
    Rows,
    alike,
    in_order_of,
    numbered,
    objects_of,
)

DIGESTS_PER_QUERY: Final = 500


def store_objects(rows: Rows, verified_at: Any) -> list[int | None]:
    """See `plain_tables.store_plain`."""
    digests = rows[DIGEST::WIDTH]
    in_order, last = in_order_of(digests), _last_object()
    insert_values(_OBJECT_VALUES, lambda _: (verified_at,), objects_of(rows, in_order))
    if _objects_after(last) != (len(digests), last + len(digests)):
        return _look_up(digests)
    # All are new, and nobody else can write meanwhile: their numbers follow one another.
    return numbered(list(range(last + 1, last + 1 + len(digests))), in_order)


def write_entries(whose: tuple[Any, int], rows: Rows, object_ids: list[int | None], state: EntryState) -> None:
    """See `plain_tables.write_plain`. `whose`: the upload's identifier and the run's number."""
    insert_values(_entry_values(state), lambda _: whose, _with_last(rows, object_ids))


def _last_object() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = 'files_storedobject'")
        return int(cursor.fetchone()[0])


def _objects_after(number: int) -> tuple[int, int]:
    """How many objects have a larger number, and the largest."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT COUNT(*), COALESCE(MAX(id), %s) FROM files_storedobject WHERE id > %s", [number, number])
        count, last = cursor.fetchone()
    return int(count), int(last)


def _look_up(digests: list[bytes]) -> list[int | None]:
    ids: dict[bytes, int] = {}
    live = StoredObject.objects.filter(state=ObjectState.LIVE)
    for start in range(0, len(digests), DIGESTS_PER_QUERY):
        some = [digest.hex() for digest in digests[start : start + DIGESTS_PER_QUERY]]
        ids |= {bytes.fromhex(digest): pk for digest, pk in live.filter(digest__in=some).values_list("digest", "pk")}
    return [ids.get(digest) for digest in digests]


def _with_last(rows: Rows, last: list[int | None]) -> list[Any]:
    """Rows whose values follow one another, each with one value more."""
    all_values: list[Any] = [None] * (len(rows) + len(last))
    for column in range(WIDTH):
        all_values[column :: WIDTH + 1] = rows[column::WIDTH]
    all_values[WIDTH :: WIDTH + 1] = last
    return all_values


def _placeholders(first: int, count: int) -> str:
    return ", ".join(f"?{number}" for number in range(first, first + count))


def _object_row(first: int, _: int) -> str:
    return f"(?1, '{ObjectState.LIVE}', {_placeholders(first, len(OBJECT))})"


@cache
def _entry_values(state: EntryState) -> Values:
    last = ", ".join(f"'{value}'" for value in alike(state))

    def row(first: int, _: int) -> str:
        return f"(?1, ?2, {_placeholders(first, WIDTH + 1)}, {last})"

    return Values(f"INSERT INTO importer_manifestentry ({ENTRY_COLUMNS})", row, WIDTH + 1, constants=2)


_OBJECT_VALUES: Final = Values(
    f"INSERT INTO files_storedobject ({OBJECT_COLUMNS})", _object_row, len(OBJECT), constants=1, tail=ON_CONFLICT
)
