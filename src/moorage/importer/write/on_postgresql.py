"""Plain files on PostgreSQL: rows go by COPY, in its binary form, for text has to be parsed."""

from collections.abc import Iterable
from itertools import repeat
from typing import Any, Final

from django.db import IntegrityError, connection, transaction

from moorage.files.models import ObjectState
from moorage.importer.batches.plain import DIGEST, WIDTH
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

_OBJECT_TYPES: Final = ("bytea", "int8", "int8", "int8", "int8")
_NEW_TYPES: Final = ("int8", "timestamptz", "text", *_OBJECT_TYPES)
_ENTRY_TYPES: Final = (
    *("uuid", "int8", "bytea", "bytea", "text", "int8", "int8", "int8", "int8", "int8"),
    *("text", "bytea", "int8", "int8"),
    *repeat("text", len(alike(EntryState.PLACED))),
)
# The sequence is looked up once, and not for each number.
_NUMBERS: Final = """
    WITH numbers AS MATERIALIZED (SELECT pg_get_serial_sequence('files_storedobject', 'id')::regclass AS sequence)
    SELECT nextval(sequence) FROM numbers, generate_series(1, %s)
"""
_MAKE_ROOM: Final = """
    CREATE TEMPORARY TABLE IF NOT EXISTS importer_placed (
        digest bytea, size_bytes bigint, crc32 bigint, modified_ns bigint, changed_ns bigint
    ) ON COMMIT DELETE ROWS
"""
_INSERT_PLACED: Final = f"""
    INSERT INTO files_storedobject ({OBJECT_COLUMNS})
    SELECT %s, '{ObjectState.LIVE}', p.* FROM (SELECT DISTINCT ON (digest) * FROM importer_placed ORDER BY digest) p
    {ON_CONFLICT} RETURNING digest, id
"""  # noqa: S608 - only our own words are put together


def store_objects(rows: Rows, verified_at: Any) -> list[int | None]:
    """See `plain_tables.store_plain`. In the order of digests: two inserts in different orders deadlock."""
    try:
        with transaction.atomic():
            return _store_new(rows, verified_at)
    except IntegrityError:
        return _store_some(rows, verified_at)


def write_entries(whose: tuple[Any, int], rows: Rows, object_ids: list[int | None], state: EntryState) -> None:
    """See `plain_tables.write_plain`. `whose`: the upload's identifier and the run's number."""
    columns = (rows[column::WIDTH] for column in range(WIDTH))
    values = zip(*map(repeat, whose), *columns, object_ids, *map(repeat, alike(state)), strict=False)
    _copy(f"importer_manifestentry ({ENTRY_COLUMNS})", _ENTRY_TYPES, values)


def _store_new(rows: Rows, verified_at: Any) -> list[int | None]:
    """All are new, as nearly always: they need no look at what is there, and get their numbers beforehand.

    Raises:
        IntegrityError: one is there already.
    """
    in_order = in_order_of(rows[DIGEST::WIDTH])
    with connection.cursor() as cursor:
        cursor.execute(_NUMBERS, [len(in_order)])
        numbers = [number for (number,) in cursor.fetchall()]
    some = objects_of(rows, in_order)
    columns = (some[place :: len(OBJECT)] for place in range(len(OBJECT)))
    values = zip(numbers, repeat(verified_at), repeat(str(ObjectState.LIVE)), *columns, strict=False)
    _copy(f"files_storedobject (id, {OBJECT_COLUMNS})", _NEW_TYPES, values)
    return numbered(numbers, in_order)


def _store_some(rows: Rows, verified_at: Any) -> list[int | None]:
    with connection.cursor() as cursor:
        cursor.execute(_MAKE_ROOM)
        _copy("importer_placed", _OBJECT_TYPES, zip(*(rows[column::WIDTH] for column in OBJECT), strict=True))
        cursor.execute(_INSERT_PLACED, [verified_at])
        ids: dict[bytes, int] = dict(cursor.fetchall())
    return [ids.get(digest) for digest in rows[DIGEST::WIDTH]]


def _copy(table: str, types: tuple[str, ...], rows: Iterable[tuple[Any, ...]]) -> None:
    statement = f"COPY {table} FROM STDIN (FORMAT BINARY)"
    # Django does not know copy(), so it does not make its own errors of what that raises by itself.
    with connection.wrap_database_errors, connection.cursor() as cursor, cursor.copy(statement) as copy:
        copy.set_types(types)
        for row in rows:
            copy.write_row(row)
