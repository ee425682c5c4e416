"""Holding rows of stored objects until the end of a transaction, in the order in which everyone does.

PostgreSQL ends one of two transactions that hold each what the other wants. SQLite lets one write at a time.
"""

from django.db.models import QuerySet

from moorage.files.models import StoredObject


def hold(rows: QuerySet[StoredObject]) -> dict[int, str]:
    """Lock these rows in the order of their digests, and return the digests by id. Call it in a transaction."""
    return dict(rows.select_for_update().order_by("digest").values_list("pk", "digest"))
