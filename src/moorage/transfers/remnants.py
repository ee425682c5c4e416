"""What an import left in the sealed area: kept for a while for a retry, then moved to the trash (design §3)."""

from collections.abc import Iterable
from datetime import datetime

from moorage.backends import backends
from moorage.storage.areas import StagingAreas
from moorage.transfers.models import Upload
from moorage.transfers.states import UploadState


def remnants_past_their_time(*, at: datetime) -> Iterable[Upload]:
    """Imported uploads whose remnants have been kept long enough, or were on their way when a process died.

    A retry that published nothing may promise a later day: see `importer.shown.remnants`.
    """
    past = at - backends().policies.remnants_kept
    areas = StagingAreas(backends().store)
    imported = Upload.objects.in_state(UploadState.IMPORTED).filter(is_cleared=True, imported_at__lte=past)
    return [upload for upload in imported.iterator() if upload.remnants_gone_at is None or areas.is_sealed(upload.pk)]


def trash_remnants(upload: Upload, *, at: datetime) -> None:
    """From now on nothing can be retried; then the sealed area goes to the trash. Safe to repeat.

    An upload that was retried since it was read stays as it is: its last run promises another day.

    Raises:
        StoreAwayError: the store is not there; nothing was changed.
    """
    backends().store.check_is_there()
    kept = Upload.objects.filter(pk=upload.pk, state=UploadState.IMPORTED, is_cleared=True, held_by="")
    if kept.filter(fence=upload.fence).update(remnants_gone_at=upload.remnants_gone_at or at):
        until = at + backends().policies.trash_kept
        StagingAreas(backends().store).discard_sealed(upload.pk, until=until)
