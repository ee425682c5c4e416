"""What a task delivered, fetched when it has ended: Globus forgets it after some weeks.

The delivered paths also tell for certain where a task wrote whose path Globus hides.
"""

import os
import time
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Final

from django.db import transaction
from django.db.models import QuerySet

from moorage.backends import backends
from moorage.errors import NotFoundError
from moorage.files.paths import path_key
from moorage.globus.service import CollectionPath, TaskId
from moorage.transfers.models import Belonging, DeliveredFile, GlobusTask, Upload, UploadTask
from moorage.transfers.naming import area_path, looks_like_area
from moorage.transfers.task_links import FINAL, SURE

BATCH: Final = 500
PAUSE_SECONDS: Final = 0.01  # SQLite's lock is not fair: leave it to others between two batches (design §5)


def delivered_files(upload: Upload) -> QuerySet[DeliveredFile]:
    """What Globus has said so far that tasks delivered into an upload; a path may be there more than once."""
    return DeliveredFile.objects.filter(upload_id=upload.pk)


def tasks_without_outcome() -> Iterator[GlobusTask]:
    """Tasks that have ended, are an upload's, and whose outcome is not stored yet; oldest first."""
    ended = GlobusTask.objects.filter(status__in=FINAL, outcome_fetched_at=None)
    concerned = ended.filter(upload_tasks__belonging__in=[*SURE, Belonging.PERHAPS])
    yield from concerned.distinct().order_by("requested_at")


def fetch_outcome(task: GlobusTask, *, at: datetime) -> None:
    """Store the files that an ended task delivered. Repeating it adds what is missing.

    Raises:
        GlobusUnavailableError: what was stored stays; ask again.
    """
    links = list(UploadTask.objects.filter(task=task).select_related("upload"))
    areas = {area_path(link.upload.area_name): link for link in links}
    try:
        for batch in _batches(backends().globus.delivered_files(TaskId(str(task.task_id)))):
            _store(batch, areas)
            time.sleep(PAUSE_SECONDS)
    except NotFoundError:
        pass  # forgotten already: nothing is known to have been delivered
    GlobusTask.objects.filter(pk=task.pk).update(outcome_fetched_at=at)


def _batches(paths: Iterator[CollectionPath]) -> Iterator[list[CollectionPath]]:
    while batch := list(islice(paths, BATCH)):
        yield batch


def _store(batch: list[CollectionPath], areas: dict[CollectionPath, UploadTask]) -> None:
    rows: list[DeliveredFile] = []
    reached: set[str] = set()
    for path in batch:
        area = next((area for area in areas if path.startswith(area)), None)
        if area is not None:
            reached.add(area)
            rows.append(_delivered(areas[area], path.removeprefix(area)))
        elif looks_like_area(name := path.lstrip("/").partition("/")[0]):
            reached.add(area_path(name))
    with transaction.atomic():
        DeliveredFile.objects.bulk_create(rows, ignore_conflicts=True)
        if reached:  # paths in a form that we do not know tell nothing
            _settle(areas.items(), reached)


def _settle(areas: Iterable[tuple[CollectionPath, UploadTask]], reached: set[str]) -> None:
    """What was inferred from the task's owner gives way to where its files went."""
    for area, link in areas:
        if link.belonging in {Belonging.ONLY, Belonging.PERHAPS}:
            how = Belonging.PATH if area in reached else Belonging.DENIED
            UploadTask.objects.filter(pk=link.pk, belonging=link.belonging).update(belonging=how)
            link.belonging = how
        elif link.belonging == Belonging.DENIED and area in reached:
            UploadTask.objects.filter(pk=link.pk).update(belonging=Belonging.PATH)
            link.belonging = Belonging.PATH


def _delivered(link: UploadTask, relative: str) -> DeliveredFile:
    path = os.fsencode(relative)
    return DeliveredFile(task_id=link.task_id, upload_id=link.upload_id, path=path, path_digest=path_key(path))
