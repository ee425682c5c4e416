"""Writing down plain files: the rows that a process of the executor has made, as they are, with their objects.

Objects go first, thousands at a time and in the order of their digests, for these are spread over a whole index, and
each page of it that a transaction touches is written once. A hundred thousand rows pass through here, so nothing is
done for each one in Python.
"""

from collections.abc import Iterable
from datetime import datetime
from itertools import repeat
from typing import Any, Final
from uuid import UUID

from django.db import connection

from moorage.files.models import ObjectState, StoredObject
from moorage.importer.bulk import Values, insert_values
from moorage.importer.models import ManifestEntry
from moorage.importer.plain import CHANGED, CRC32, DIGEST, MODIFIED, SIZE, WIDTH
from moorage.importer.stored import ON_CONFLICT
from moorage.importer.verdicts import EntryKind, EntryState

DIGESTS_PER_QUERY: Final = 500

_as_upload: Final = ManifestEntry._meta.get_field("upload").get_db_prep_value
_OBJECT: Final = (DIGEST, SIZE, CRC32, MODIFIED, CHANGED)  # what of a row its object has
_OBJECTS: Final = (
    "INSERT INTO files_storedobject (verified_at, state, digest, size_bytes, crc32, modified_ns, changed_ns)"
)
_ENTRY_COLUMNS: Final = (
    "importer_manifestentry (upload_id, run, path, path_key, name, size_bytes, modified_ns, changed_ns, inode,"
    " directory_id, verdict, digest, crc32, object_id, kind, trouble, state, reason, reason_text, warning, compared)"
)
_ENTRIES: Final = f"INSERT INTO {_ENTRY_COLUMNS}"
_CONSTANT_VALUES: Final = (str(EntryKind.FILE), "", str(EntryState.PLACED), "", "", "", "")
_CONSTANTS: Final = ", ".join(f"'{value}'" for value in _CONSTANT_VALUES)

Rows = list[Any]  # WIDTH values for each file; see `plain.PlainAnswer`


def store_plain(rows: Rows, *, at: datetime) -> list[int | None]:
    """Make sure of a live row for each object that plain files are now. Call it in a transaction.

    Returns the objects' numbers; None for what is leaving the store.
    """
    store = _store_on_sqlite if connection.vendor == "sqlite" else _store_on_postgresql
    return store(rows, rows[DIGEST::WIDTH], connection.ops.adapt_datetimefield_value(at)) if rows else []


def write_plain(upload_id: UUID, run: int, rows: Rows, object_ids: list[int | None]) -> bool:
    """Write plain files as what a run has placed, or as digested where they have no object. Call it in a transaction.

    Returns whether all are placed.
    """
    if not rows:
        return True
    whose = (_as_upload(upload_id, connection), run)
    if connection.vendor == "sqlite":
        insert_values(_ENTRY_VALUES, lambda _: whose, _with_last(rows, object_ids))
    else:
        columns = (rows[column::WIDTH] for column in range(WIDTH))
        _copy(
            f"COPY {_ENTRY_COLUMNS} FROM STDIN",
            zip(*map(repeat, whose), *columns, object_ids, *map(repeat, _CONSTANT_VALUES), strict=False),
        )
    if None not in object_ids:
        return True
    entries = ManifestEntry.objects.filter(upload_id=upload_id, run=run, kind=EntryKind.FILE)
    entries.filter(state=EntryState.PLACED, stored_object=None).update(state=EntryState.DIGESTED)
    return False


def _store_on_sqlite(rows: Rows, digests: list[bytes], verified_at: Any) -> list[int | None]:
    in_order = sorted(range(len(digests)), key=digests.__getitem__)
    last = _last_object()
    insert_values(_OBJECT_VALUES, lambda _: (verified_at,), _objects(rows, in_order))
    if _objects_after(last) != (len(digests), last + len(digests)):
        return _look_up(digests)
    # All are new, and nobody else can write meanwhile: their numbers follow one another.
    object_ids: list[int | None] = [None] * len(digests)
    for number, position in enumerate(in_order, last + 1):
        object_ids[position] = number
    return object_ids


def _objects(rows: Rows, in_order: list[int]) -> list[Any]:
    """The columns of objects, in an order, as values that follow one another."""
    some: list[Any] = [None] * (len(in_order) * len(_OBJECT))
    for place, column in enumerate(_OBJECT):
        values = rows[column::WIDTH]
        some[place :: len(_OBJECT)] = [values[position] for position in in_order]
    return some


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
    return f"(?1, '{ObjectState.LIVE}', {_placeholders(first, len(_OBJECT))})"


def _entry_row(first: int, _: int) -> str:
    return f"(?1, ?2, {_placeholders(first, WIDTH + 1)}, {_CONSTANTS})"


_OBJECT_VALUES: Final = Values(_OBJECTS, _object_row, len(_OBJECT), constants=1, tail=ON_CONFLICT)
_ENTRY_VALUES: Final = Values(_ENTRIES, _entry_row, WIDTH + 1, constants=2)

_MAKE_ROOM: Final = """
    CREATE TEMPORARY TABLE IF NOT EXISTS importer_placed (
        digest bytea, size_bytes bigint, crc32 bigint, modified_ns bigint, changed_ns bigint
    ) ON COMMIT DELETE ROWS
"""
# In the order of digests: two inserts in different orders deadlock.
_INSERT_PLACED: Final = f"""
    {_OBJECTS} SELECT %s, '{ObjectState.LIVE}', p.* FROM importer_placed p ORDER BY p.digest
    {ON_CONFLICT} RETURNING digest, id
"""  # noqa: S608 - only our own words are put together


def _store_on_postgresql(rows: Rows, digests: list[bytes], verified_at: Any) -> list[int | None]:
    with connection.cursor() as cursor:
        cursor.execute(_MAKE_ROOM)
        _copy("COPY importer_placed FROM STDIN", zip(*(rows[column::WIDTH] for column in _OBJECT), strict=True))
        cursor.execute(_INSERT_PLACED, [verified_at])
        ids: dict[bytes, int] = dict(cursor.fetchall())
    return [ids.get(digest) for digest in digests]


def _copy(statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
