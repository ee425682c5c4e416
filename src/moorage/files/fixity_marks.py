"""The marks of many stored objects, cleared and set in one statement each: as `files.fixity` does it for one.

A row counts as it was read: a statement names what must still hold of each.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction

from moorage.files.holding import hold
from moorage.files.models import ObjectState, StoredObject
from moorage.storage.digests import Stamp

_READABLE: Final = f"state IN ('{ObjectState.LIVE}', '{ObjectState.DOOMED}')"
_CLEAR: Final = """
    WITH known(pk, mark, state) AS (VALUES {rows})
    UPDATE files_storedobject SET verified_at = NULL FROM known
    WHERE id = pk AND verified_at = mark AND files_storedobject.state = known.state RETURNING id
"""
_SET: Final = f"""
    WITH found(pk, modified, changed) AS (VALUES {{rows}})
    UPDATE files_storedobject SET verified_at = %s, modified_ns = modified, changed_ns = changed FROM found
    WHERE id = pk AND verified_at IS NULL AND {_READABLE} RETURNING id
"""  # noqa: S608 - only our own words are put together


def clear_marks(rows: Sequence[StoredObject]) -> set[int]:
    """Take the marks of these rows away; the keys of those that had not changed since they were read."""
    marked = [
        (row.pk, connection.ops.adapt_datetimefield_value(row.verified_at), str(row.state))
        for row in rows
        if row.verified_at is not None
    ]
    unmarked = {row.pk: row.state for row in rows if row.verified_at is None}
    there = StoredObject.objects.filter(pk__in=list(unmarked), verified_at__isnull=True).values_list("pk", "state")
    unchanged = {pk for pk, state in there if unmarked[pk] == state} if unmarked else set()
    return unchanged | _update(_CLEAR, marked)


def set_marks(found: Sequence[tuple[StoredObject, Stamp]], *, at: datetime) -> set[int]:
    """Mark rows whose bytes were whole at `at`, with the times of their files; the keys of those that are marked now.

    A row that has a mark again, or another state, is not touched: others have placed its bytes anew, or take it away.
    """
    rows = [(row.pk, stamp.modified_ns, stamp.changed_ns) for row, stamp in found]
    return _update(_SET, rows, connection.ops.adapt_datetimefield_value(at))


def _update(statement: str, rows: Sequence[tuple[Any, ...]], *last: Any) -> set[int]:
    if not rows:
        return set()
    places = ", ".join(["(%s, %s, %s)"] * len(rows))
    with transaction.atomic(), connection.cursor() as cursor:
        hold(StoredObject.objects.filter(pk__in=[pk for pk, *_ in rows]))
        cursor.execute(statement.format(rows=places), [*(value for row in rows for value in row), *last])
        return {pk for (pk,) in cursor.fetchall()}
