"""Published uploads whose registered files still have a name in the sealed area: the names go."""

import logging
from datetime import datetime, timedelta
from typing import Final

from moorage.backends import backends
from moorage.importer.publish.clear import clear_published
from moorage.jobs.giving_way import to_downloads
from moorage.jobs.sweeps.each import Patience, for_each
from moorage.transfers.models import Upload
from moorage.transfers.states import UploadState

log = logging.getLogger(__name__)

_failures: Final = Patience()  # asked only whether a failure has been told: the sweep comes seldom enough


def clear_imported(at: datetime) -> timedelta | None:
    """Clear what a worker that died after publishing, or a disk that failed, has left."""
    waiting = Upload.objects.in_state(UploadState.IMPORTED).filter(is_cleared=False, held_by="")
    for_each(waiting, lambda upload: _clear(upload, at=at), at=at)
    return None


def _clear(upload: Upload, *, at: datetime) -> None:
    try:
        clear_published(upload_id=upload.pk, store=backends().store, between=to_downloads())
    except OSError as error:
        if _failures.note(upload, error, at=at):
            log.warning("upload %s: its sealed area cannot be cleared, and is tried again: %s", upload.pk, error)
        return
    _failures.forget(upload)
    same = Upload.objects.filter(pk=upload.pk, state=UploadState.IMPORTED, fence=upload.fence)
    same.update(is_cleared=True)
