"""Writing down plain files: the rows that a process of the executor has made, as they are, with their objects.

Objects go first, thousands at a time and in the order of their digests, for these are spread over a whole index, and
each page of it that a transaction touches is written once. A hundred thousand rows pass through here, so nothing is
done for each one in Python. How each database takes them is in modules of their own.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import connection

from moorage.importer import plain_on_postgresql, plain_on_sqlite
from moorage.importer.models import ManifestEntry
from moorage.importer.plain_rows import Rows
from moorage.importer.verdicts import EntryKind, EntryState

_as_upload: Final = ManifestEntry._meta.get_field("upload").get_db_prep_value


def store_plain(rows: Rows, *, at: datetime) -> list[int | None]:
    """Make sure of a live row for each object that plain files are now. Call it in a transaction.

    Returns the objects' numbers; None for what is leaving the store.
    """
    if not rows:
        return []
    is_sqlite = connection.vendor == "sqlite"
    store_objects = plain_on_sqlite.store_objects if is_sqlite else plain_on_postgresql.store_objects
    return store_objects(rows, connection.ops.adapt_datetimefield_value(at))


def write_plain(upload_id: UUID, run: int, rows: Rows, object_ids: list[int | None]) -> bool:
    """Write plain files as what a run has placed, or as digested where they have no object. Call it in a transaction.

    Returns whether all are placed.
    """
    if not rows:
        return True
    database = plain_on_sqlite if connection.vendor == "sqlite" else plain_on_postgresql
    database.write_entries((_as_upload(upload_id, connection), run), rows, object_ids)
    if None not in object_ids:
        return True
    entries = ManifestEntry.objects.filter(upload_id=upload_id, run=run, kind=EntryKind.FILE)
    entries.filter(state=EntryState.PLACED, stored_object=None).update(state=EntryState.DIGESTED)
    return False
