"""Rows of stored objects: one for every digest that has been placed, in the order of digests.

In that order, because two bulk inserts in different orders deadlock on PostgreSQL. A row that the
collector has doomed is set live again; one that is leaving is put off (design §4).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection

from moorage.files.models import ObjectState, StoredObject
from moorage.importer.batches import PlacedFile

NAMES_PER_QUERY: Final = 400

_COLUMNS: Final = "digest, size_bytes, crc32, modified_ns, changed_ns, verified_at, state"
_ADD: Final = f"""
    INSERT INTO files_storedobject ({_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, '{ObjectState.LIVE}')
    ON CONFLICT (digest) DO NOTHING
"""  # noqa: S608 - only our own column names are put together
# The file was not there and has just been put there: what the row says of an earlier one no longer holds.
_RENEW: Final = f"""
    INSERT INTO files_storedobject ({_COLUMNS}) VALUES (%s, %s, %s, %s, %s, %s, '{ObjectState.LIVE}')
    ON CONFLICT (digest) DO UPDATE SET
        size_bytes = excluded.size_bytes, crc32 = excluded.crc32, modified_ns = excluded.modified_ns,
        changed_ns = excluded.changed_ns, verified_at = excluded.verified_at, state = excluded.state
    WHERE files_storedobject.state <> '{ObjectState.LEAVING}'
"""  # noqa: S608


@dataclass(frozen=True)
class StoredRows:
    """What became of a batch's digests: ids of objects that may be relied on, and digests of damaged ones.

    A digest in neither is leaving: try again later.
    """

    ids: dict[str, int]
    damaged: frozenset[str]


def store_rows(placed: Sequence[PlacedFile], *, at: datetime) -> StoredRows:
    """Make sure that every placed object has a live row. Call it in the transaction that points entries at them."""
    by_digest = {file.digest: file for file in placed if file.how == "reused"}
    by_digest |= {file.digest: file for file in placed if file.how != "reused"}
    in_order = sorted(by_digest.items())
    verified_at = connection.ops.adapt_datetimefield_value(at)
    with connection.cursor() as cursor:
        # One pass over all of them: two would each be in order and could still deadlock with each other.
        for sql, files in _runs(in_order):
            cursor.executemany(sql, [_row(file, verified_at) for file in files])
    return _read_back(sorted(by_digest), by_digest)


def _runs(in_order: Iterable[tuple[str, PlacedFile]]) -> Iterable[tuple[str, list[PlacedFile]]]:
    """Neighbours that are written by the same statement."""
    statement, files = "", list[PlacedFile]()
    for _, file in in_order:
        wanted = _ADD if file.how == "reused" else _RENEW
        if wanted != statement and files:
            yield statement, files
            files = []
        statement = wanted
        files.append(file)
    if files:
        yield statement, files


def _row(file: PlacedFile, verified_at: Any) -> tuple[Any, ...]:
    stamp = file.object_stamp
    return file.digest, stamp.size_bytes, file.crc32, stamp.modified_ns, stamp.changed_ns, verified_at


def _read_back(digests: Sequence[str], by_digest: dict[str, PlacedFile]) -> StoredRows:
    ids: dict[str, int] = {}
    damaged: set[str] = set()
    doomed: list[int] = []
    for start in range(0, len(digests), NAMES_PER_QUERY):
        rows = StoredObject.objects.filter(digest__in=digests[start : start + NAMES_PER_QUERY])
        for pk, digest, size, state in rows.values_list("pk", "digest", "size_bytes", "state"):
            if state == ObjectState.DAMAGED or size != by_digest[digest].object_stamp.size_bytes:
                damaged.add(digest)
            elif state != ObjectState.LEAVING:
                ids[digest] = pk
                doomed += [pk] if state == ObjectState.DOOMED else []
    revive(doomed)
    return StoredRows(ids, frozenset(damaged))


def revive(object_ids: Sequence[int]) -> None:
    """Set doomed objects live again; those that have begun to leave stay as they are."""
    if object_ids:
        StoredObject.objects.filter(pk__in=object_ids, state=ObjectState.DOOMED).update(state=ObjectState.LIVE)
