"""A plan is of a revision: what other revisions have touched since is planned again (design §4).

Most staged folders have an entry of their own, so it is enough to look at the paths that were touched and at the
folders above them; where such a folder's verdict changes, everything below it is planned again. Folders above the
target, and those that an earlier run has registered, have none: where a file has come to one, all of the plan is made
again.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from django.db import connection
from django.db.models import QuerySet

from moorage.files.paths import path_key
from moorage.importer.ledger.entries import Entry, write_entries
from moorage.importer.ledger.job import ImportJob
from moorage.importer.models import ImportRun, ManifestEntry
from moorage.importer.plan.planner import Planner
from moorage.importer.plan.scan import Folders
from moorage.importer.plan.still_to_place import entry_of
from moorage.importer.plan.touched import touched_paths
from moorage.importer.words.verdicts import EntryKind, EntryState, Verdict

PATHS_PER_QUERY: Final = 400
ROWS_PER_BATCH: Final = 400


def plan_again(job: ImportJob, run: ImportRun, planner: Planner, *, head: int) -> None:
    """Plan again what the revisions after the plan's have touched; afterwards the plan is of `head`.

    `planner` looks at the project at `head`.
    """
    planned = run.planned_revision or 0
    if planned == head:
        return
    folders = Folders(job)
    for touched in _chunks(_staged(planner.target.encode(), touched_paths(job.project_id, planned, head))):
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


def _chunks(things: Iterable[bytes]) -> Iterator[Sequence[bytes]]:
    chunk: list[bytes] = []
    for thing in things:
        chunk.append(thing)
        if len(chunk) == PATHS_PER_QUERY:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
