"""Scan: one walk over the area, in the order of the walk; every path gets its entry and its verdict as it is seen.

It may begin again at any time: what the manifest knows of a path is carried over as long as nothing has changed.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from django.db.models import QuerySet

from moorage.errors import NotFoundError
from moorage.files.directories import identify_directories
from moorage.importer import reasons
from moorage.importer.entries import Entry
from moorage.importer.job import ImportJob
from moorage.importer.models import ManifestEntry
from moorage.importer.planning import Planner
from moorage.importer.runs import not_registered, published_runs
from moorage.importer.verdicts import GOOD, EntryKind
from moorage.storage.walk import walk_folders

GROUP_ENTRIES: Final = 1000
FOLDERS_REMEMBERED: Final = 20_000
DELETED_ROWS: Final = 500


class SealedAreaMissingError(NotFoundError):
    """The sealed area is not on the disk."""

    code = "import.area_missing"

    def __init__(self) -> None:
        super().__init__(
            "The upload's files are gone from the disk. Ask the operator where the store's sealed folder is."
        )


def scan(job: ImportJob, planner: Planner) -> Iterator[list[Entry]]:
    """Everything in the area, judged, in groups of some thousand entries.

    Raises:
        SealedAreaMissingError: there is no such folder.
    """
    group: list[Entry] = []
    files = size = 0
    try:
        for part in walk_folders(job.area):
            job.check_stop()
            entries = planner.plan(part)
            group += entries
            for entry in entries:
                if entry.kind == EntryKind.FILE:
                    files, size = files + 1, size + entry.size_bytes
            if len(group) >= GROUP_ENTRIES:
                job.note_total(files, size)
                yield group
                group = []
    except FileNotFoundError as error:
        # After an import that published, nothing needs to be left of the area.
        if not published_runs(job.upload_id):
            raise SealedAreaMissingError from error
    job.note_total(files, size, is_whole=True)
    if group:
        yield group


class Folders:
    """Gives the folders of the project that entries need their identities; remembers those of the last."""

    def __init__(self, job: ImportJob) -> None:
        self._job = job
        self._ids: dict[str, int] = {}

    def point(self, entries: Sequence[Entry]) -> None:
        """Set `directory_id` of the entries that the plan takes."""
        taken = [entry for entry in entries if entry.verdict in GOOD]
        missing = {entry.place for entry in taken} - self._ids.keys()
        if missing:
            if len(self._ids) > FOLDERS_REMEMBERED:
                self._ids.clear()
                missing = {entry.place for entry in taken}
            self._ids |= identify_directories(self._job.project_id, missing, batch=self._job.batch)
        for entry in taken:
            entry.directory_id = self._ids[entry.place]


def end_scan(job: ImportJob, planner: Planner, *, run: int) -> None:
    """Warn of names whose twin was seen later, and forget paths that are not there any more."""
    ours = ManifestEntry.objects.filter(upload_id=job.upload_id)
    for start in range(0, len(planner.alike), DELETED_ROWS):
        twins = ours.filter(path_key__in=planner.alike[start : start + DELETED_ROWS], verdict__in=GOOD, warning="")
        with job.batch():
            twins.update(warning=reasons.LOOKS_ALIKE)
    if planner.previous.exist:
        _forget(job, not_registered(job.upload_id).exclude(run=run))


def _forget(job: ImportJob, gone: QuerySet[ManifestEntry]) -> None:
    while numbers := list(gone.values_list("pk", flat=True)[:DELETED_ROWS]):
        with job.batch():
            ManifestEntry.objects.filter(pk__in=numbers).delete()
