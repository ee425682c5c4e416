"""Published uploads whose registered files still have a name in the sealed area: the names go."""

from datetime import datetime, timedelta

from moorage.backends import backends
from moorage.importer.clear import clear_published
from moorage.jobs.giving_way import to_downloads
from moorage.jobs.sweeps.each import for_each
from moorage.transfers.models import Upload
from moorage.transfers.states import UploadState


def clear_imported(at: datetime) -> timedelta | None:
    """Clear what a worker that died after publishing has left."""
    waiting = Upload.objects.in_state(UploadState.IMPORTED).filter(is_cleared=False, held_by="")
    for_each(waiting, _clear, at=at)
    return None


def _clear(upload: Upload) -> None:
    clear_published(upload_id=upload.pk, store=backends().store, between=to_downloads())
    same = Upload.objects.filter(pk=upload.pk, state=UploadState.IMPORTED, fence=upload.fence)
    same.update(is_cleared=True)
