"""Until when the bytes of what was not imported are kept: the day that every problem of an upload names."""

from datetime import datetime
from uuid import UUID

from django.db.models import Max

from moorage.importer.models import ImportProblem


def kept_until(upload_id: UUID) -> datetime | None:
    """The latest day that a problem of this upload promises. None: nothing is promised."""
    problems = ImportProblem.objects.filter(run__upload_id=upload_id)
    latest: datetime | None = problems.aggregate(latest=Max("kept_until"))["latest"]
    return latest
