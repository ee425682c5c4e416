"""Until when the bytes of what was not imported are kept: the day that every problem of an upload names."""

from datetime import datetime
from uuid import UUID

from django.db.models import Max

from moorage.importer.models import ManifestEntry
from moorage.importer.verdicts import EntryState


def kept_until(upload_id: UUID) -> datetime | None:
    """The latest day that an entry of this upload promises. None: nothing is promised."""
    left = ManifestEntry.objects.filter(upload_id=upload_id).exclude(state=EntryState.REGISTERED)
    latest: datetime | None = left.aggregate(latest=Max("remnant_until"))["latest"]
    return latest
