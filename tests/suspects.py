"""Globus tasks that fail while files arrive: what they may have left incomplete, and what another has delivered."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import uuid4

from django.utils import timezone

from moorage.files.paths import path_key
from moorage.transfers.models import Belonging, DeliveredFile, GlobusTask, Upload, UploadTask

TICK_SECONDS = 0.02  # the file system's clock does not go on more smoothly


@contextmanager
def a_task_fails(upload: Upload, *, delivered: Collection[str] = ()) -> Iterator[None]:
    """What is written into an upload within the block, or in the hour after it, may be incomplete; so may be whatever
    else changes a file's time by then. Another task has `delivered` some files, which ended with the block.

    Both margins of `transfers.doubt` must be nothing.
    """
    began = timezone.now()
    time.sleep(TICK_SECONDS)
    yield
    ended = timezone.now()
    time.sleep(TICK_SECONDS)
    _a_task(upload, "FAILED", began, ended + timedelta(hours=1))
    good = _a_task(upload, "SUCCEEDED", began, ended)
    DeliveredFile.objects.bulk_create(
        DeliveredFile(task=good, upload=upload, path=path.encode(), path_digest=path_key(path.encode()))
        for path in delivered
    )


def _a_task(upload: Upload, status: str, began: datetime, ended: datetime) -> GlobusTask:
    task = GlobusTask.objects.create(
        task_id=uuid4(),
        collection_id=upload.collection_id,
        status=status,
        requested_at=began,
        completed_at=ended,
        as_of=ended,
        outcome_fetched_at=ended,
    )
    # Its member was told of it, so that no sweep has anything to do.
    UploadTask.objects.create(upload=upload, task=task, belonging=Belonging.PATH, told_at=ended)
    return task
