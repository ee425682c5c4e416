"""Rows of stored objects: one for every digest whose bytes are known to be there, in the order of digests.

In that order, because two bulk inserts in different orders deadlock on PostgreSQL. A row that the
collector has doomed is set live again; one that is leaving is put off (design §4).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db import connection
from django.db.models import Q

from moorage.files.holding import hold
from moorage.files.models import ObjectState, StoredObject
from moorage.importer.batches.data import PlacedFile
from moorage.importer.ledger.bulk import insert_rows

NAMES_PER_QUERY: Final = 400

_HEAD: Final = "INSERT INTO files_storedobject (digest, size_bytes, crc32, modified_ns, changed_ns, verified_at, state)"
# Its bytes have just been put there or read: what the row says of an earlier file no longer holds.
ON_CONFLICT: Final = f"""
    ON CONFLICT (digest) DO UPDATE SET
        size_bytes = excluded.size_bytes, crc32 = excluded.crc32, modified_ns = excluded.modified_ns,
        changed_ns = excluded.changed_ns, verified_at = excluded.verified_at, state = excluded.state
    WHERE files_storedobject.state <> '{ObjectState.LEAVING}'
"""
_CONFLICT: Final = f"{ON_CONFLICT} RETURNING id, digest"
_ONE: Final = f"(%s, %s, %s, %s, %s, %s, '{ObjectState.LIVE}')"
# PostgreSQL takes whole columns as arrays, which is quicker than a statement of thousands of values.
_ARRAYS: Final = (
    "%s::bytea[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::timestamptz[]"  # no trailing comma
)


@dataclass
class StoredRows:
    """What became of a batch's digests: ids of objects that may be relied on, and digests of those that may not.

    `unproven` have no row, and nobody has read them: a power cut may have left anything under such a name. Or they are
    not as they were when they were read, which only tells that they may have changed.
    `damaged` do not hold their bytes. A digest in none of them is leaving: try again later.
    """

    ids: dict[str, int] = field(default_factory=dict)
    unproven: set[str] = field(default_factory=set)
    damaged: set[str] = field(default_factory=set)


def store_rows(placed: Sequence[PlacedFile], *, at: datetime) -> StoredRows:
    """Make sure of a live row for every object whose bytes are known, and look up those of the others.

    Call it in the transaction that points entries at them, and once: it holds the rows that it changes.
    """
    known = {file.digest: file for file in placed if file.how != "reused"}
    believed = {file.digest: file for file in placed if file.how == "reused" and file.digest not in known}
    rows = StoredRows()
    stamps = {digest: file.object_stamp for digest, file in believed.items()}
    doomed = _look({digest: (stamp.size_bytes, stamp.modified_ns) for digest, stamp in stamps.items()}, rows)
    if known and doomed:
        # Two statements change rows: those of both are held first, in the one order.
        hold(StoredObject.objects.filter(Q(digest__in=sorted(known)) | Q(pk__in=doomed)))
    if known:
        for pk, digest in _insert([known[digest] for digest in sorted(known)], at):
            rows.ids[bytes(digest).hex()] = pk
    revive(doomed)
    return rows


def _insert(files: Sequence[PlacedFile], at: datetime) -> list[tuple[int, Any]]:
    verified_at = connection.ops.adapt_datetimefield_value(at)
    if connection.vendor == "sqlite":
        return insert_rows(_HEAD, _ONE, [(*_row(file), verified_at) for file in files], _CONFLICT)
    columns = [list(column) for column in zip(*map(_row, files), strict=True)]
    statement = f"{_HEAD} SELECT *, '{ObjectState.LIVE}' FROM unnest({_ARRAYS}) {_CONFLICT}"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(statement, [*columns, [verified_at] * len(files)])
        return list(cursor.fetchall())


def _row(file: PlacedFile) -> tuple[Any, ...]:
    stamp = file.object_stamp
    return bytes.fromhex(file.digest), stamp.size_bytes, file.crc32, stamp.modified_ns, stamp.changed_ns


def look_up(believed: Mapping[str, tuple[int, int]], found: StoredRows) -> None:
    """Find the rows of objects that are believed to be there by their names. Each comes with the size and the time of
    modification that its file has: where its row has another time, it has to be read before it is relied on.

    Call it in the transaction that points entries at them: a collector that has seen one doomed waits for its end, and
    what is doomed is set live again.
    """
    revive(_look(believed, found))


def _look(believed: Mapping[str, tuple[int, int]], found: StoredRows) -> list[int]:
    """See `look_up`. Returns the rows that are to be set live again."""
    digests = sorted(believed)
    doomed: list[int] = []
    found.unproven.update(digests)
    for some in _chunks(digests, NAMES_PER_QUERY):
        rows = StoredObject.objects.filter(digest__in=some)
        for pk, digest, state, *is_as in rows.values_list("pk", "digest", "state", "size_bytes", "modified_ns"):
            size, modified_ns = believed[digest]
            if state in {ObjectState.LIVE, ObjectState.DOOMED} and is_as[0] == size and is_as[1] != modified_ns:
                continue
            found.unproven.discard(digest)
            if state == ObjectState.DAMAGED or is_as[0] != size:
                found.damaged.add(digest)
            elif state != ObjectState.LEAVING:
                found.ids[digest] = pk
                doomed += [pk] if state == ObjectState.DOOMED else []
    return doomed


def revive(object_ids: Sequence[int]) -> None:
    """Set doomed objects live again; those that have begun to leave stay as they are."""
    if object_ids:
        doomed = StoredObject.objects.filter(pk__in=object_ids, state=ObjectState.DOOMED)
        hold(doomed)
        doomed.update(state=ObjectState.LIVE, state_changed_at=None)


def _chunks(things: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(things), size):
        yield things[start : start + size]
