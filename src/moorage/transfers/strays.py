"""Names that reappear after their upload was closed: to the trash, and shown on the upload (design §3).

A Globus task or a mounted path can make a staging area's folder again after the seal. Nothing in it
may become part of a project.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from moorage.backends import backends
from moorage.storage.areas import StagingAreas
from moorage.transfers.models import StrayArea, Upload
from moorage.transfers.naming import looks_like_area
from moorage.transfers.states import UploadState

# In these states the area's name in the collection, or the sealed area, is where it should be.
BELONGS_IN_COLLECTION: Final = frozenset(
    {UploadState.REQUESTED, UploadState.OPEN, UploadState.SEALING, UploadState.DISCARDING}
)
BATCH: Final = 500


def clear_strays(*, at: datetime) -> int:
    """Move every stray area to the trash; returns how many that were."""
    areas = StagingAreas(backends().store)
    return _clear_collection(areas, at=at) + _clear_sealed(areas, at=at)


def _clear_collection(areas: StagingAreas, *, at: datetime) -> int:
    # Names first, states afterwards: a name that was listed before the seal is looked for again below.
    names = [name for name in areas.reappeared() if looks_like_area(name)]
    moved = 0
    for uploads in _by_batches("area_name__in", names):
        for upload in uploads.values():
            if upload.current_state in BELONGS_IN_COLLECTION or not areas.exists(upload.area_name):
                continue
            stray = _note(upload, files=areas.look(upload.area_name).files, at=at)
            areas.discard(upload.area_name, until=stray.trash_until)
            _note_moved(stray, at=at)
            moved += 1
    return moved


def _clear_sealed(areas: StagingAreas, *, at: datetime) -> int:
    ids = [name for name in areas.sealed_names() if _is_uuid(name)]
    moved = 0
    for uploads in _by_batches("pk__in", ids):
        for upload in uploads.values():
            if upload.current_state is UploadState.DISCARDED and areas.is_sealed(upload.pk):
                stray = _note(upload, files=0, at=at)
                areas.discard_sealed(upload.pk, until=stray.trash_until)
                _note_moved(stray, at=at)
                moved += 1
    return moved


def _note(upload: Upload, *, files: int, at: datetime) -> StrayArea:
    """The row before the move; one that a crash left unmoved is used again."""
    until = at + backends().policies.trash_kept
    stray, _ = StrayArea.objects.get_or_create(
        upload=upload, moved_at=None, defaults={"found_at": at, "files": files, "trash_until": until}
    )
    return stray


def _note_moved(stray: StrayArea, *, at: datetime) -> None:
    StrayArea.objects.filter(pk=stray.pk).update(moved_at=at)


def _by_batches(lookup: str, values: list[str]) -> Iterable[Mapping[UUID, Upload]]:
    for start in range(0, len(values), BATCH):
        found = Upload.objects.filter(**{lookup: values[start : start + BATCH]})
        yield {upload.pk: upload for upload in found}


def _is_uuid(name: str) -> bool:
    try:
        return str(UUID(name)) == name
    except ValueError:
        return False
