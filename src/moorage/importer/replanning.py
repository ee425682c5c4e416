"""A plan is of a revision: what other revisions have touched since is planned again (design §4).

Most staged folders have an entry of their own, so it is enough to look at the paths that were touched and at the
folders above them; where such a folder's verdict changes, everything below it is planned again. Folders above the
target, and those that an earlier run has registered, have none: where a file has come to one, all of the plan is made
again.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from django.db import connection
from django.db.models import Q, QuerySet

from moorage.files.models import Directory, DirectoryVersion, FileVersion
from moorage.files.paths import path_key
from moorage.importer import paths
from moorage.importer.entries import Entry, write_entries
from moorage.importer.job import ImportJob
from moorage.importer.models import ImportRun, ManifestEntry
from moorage.importer.planning import Planner
from moorage.importer.queue import entry_of
from moorage.importer.scan import Folders
from moorage.importer.verdicts import EntryKind, EntryState, Verdict

PATHS_PER_QUERY: Final = 400
VERSIONS_PER_QUERY: Final = 2000
ROWS_PER_BATCH: Final = 400


def plan_again(job: ImportJob, run: ImportRun, planner: Planner, *, head: int) -> None:
    """Plan again what the revisions after the plan's have touched; afterwards the plan is of `head`.

    `planner` looks at the project at `head`.
    """
    planned = run.planned_revision or 0
    if planned == head:
        return
    folders = Folders(job)
    for touched in _chunks(_staged(planner.target.encode(), _touched(job, planned, head))):
        entries = _of_run(job, run).filter(path_key__in=[path_key(path) for path in touched])
        for batch in _in_batches(entries):
            turned = _plan_batch(job, run, planner, folders, batch)
            for folder in turned:
                for below in _in_batches(_below(job, run, folder)):
                    _plan_batch(job, run, planner, folders, below)
    if _stands_in_the_way(job, run, head):
        # A file has come to where the plan has a folder that has no entry of its own: above the target, or one that an
        # earlier run registered.
        for batch in _in_batches(_of_run(job, run)):
            _plan_batch(job, run, planner, folders, batch)
    with job.batch():
        run.planned_revision = head
        run.save(update_fields=["planned_revision"])


_IN_THE_WAY: Final = """
    WITH RECURSIVE needed(id) AS (
        SELECT DISTINCT directory_id FROM importer_manifestentry
        WHERE upload_id = %(upload)s AND run = %(run)s AND directory_id IS NOT NULL
            AND verdict IN ('new', 'new_version', 'identical')
        UNION
        SELECT d.parent_id FROM needed JOIN files_directory d ON d.id = needed.id WHERE d.parent_id IS NOT NULL
    )
    SELECT 1 FROM needed JOIN files_directory d ON d.id = needed.id
    JOIN files_fileversion v ON v.directory_id = d.parent_id AND v.name = d.name
    WHERE v.since <= %(head)s AND v.until IS NULL LIMIT 1
"""


def _stands_in_the_way(job: ImportJob, run: ImportRun, head: int) -> bool:
    """Whether the project has a file at the path of a folder that the plan needs."""
    upload = ManifestEntry._meta.get_field("upload").get_db_prep_value(job.upload_id, connection)
    with connection.cursor() as cursor:
        cursor.execute(_IN_THE_WAY, {"upload": upload, "run": run.number, "head": head})
        return cursor.fetchone() is not None


def _of_run(job: ImportJob, run: ImportRun) -> QuerySet[ManifestEntry]:
    # What has failed keeps the reason that its receipt will name: no plan brings its bytes.
    return ManifestEntry.objects.filter(upload_id=job.upload_id, run=run.number).exclude(state=EntryState.FAILED)


def _below(job: ImportJob, run: ImportRun, folder: bytes) -> QuerySet[ManifestEntry]:
    return _of_run(job, run).filter(path__gt=folder + b"/", path__lt=folder + b"0")  # "0" follows "/"


def _in_batches(entries: QuerySet[ManifestEntry]) -> Iterator[list[Entry]]:
    # What is written anew has a higher number, and is not to come up again.
    last = entries.order_by("-number").values_list("number", flat=True).first()
    first = -1
    while last is not None and (
        rows := list(entries.filter(number__gt=first, number__lte=last).order_by("number")[:ROWS_PER_BATCH])
    ):
        first = rows[-1].number
        yield [entry_of(row) for row in rows]


def _plan_batch(
    job: ImportJob, run: ImportRun, planner: Planner, folders: Folders, batch: Sequence[Entry]
) -> list[bytes]:
    """Give a batch its new verdicts; returns folders that are rejected now and were not, or the other way round."""
    before = [(entry.verdict, entry.state, entry.object_id) for entry in batch]
    planner.plan_again(batch)
    folders.point(batch)
    changed = []
    for entry, (verdict, state, object_id) in zip(batch, before, strict=True):
        if entry.kind == EntryKind.FILE:
            entry.state, entry.object_id = state, object_id
        if entry.verdict != verdict:
            changed.append((entry, verdict))
    with job.batch():
        write_entries(job.upload_id, run.number, [entry for entry, _ in changed])
    return [
        entry.path
        for entry, verdict in changed
        if entry.kind == EntryKind.DIRECTORY and Verdict.REJECTED in {entry.verdict, verdict}
    ]


def _staged(target: bytes, touched: Iterable[bytes]) -> Iterator[bytes]:
    """Paths of the project as paths of the staging area: those below the target. Above it, everything may change."""
    if not target:
        yield from touched
        return
    below = target + b"/"
    for path in touched:
        if path.startswith(below):
            yield path[len(below) :]


def _touched(job: ImportJob, planned: int, head: int) -> Iterator[bytes]:
    """Paths of files and folders that began or ended between two revisions, and of all folders above them."""
    folders = _FolderPaths()
    seen: set[bytes] = set()
    for _, directory_id, name in _changed(FileVersion, job, (planned, head), "directory_id", "name"):
        path = folders.below(directory_id, name)
        yield from _new([path], seen, keep=False)
        yield from _new(paths.folders_above(path), seen)
    for _, directory_id in _changed(DirectoryVersion, job, (planned, head), "directory_id"):
        yield from _new([folders.path_of(directory_id)], seen)


def _changed(
    versions: type[FileVersion] | type[DirectoryVersion], job: ImportJob, between: tuple[int, int], *columns: str
) -> Iterator[tuple[Any, ...]]:
    """Versions that began or ended between two revisions.

    In parts: with a cursor open that is not at its end, SQLite lets nobody write here after anybody else has.
    """
    planned, head = between
    changed = Q(since__gt=planned, since__lte=head) | Q(until__gt=planned, until__lte=head)
    ours = versions._default_manager.filter(changed, project=job.project_id).order_by("pk").values_list("pk", *columns)
    part = list(ours[:VERSIONS_PER_QUERY])
    while part:
        yield from part
        part = list(ours.filter(pk__gt=part[-1][0])[:VERSIONS_PER_QUERY])


def _new(candidates: Iterable[bytes], seen: set[bytes], *, keep: bool = True) -> Iterator[bytes]:
    for path in candidates:
        if path and path not in seen:
            if keep:
                seen.add(path)
            yield path


class _FolderPaths:
    """Paths of folders by their ids, remembered."""

    def __init__(self) -> None:
        self._known: dict[int, bytes] = {}

    def path_of(self, directory_id: int) -> bytes:
        if directory_id not in self._known:
            parent_id, name = Directory.objects.values_list("parent_id", "name").get(pk=directory_id)
            self._known[directory_id] = b"" if parent_id is None else self.below(parent_id, name)
        return self._known[directory_id]

    def below(self, directory_id: int, name: str) -> bytes:
        above = self.path_of(directory_id)
        return (above + b"/" if above else b"") + name.encode()


def _chunks(things: Iterable[bytes]) -> Iterator[Sequence[bytes]]:
    chunk: list[bytes] = []
    for thing in things:
        chunk.append(thing)
        if len(chunk) == PATHS_PER_QUERY:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
