"""Writing down plain files: the rows that a process of the executor has made, as they are, with their objects.

A hundred thousand of them pass through here, so nothing is done for each one in Python.
"""

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import connection

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
_ENTRIES: Final = (
    "INSERT INTO importer_manifestentry (upload_id, run, path, path_key, name, size_bytes, modified_ns, changed_ns,"
    " inode, directory_id, verdict, digest, crc32, object_id, kind, trouble, state, reason, reason_text, warning,"
    " compared)"
)
_CONSTANTS: Final = f"'{EntryKind.FILE}', '', '{EntryState.PLACED}', '', '', '', ''"
_LIVE: Final = f"(SELECT o.id FROM files_storedobject o WHERE o.digest = {{}} AND o.state = '{ObjectState.LIVE}')"  # noqa: S608


def write_plain(upload_id: UUID, run: int, answer: PlainAnswer, *, at: datetime) -> int:
    """Write plain files as what a run has placed. Call it in a transaction.

    Returns how many are not placed after all, because what has their digest in the store is leaving it.
    """
    write = _write_on_sqlite if connection.vendor == "sqlite" else _write_on_postgresql
    if not write((_as_upload(upload_id, connection), run), answer, connection.ops.adapt_datetimefield_value(at)):
        return 0
    placed = ManifestEntry.objects.filter(upload_id=upload_id, run=run, kind=EntryKind.FILE, state=EntryState.PLACED)
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

# PostgreSQL takes whole columns as arrays. Objects go in the order of digests: two inserts in other orders deadlock.
_COLUMNS: Final = (
    *("path", "path_key", "name", "size_bytes", "modified_ns", "changed_ns", "inode"),
    *("directory_id", "verdict", "digest", "crc32", "known_id"),
)
_KINDS: Final = {"path": "bytea", "path_key": "bytea", "digest": "bytea", "name": "text", "verdict": "text"}
_ARRAYS: Final = ", ".join(f"%s::{_KINDS.get(column, 'bigint')}[]" for column in _COLUMNS)
_INSERT_OBJECTS: Final = f"""
    {_OBJECTS} SELECT %s, '{ObjectState.LIVE}', u.* FROM unnest(
        %s::bytea[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[]
    ) AS u(digest, size_bytes, crc32, modified_ns, changed_ns) ORDER BY u.digest {ON_CONFLICT}
"""  # noqa: S608 - only our own words are put together
_INSERT_ENTRIES: Final = f"""
    {_ENTRIES} SELECT %s, %s, {", ".join(f"u.{column}" for column in _COLUMNS[:WIDTH])},
        COALESCE(u.known_id, o.id), {_CONSTANTS}
    FROM unnest({_ARRAYS}) WITH ORDINALITY AS u({", ".join(_COLUMNS)}, place)
    LEFT JOIN files_storedobject o ON u.known_id IS NULL AND o.digest = u.digest AND o.state = '{ObjectState.LIVE}'
    ORDER BY u.place
"""  # noqa: S608


def _write_on_postgresql(whose: tuple[Any, ...], answer: PlainAnswer, verified_at: Any) -> bool:
    """Returns whether some may be without an object."""
    linked = [answer.linked[column::WIDTH] for column in range(WIDTH)]
    standing = [answer.standing[column::WIDTH] for column in range(WIDTH)]
    known: list[int | None] = [*([None] * len(linked[0])), *answer.object_ids]
    with connection.cursor() as cursor:
        cursor.execute(_INSERT_OBJECTS, [verified_at, *(linked[column] for column in _OBJECT)])
        changed: int = cursor.rowcount
        rows = [some + others for some, others in zip(linked, standing, strict=True)]
        cursor.execute(_INSERT_ENTRIES, [*whose, *rows, known])
    return changed != len(linked[0])
