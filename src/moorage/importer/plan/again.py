"""A plan is of a revision: what other revisions have touched since is planned again (design §4).

Most staged folders have an entry of their own, so it is enough to look at the paths that were touched and at the
folders above them; where such a folder's verdict changes, everything below it is planned again. Folders above the
target, and those that an earlier run has registered, have none: where a file has come to one, all of the plan is made
again.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
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
from moorage.importer.words.verdicts import NOT_GOOD, EntryKind, EntryState, Verdict

PATHS_PER_QUERY: Final = 400
ROWS_PER_BATCH: Final = 400


def plan_again(job: ImportJob, run: ImportRun, planner: Planner, *, head: int) -> bool:
    """Plan again what the revisions after the plan's have touched; afterwards the plan is of `head`.

    `planner` looks at the project at `head`. Returns whether of what is not imported something is to be told otherwise.
    """
    planned = run.planned_revision or 0
    if planned == head:
        return False
    again = _Again(job, run, planner, Folders(job))
    for touched in _chunks(_staged(planner.target.encode(), touched_paths(job.project_id, planned, head))):
        for folder in again.plan(again.entries.filter(path_key__in=[path_key(path) for path in touched])):
            again.plan_below(folder)
    if _stands_in_the_way(job, run, head):
        # A file has come to where the plan has a folder that has no entry of its own: above the target, or one that an
        # earlier run registered.
        again.plan_all()
    with job.batch():
        run.planned_revision = head
        run.save(update_fields=["planned_revision"])
    return again.is_told_otherwise


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


def _in_batches(entries: QuerySet[ManifestEntry]) -> Iterator[list[Entry]]:
    # What is written anew has a higher number, and is not to come up again.
    last = entries.order_by("-number").values_list("number", flat=True).first()
    first = -1
    while last is not None and (
        rows := list(entries.filter(number__gt=first, number__lte=last).order_by("number")[:ROWS_PER_BATCH])
    ):
        first = rows[-1].number
        yield [entry_of(row) for row in rows]


@dataclass
class _Again:
    """Gives entries of a run their new verdicts, and notes whether what is told of those that are not good changes."""

    job: ImportJob
    run: ImportRun
    planner: Planner
    folders: Folders
    is_told_otherwise: bool = False

    @property
    def entries(self) -> QuerySet[ManifestEntry]:
        # What has failed keeps the reason that its receipt will name: no plan brings its bytes.
        ours = ManifestEntry.objects.filter(upload_id=self.job.upload_id, run=self.run.number)
        return ours.exclude(state=EntryState.FAILED)

    def plan(self, entries: QuerySet[ManifestEntry]) -> Iterator[bytes]:
        """Plan entries again; yields the folders that are rejected now and were not, or the other way round."""
        for batch in _in_batches(entries):
            yield from self._plan_batch(batch)

    def plan_below(self, folder: bytes) -> None:
        """Plan again what lies in a folder."""
        for _ in self.plan(self.entries.filter(path__gt=folder + b"/", path__lt=folder + b"0")):  # "0" follows "/"
            pass

    def plan_all(self) -> None:
        """Plan everything again."""
        for _ in self.plan(self.entries):
            pass

    def _plan_batch(self, batch: Sequence[Entry]) -> list[bytes]:
        before = [(entry.verdict, entry.state, entry.object_id) for entry in batch]
        self.planner.plan_again(batch)
        self.folders.point(batch)
        changed = []
        for entry, (verdict, state, object_id) in zip(batch, before, strict=True):
            if entry.kind == EntryKind.FILE:
                entry.state, entry.object_id = state, object_id
            if entry.verdict != verdict:
                changed.append((entry, verdict))
        with self.job.batch():
            write_entries(self.job.upload_id, self.run.number, [entry for entry, _ in changed])
        self.is_told_otherwise |= any({entry.verdict, verdict} & set(NOT_GOOD) for entry, verdict in changed)
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
