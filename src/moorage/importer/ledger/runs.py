"""Runs of an upload's import: begun with a revision that waits, ended with what they published.

A worker that takes over an import goes on with the run that has not ended. What is registered needs no mark: it is
what a run has placed that has published.
"""

from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.db.models import F, Max, QuerySet

from moorage.files.models import RevisionKind, RevisionState
from moorage.files.registering import RegisterRight, fail_revision
from moorage.files.revisions import ask_revision
from moorage.importer.ledger.counting import folders_not_imported
from moorage.importer.ledger.job import ImportJob
from moorage.importer.models import ImportRun, ManifestEntry, Preview, PreviewState
from moorage.importer.words.reasons import INCLUDED_ALTHOUGH_DOUBTFUL
from moorage.importer.words.reporting import Outcome
from moorage.importer.words.verdicts import GOOD, EntryState
from moorage.projects.models import Project


def begin_run(job: ImportJob) -> ImportRun:
    """The run that this import is: the one that was interrupted, or a new one with a revision of its own."""
    with job.batch():
        # Whoever makes a preview now has lost it: from here on the manifest is the import's.
        Preview.objects.filter(upload_id=job.upload_id, state__in=(PreviewState.WANTED, PreviewState.RUNNING)).update(
            state=PreviewState.FAILED, held_by="", fence=F("fence") + 1, reason="preview.too_late"
        )
    unfinished = ImportRun.objects.select_related("revision").filter(upload_id=job.upload_id, outcome="").first()
    return unfinished or _new_run(job)


def _new_run(job: ImportJob) -> ImportRun:
    now = job.clock()
    with job.batch():
        project = Project.objects.get(pk=job.project_id)
        revision = ask_revision(
            project=project,
            kind=RevisionKind.IMPORT,
            by=job.by,
            at=now,
            upload_id=job.upload_id,
        )
        last = ImportRun.objects.filter(upload_id=job.upload_id).aggregate(last=Max("number"))["last"] or 0
        return ImportRun.objects.create(
            upload_id=job.upload_id,
            project_id=job.project_id,
            revision=revision,
            number=last + 1,
            started_at=now,
            choices=job.choices.as_json(),
            defaults=asdict(project.import_defaults),
        )


def published_runs(upload_id: UUID) -> dict[int, int]:
    """The numbers of an upload's runs that have published, each with its revision's number."""
    published = ImportRun.objects.filter(upload_id=upload_id, revision__state=RevisionState.PUBLISHED)
    return {run: revision for run, revision in published.values_list("number", "revision__number") if revision}


def registered(upload_id: UUID) -> QuerySet[ManifestEntry]:
    """The entries of an upload that are in its project's history."""
    return ManifestEntry.objects.filter(
        upload_id=upload_id, state=EntryState.PLACED, verdict__in=GOOD, run__in=list(published_runs(upload_id))
    )


def not_registered(upload_id: UUID) -> QuerySet[ManifestEntry]:
    """All others, also those that their run is still to register."""
    ours = ManifestEntry.objects.filter(upload_id=upload_id)
    published = list(published_runs(upload_id))
    return ours.exclude(state=EntryState.PLACED, verdict__in=GOOD, run__in=published) if published else ours


def fail_run(job: ImportJob, run: ImportRun, *, code: str, sentence: str, right: RegisterRight | None = None) -> None:
    """End a run that publishes nothing: the revision, the run and the upload in one transaction."""
    now = job.clock()

    def also() -> None:
        run.reason, run.reason_text = code, sentence
        end_run(run, outcome="failed", at=now)
        job.finish(outcome_of(run, code=code, sentence=sentence), now)

    with transaction.atomic():
        # First the lease: whoever has lost it fails nothing.
        job.write_progress()
        fail_revision(right or run.revision, code, at=now, also=also)


def outcome_of(run: ImportRun, *, revision: int | None = None, code: str = "", sentence: str = "") -> Outcome:
    """What the upload, and people, are told of a run that ends."""
    return Outcome(
        revision=revision,
        files=0 if revision is None else run.files,
        bytes=0 if revision is None else run.bytes,
        problems=None if run.missing_count is None else run.problem_count,
        folders=folders_not_imported(run),
        left_out=run.left_out_count,
        missing=run.missing_count,
        warnings=(*_told_for_good(run), *(one["sentence"] for one in run.warnings)),
        code=code,
        sentence=sentence,
    )


def _told_for_good(run: ImportRun) -> list[str]:
    """What earlier runs have brought although it is doubtful: it is in the project, whatever comes after it."""
    earlier = ImportRun.objects.filter(upload_id=run.upload_id, number__in=published_runs(run.upload_id))
    told = earlier.exclude(pk=run.pk).order_by("number").values_list("warnings", flat=True)
    return [one["sentence"] for warnings in told for one in warnings if one["code"] == INCLUDED_ALTHOUGH_DOUBTFUL]


def end_run(run: ImportRun, *, outcome: str, at: datetime) -> None:
    """Write what the run found and did. Its receipt never changes afterwards."""
    run.outcome, run.ended_at = outcome, at
    run.save()
