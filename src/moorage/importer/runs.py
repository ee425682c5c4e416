"""Runs of an upload's import: begun with a revision that waits, ended with what they published.

A worker that takes over an import goes on with the run that has not ended.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import transaction
from django.db.models import Case, Max, Min, QuerySet, Value, When

from moorage.files.models import RevisionKind
from moorage.files.registering import RegisterRight, fail_revision
from moorage.files.revisions import ask_revision
from moorage.importer.job import ImportJob, Outcome
from moorage.importer.models import ImportRun, ManifestEntry
from moorage.importer.verdicts import EntryKind, EntryState
from moorage.projects.models import Project

RANGE_ROWS: Final = 1000


def begin_run(job: ImportJob) -> ImportRun:
    """The run that this import is: the one that was interrupted, or a new one with a revision of its own."""
    unfinished = ImportRun.objects.select_related("revision").filter(upload_id=job.upload_id, outcome="").first()
    forget_unpublished(job)
    if unfinished is not None:
        return unfinished
    # Before the run's own row: a crash in between begins anew once more.
    _begin_anew(job)
    return _new_run(job)


def _new_run(job: ImportJob) -> ImportRun:
    now = job.clock()
    with job.batch():
        revision = ask_revision(
            project=Project.objects.get(pk=job.project_id),
            kind=RevisionKind.IMPORT,
            by=job.by,
            at=now,
            upload_id=job.upload_id,
        )
        last = ImportRun.objects.filter(upload_id=job.upload_id).aggregate(last=Max("number"))["last"] or 0
        return ImportRun.objects.create(
            upload_id=job.upload_id, project_id=job.project_id, revision=revision, number=last + 1, started_at=now
        )


def _begin_anew(job: ImportJob) -> None:
    """What an earlier run did not register is planned again; what it placed need not be read again."""
    for entries in ranges(job, ManifestEntry.objects.exclude(state=EntryState.REGISTERED)):
        with job.batch():
            entries.update(
                state=Case(
                    When(state=EntryState.PLACED, then=Value(EntryState.PLACED)), default=Value(EntryState.PLANNED)
                ),
                verdict="",
                reason="",
                reason_text="",
                warning="",
                remnant_until=None,
            )


def published_fences(upload_id: UUID) -> list[int]:
    """The fences under which this upload's runs have published: only what was registered under them is."""
    fences = ImportRun.objects.filter(upload_id=upload_id, register_fence__isnull=False)
    return [fence for fence in fences.values_list("register_fence", flat=True) if fence is not None]


def forget_unpublished(job: ImportJob) -> None:
    """Entries that were registered under a fence that published nothing count as placed again (design §4)."""
    registered = ManifestEntry.objects.filter(state=EntryState.REGISTERED).exclude(
        registered_fence__in=published_fences(job.upload_id)
    )
    for entries in ranges(job, registered):
        with job.batch():
            for kind, state in ((EntryKind.DIRECTORY, EntryState.PLANNED), (EntryKind.FILE, EntryState.PLACED)):
                entries.filter(kind=kind).update(state=state, registered_fence=None, registered_revision=None)


def ranges(job: ImportJob, entries: QuerySet[ManifestEntry]) -> Iterator[QuerySet[ManifestEntry]]:
    """These entries of the upload, in ranges of numbers that are small enough for one transaction each."""
    ours = entries.filter(upload_id=job.upload_id)
    span = ours.aggregate(first=Min("number"), last=Max("number"))
    if span["first"] is None:
        return
    for first in range(span["first"], span["last"] + 1, RANGE_ROWS):
        yield ours.filter(number__gte=first, number__lt=first + RANGE_ROWS)


def fail_run(job: ImportJob, run: ImportRun, *, code: str, sentence: str, right: RegisterRight | None = None) -> None:
    """End a run that publishes nothing: the revision, the run and the upload in one transaction."""
    now = job.clock()

    def also() -> None:
        end_run(run, outcome="failed", at=now)
        job.finish(Outcome(problems=run.problem_count, code=code, sentence=sentence), now)

    with transaction.atomic():
        # First the lease: whoever has lost it fails nothing.
        job.write_progress()
        fail_revision(right or run.revision, code, at=now, also=also)


def end_run(run: ImportRun, *, outcome: str, at: datetime) -> None:
    """Write what the run found and did. Its receipt never changes afterwards."""
    run.outcome, run.ended_at = outcome, at
    run.save()
