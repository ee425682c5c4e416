"""Writing down plain files: the rows that a process of the executor has made, as they are, with their objects.

Objects go first, thousands at a time and in the order of their digests, for these are spread over a whole index, and
each page of it that a transaction touches is written once. A hundred thousand rows pass through here, so nothing is
done for each one in Python. How each database takes them is in modules of their own.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import connection

from moorage.importer.batches.plain import WIDTH
from moorage.importer.models import ManifestEntry
from moorage.importer.words.verdicts import EntryState
from moorage.importer.write import on_postgresql, on_sqlite
from moorage.importer.write.plain_rows import Rows

_as_upload: Final = ManifestEntry._meta.get_field("upload").get_db_prep_value


def store_plain(rows: Rows, *, at: datetime) -> list[int | None]:
    """Make sure of a live row for each object that plain files are now. Call it in a transaction.

    Returns the objects' numbers; None for what is leaving the store.
    """
    if not rows:
        return []
    is_sqlite = connection.vendor == "sqlite"
    store_objects = on_sqlite.store_objects if is_sqlite else on_postgresql.store_objects
    return store_objects(rows, connection.ops.adapt_datetimefield_value(at))


def write_plain(upload_id: UUID, run: int, rows: Rows, object_ids: list[int | None]) -> bool:
    """Write plain files as what a run has placed, or as digested where they have no object. Call it in a transaction.

    Returns whether all are placed.
    """
    if not rows:
        return True
    database = on_sqlite if connection.vendor == "sqlite" else on_postgresql
    whose = _as_upload(upload_id, connection), run
    if None not in object_ids:
        database.write_entries(whose, rows, object_ids, EntryState.PLACED)
        return True
    for some, state in (
        (_where(object_ids, has_one=True), EntryState.PLACED),
        (_where(object_ids, has_one=False), EntryState.DIGESTED),
    ):
        of_some = [value for place in some for value in rows[place * WIDTH : (place + 1) * WIDTH]]
        database.write_entries(whose, of_some, [object_ids[place] for place in some], state)
    return False


def _where(object_ids: list[int | None], *, has_one: bool) -> list[int]:
    """Places of the files that have an object, or of those that have none."""
    return [place for place, object_id in enumerate(object_ids) if (object_id is not None) is has_one]
