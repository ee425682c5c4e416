"""Until when the bytes of what was not imported are kept: the day that every problem of an upload names."""

from datetime import datetime
from uuid import UUID

from django.db.models import Max

from moorage.importer.runs import not_registered


def kept_until(upload_id: UUID) -> datetime | None:
    """The latest day that an entry of this upload promises. None: nothing is promised."""
    latest: datetime | None = not_registered(upload_id).aggregate(latest=Max("remnant_until"))["latest"]
    return latest
