"""Writing down plain files: the rows that a process of the executor has made, as they are, with their objects.

A hundred thousand of them pass through here, so nothing is done for each one in Python.
"""

from collections.abc import Iterable
from datetime import datetime
from itertools import repeat
from typing import Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import Max

from moorage.files.models import ObjectState
from moorage.importer.bulk import Values, insert_values
from moorage.importer.models import ManifestEntry
from moorage.importer.plain import CHANGED, CRC32, DIGEST, MODIFIED, SIZE, WIDTH, PlainAnswer
from moorage.importer.stored import ON_CONFLICT
from moorage.importer.verdicts import EntryKind, EntryState

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
_LIVE: Final = f"(SELECT o.id FROM files_storedobject o WHERE o.digest = {{}} AND o.state = '{ObjectState.LIVE}')"  # noqa: S608


def write_plain(upload_id: UUID, run: int, answer: PlainAnswer, *, at: datetime) -> int:
    """Write plain files as what a run has placed. Call it in a transaction.

    Returns how many are not placed after all, because what has their digest in the store is leaving it.
    """
    write = _write_on_sqlite if connection.vendor == "sqlite" else _write_on_postgresql
    entries = ManifestEntry.objects.filter(upload_id=upload_id)
    before = entries.aggregate(last=Max("number"))["last"] or 0
    if not write((_as_upload(upload_id, connection), run), answer, connection.ops.adapt_datetimefield_value(at)):
        return 0
    placed = entries.filter(number__gt=before, run=run, kind=EntryKind.FILE, state=EntryState.PLACED)
    return placed.filter(stored_object=None).update(state=EntryState.DIGESTED)


def _write_on_sqlite(whose: tuple[Any, ...], answer: PlainAnswer, verified_at: Any) -> bool:
    """Returns whether some may be without an object."""
    count, last = len(answer.linked) // WIDTH, _last_object()
    insert_values(_OBJECT_VALUES, lambda _: (verified_at,), _columns(answer.linked, _OBJECT))
    are_all_new = _objects_after(last) == (count, last + count)
    if are_all_new:
        # Nobody else can write meanwhile: their numbers follow one another.
        insert_values(_NUMBERED, lambda row: (*whose, last + 1 + row), answer.linked)
    else:
        insert_values(_LOOKED_UP, lambda _: whose, answer.linked)
    insert_values(_KNOWN, lambda _: whose, _with_last(answer.standing, answer.object_ids))
    return not are_all_new


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


def _columns(rows: list[Any], columns: tuple[int, ...]) -> list[Any]:
    """Some columns of rows whose values follow one another, in the same form."""
    some: list[Any] = [None] * (len(rows) // WIDTH * len(columns))
    for place, column in enumerate(columns):
        some[place :: len(columns)] = rows[column::WIDTH]
    return some


def _with_last(rows: list[Any], last: list[int]) -> list[Any]:
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


def _entry_row(first: int, object_id: str) -> str:
    return f"(?1, ?2, {_placeholders(first, WIDTH)}, {object_id}, {_CONSTANTS})"


def _numbered_row(first: int, number: int) -> str:
    return _entry_row(first, f"?3 + {number}")


def _looked_up_row(first: int, _: int) -> str:
    return _entry_row(first, _LIVE.format(f"?{first + DIGEST}"))


def _known_row(first: int, _: int) -> str:
    return _entry_row(first, f"?{first + WIDTH}")


_OBJECT_VALUES: Final = Values(_OBJECTS, _object_row, len(_OBJECT), constants=1, tail=ON_CONFLICT)
_NUMBERED: Final = Values(_ENTRIES, _numbered_row, WIDTH, constants=3)
_LOOKED_UP: Final = Values(_ENTRIES, _looked_up_row, WIDTH, constants=2)
_KNOWN: Final = Values(_ENTRIES, _known_row, WIDTH + 1, constants=2)

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


def _write_on_postgresql(whose: tuple[Any, ...], answer: PlainAnswer, verified_at: Any) -> bool:
    """Returns whether some may be without an object."""
    linked = [answer.linked[column::WIDTH] for column in range(WIDTH)]
    standing = [answer.standing[column::WIDTH] for column in range(WIDTH)]
    with connection.cursor() as cursor:
        cursor.execute(_MAKE_ROOM)
        _copy(cursor, "COPY importer_placed FROM STDIN", zip(*(linked[column] for column in _OBJECT), strict=True))
        cursor.execute(_INSERT_PLACED, [verified_at])
        ids: dict[bytes, int] = dict(cursor.fetchall())
        object_ids = [*map(ids.get, linked[DIGEST]), *answer.object_ids]
        columns = (some + others for some, others in zip(linked, standing, strict=True))
        rows = zip(*map(repeat, whose), *columns, object_ids, *map(repeat, _CONSTANT_VALUES), strict=False)
        _copy(cursor, f"COPY {_ENTRY_COLUMNS} FROM STDIN", rows)
    return None in object_ids


def _copy(cursor: Any, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
    with cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)
