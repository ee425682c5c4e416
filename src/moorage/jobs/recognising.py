"""Recognising the store: by its mark, or by what the database knows to be in it, and making it where it is new.

A folder in which a disk should be mounted gets no mark by itself: a part that is started makes no store, and a worker
marks only one that holds what is ours, as one that was made before stores had marks does, or one from a backup.
"""

import os
from datetime import datetime, timedelta
from typing import Final

from django.db.models import QuerySet

from moorage.backends import backends
from moorage.files.models import ObjectState, StoredObject
from moorage.storage.areas import StagingAreas
from moorage.storage.digests import Digest
from moorage.storage.layout import StoreLayout
from moorage.storage.objects import ObjectStore
from moorage.transfers.models import Upload
from moorage.transfers.states import OUTSTANDING, UploadState

LOOKED_FOR: Final = 100


def make_store(store: StoreLayout) -> bool:
    """Make what is missing of the store, if it is ours or was never used; whether it is there now.

    Only where an operator asks for it. Where the database knows of nothing in it, and that there was something, only
    its folders tell that it is the store.

    Raises:
        OSError: a folder cannot be made.
    """
    if store.is_there():
        return True
    holds_nothing = not (_objects().exists() or _uploads().exists())
    is_new = holds_nothing and not Upload.objects.exclude(state=UploadState.REQUESTED).exists()
    has_folders = holds_nothing and store.has_folders()
    if is_new or has_folders or store.mark.is_dir() or _holds_ours(store):
        store.make()
    return store.is_there()


def recognise_store(at: datetime) -> timedelta | None:  # noqa: ARG001 - a sweep's signature
    """Mark a store that holds what is ours.

    Raises:
        StoreAwayError: it is not there.
    """
    store = backends().store
    if not store.is_there() and _holds_ours(store):
        store.mark.mkdir(mode=0o700, exist_ok=True)
    store.check_is_there()
    return None


def _holds_ours(store: StoreLayout) -> bool:
    """Whether some of the oldest of what the database knows is in it: the newest may have been put beside it.

    Where Moorage has worked on a folder without its disk, areas were made there and perhaps objects placed.
    """
    objects = list(_objects().order_by("pk").values_list("digest", flat=True)[:LOOKED_FOR])
    if objects:
        with ObjectStore(store.objects) as there:
            return any(os.path.lexists(there.path_of(Digest(digest))) for digest in objects)
    areas = StagingAreas(store)
    return any(
        areas.path_of(upload.area_name).is_dir() or areas.sealed_path(upload.pk).is_dir()
        for upload in _uploads().order_by("created_at")[:LOOKED_FOR]
    )


def _objects() -> QuerySet[StoredObject]:
    return StoredObject.objects.exclude(state=ObjectState.LEAVING)


def _uploads() -> QuerySet[Upload]:
    """Those that have an area."""
    return Upload.objects.in_state(*(OUTSTANDING - {UploadState.REQUESTED}))
