"""Rows of stored objects: one for every digest whose bytes are known to be there, in the order of digests.

In that order, because two bulk inserts in different orders deadlock on PostgreSQL. A row that the
collector has doomed is set live again; one that is leaving is put off (design §4).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection

from moorage.files.models import ObjectState, StoredObject
from moorage.importer.batches import PlacedFile

NAMES_PER_QUERY: Final = 400

# Its bytes have just been put there or read: what the row says of an earlier file no longer holds.
_WRITE: Final = f"""
    INSERT INTO files_storedobject (digest, size_bytes, crc32, modified_ns, changed_ns, verified_at, state)
    VALUES (%s, %s, %s, %s, %s, %s, '{ObjectState.LIVE}')
    ON CONFLICT (digest) DO UPDATE SET
        size_bytes = excluded.size_bytes, crc32 = excluded.crc32, modified_ns = excluded.modified_ns,
        changed_ns = excluded.changed_ns, verified_at = excluded.verified_at, state = excluded.state
    WHERE files_storedobject.state <> '{ObjectState.LEAVING}'
"""  # noqa: S608 - only our own states are put together


@dataclass(frozen=True)
class StoredRows:
    """What became of a batch's digests: ids of objects that may be relied on, and digests of those that may not.

    `unproven` have no row, and nobody has read them: a power cut may have left anything under such a name.
    `damaged` do not hold their bytes. A digest in none of them is leaving: try again later.
    """

    ids: dict[str, int]
    unproven: frozenset[str]
    damaged: frozenset[str]


def store_rows(placed: Sequence[PlacedFile], *, at: datetime) -> StoredRows:
    """Make sure of a live row for every object whose bytes are known, and look up those of the others.

    Call it in the transaction that points entries at them.
    """
    by_digest = {file.digest: file for file in placed if file.how == "reused"}
    known = {file.digest: file for file in placed if file.how != "reused"}
    verified_at = connection.ops.adapt_datetimefield_value(at)
    with connection.cursor() as cursor:
        cursor.executemany(_WRITE, [_row(file, verified_at) for _, file in sorted(known.items())])
    return _read_back(by_digest | known)


def _row(file: PlacedFile, verified_at: Any) -> tuple[Any, ...]:
    stamp = file.object_stamp
    return file.digest, stamp.size_bytes, file.crc32, stamp.modified_ns, stamp.changed_ns, verified_at


def _read_back(by_digest: dict[str, PlacedFile]) -> StoredRows:
    digests = sorted(by_digest)
    ids: dict[str, int] = {}
    damaged: set[str] = set()
    doomed: list[int] = []
    unproven = set(digests)
    for start in range(0, len(digests), NAMES_PER_QUERY):
        rows = StoredObject.objects.filter(digest__in=digests[start : start + NAMES_PER_QUERY])
        for pk, digest, size, state in rows.values_list("pk", "digest", "size_bytes", "state"):
            unproven.discard(digest)
            if state == ObjectState.DAMAGED or size != by_digest[digest].object_stamp.size_bytes:
                damaged.add(digest)
            elif state != ObjectState.LEAVING:
                ids[digest] = pk
                doomed += [pk] if state == ObjectState.DOOMED else []
    revive(doomed)
    return StoredRows(ids, frozenset(unproven), frozenset(damaged))


def revive(object_ids: Sequence[int]) -> None:
    """Set doomed objects live again; those that have begun to leave stay as they are."""
    if object_ids:
        StoredObject.objects.filter(pk__in=object_ids, state=ObjectState.DOOMED).update(state=ObjectState.LIVE)
