"""Requested uploads: their area, their rules, and OPEN as soon as the rules are seen."""

from datetime import datetime, timedelta
from typing import Final

from django.db.models import QuerySet

from moorage.globus.service import AccessRuleLimitError
from moorage.jobs.sweeps.each import Patience, for_each
from moorage.jobs.sweeps.globus_trouble import survives_globus
from moorage.transfers.models import Upload
from moorage.transfers.opening import prepare_upload
from moorage.transfers.states import UploadState

SOON: Final = timedelta(seconds=2)
WHEN_A_RULE_IS_FREE: Final = timedelta(seconds=15)

_requests: Final = Patience()


@survives_globus
def open_requested(at: datetime) -> timedelta | None:
    """Open what was requested, oldest first: who waits longest gets the next free rule."""
    for_each(
        _requested().order_by("created_at"), lambda upload: prepare_upload(upload, at=at), at=at, patience=_requests
    )
    left = _requested()
    if left.filter(reason=AccessRuleLimitError.code).exists():
        return WHEN_A_RULE_IS_FREE
    return SOON if left.exists() else None


def _requested() -> QuerySet[Upload]:
    return Upload.objects.in_state(UploadState.REQUESTED)
