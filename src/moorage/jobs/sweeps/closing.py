"""Uploads on their way to SEALED or DISCARDED: taken as far as they go, again and again."""

from datetime import datetime, timedelta
from typing import Final

from moorage.jobs.sweeps.each import Patience, for_each
from moorage.jobs.sweeps.globus_trouble import survives_globus
from moorage.transfers.discarding import continue_discarding
from moorage.transfers.freezing import continue_sealing
from moorage.transfers.models import Upload
from moorage.transfers.states import UploadState

SOON: Final = timedelta(seconds=1)

_freezes: Final = Patience()
_discardings: Final = Patience()


@survives_globus
def seal(at: datetime) -> timedelta | None:
    """Take every freeze on."""
    sealing = Upload.objects.in_state(UploadState.SEALING).order_by("state_changed_at")
    for_each(sealing, lambda upload: continue_sealing(upload, at=at), at=at, patience=_freezes)
    return SOON if sealing.exists() else None


@survives_globus
def discard(at: datetime) -> timedelta | None:
    """Take every discarding on."""
    discarding = Upload.objects.in_state(UploadState.DISCARDING).order_by("state_changed_at")
    for_each(discarding, lambda upload: continue_discarding(upload, at=at), at=at, patience=_discardings)
    return SOON if discarding.exists() else None
