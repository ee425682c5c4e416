"""Problems of a run: every staged path that it did not import, with its reason; and until when the bytes are kept.

Before them stand the chosen paths that match nothing. They are told by name, and count for none: nothing of the upload
was left out.

What a rule or a choice leaves out, and an earlier run did not import for another reason, keeps that reason (see
`importer.plan.judging`). A folder that is skipped is no problem where paths are told that it may hold. Where nothing
but folders is left out, they are: a retry could import them.

They are rows of the run, so that a retry adds its own and changes none of an earlier receipt.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from django.db import connection
from django.db.models import Q, QuerySet

from moorage.importer.ledger.counting import IS_FOLDER
from moorage.importer.ledger.job import ImportJob
from moorage.importer.ledger.unmatched import after_import, unmatched
from moorage.importer.models import ImportProblem, ImportRun, ManifestEntry
from moorage.importer.words.reasons import LEFT_OUT, NOT_THERE
from moorage.importer.words.verdicts import NOT_GOOD, EntryState, Verdict

ROWS_PER_BATCH: Final = 500
_SKIPPED_FOLDER: Final = IS_FOLDER & Q(verdict=Verdict.SKIPPED)


def not_imported(job: ImportJob, run: int) -> QuerySet[ManifestEntry]:
    """The entries that a run does not bring, for whatever reason."""
    ours = ManifestEntry.objects.filter(upload_id=job.upload_id, run=run)
    return ours.filter(Q(verdict__in=NOT_GOOD) | Q(state=EntryState.FAILED))


def write_problems(job: ImportJob, run: ImportRun) -> None:
    """Write a row for what is not imported, and count them; before, for what was chosen and is not there.

    Repeatable. With very many rows it takes a while: call it while nobody waits for the right to register.
    """
    until = job.clock() + job.policies.remnants_kept
    _forget(job, run)
    not_there = unmatched(job.upload_id, job.choices.paths)
    _write_not_there(job, run, not_there)
    ours = ManifestEntry.objects.filter(upload_id=job.upload_id, run=run.number).order_by("number")
    by_verdict = ours.not_new().filter(verdict__in=NOT_GOOD)
    failed = ours.without_place().filter(state=EntryState.FAILED).exclude(verdict__in=NOT_GOOD)
    skipped_folders = by_verdict.filter(_SKIPPED_FOLDER)
    written = _write(job, run, by_verdict.exclude(_SKIPPED_FOLDER), until) + _write(job, run, failed, until)
    run.problem_count = written or _write(job, run, skipped_folders, until)
    run.left_out_count = ImportProblem.objects.filter(run=run, code__in=LEFT_OUT).count()
    run.untried_count = run.left_out_count + by_verdict.filter(warning__in=LEFT_OUT).count()


def _write(job: ImportJob, run: ImportRun, entries: QuerySet[ManifestEntry], until: datetime) -> int:
    """Write rows for entries, some at a time; returns how many."""
    as_uuid, adapted = ImportRun._meta.pk.get_db_prep_value, connection.ops.adapt_datetimefield_value(until)
    written = 0
    for numbers in _numbers(entries):
        with job.batch(), connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO importer_importproblem (run_id, path, kind, size_bytes, code, sentence, kept_until)"  # noqa: S608
                " SELECT %s, path, kind, CASE kind WHEN 'file' THEN size_bytes END, reason, reason_text, %s"
                " FROM importer_manifestentry"
                f" WHERE number IN ({', '.join(['%s'] * len(numbers))}) ORDER BY number",
                [as_uuid(run.pk, connection), adapted, *numbers],
            )
        written += len(numbers)
    return written


def _write_not_there(job: ImportJob, run: ImportRun, missing: Sequence[str]) -> None:
    # Where none of them is there, that is why the run ends.
    others = [one for one in run.warnings if one["code"] != NOT_THERE.code]
    is_warning = 0 < len(missing) < len(job.choices.paths)
    run.warnings = [*([{"code": NOT_THERE.code, "sentence": after_import(missing)}] if is_warning else []), *others]
    for start in range(0, len(missing), ROWS_PER_BATCH):
        some = [path.encode() for path in missing[start : start + ROWS_PER_BATCH]]
        with job.batch():
            ImportProblem.objects.bulk_create(
                ImportProblem(run=run, path=path, code=NOT_THERE.code, sentence=NOT_THERE.sentence) for path in some
            )


def _numbers(entries: QuerySet[ManifestEntry]) -> Iterator[list[int]]:
    """Of these entries, some at a time. Few of them may lie far apart in the manifest."""
    numbers = list(entries.values_list("number", flat=True)[:ROWS_PER_BATCH])
    while numbers:
        yield numbers
        numbers = list(entries.filter(number__gt=numbers[-1]).values_list("number", flat=True)[:ROWS_PER_BATCH])


def _forget(job: ImportJob, run: ImportRun) -> None:
    """What a first try of this run could not import, and a later one could, is no problem of it."""
    while some := list(ImportProblem.objects.filter(run=run).values_list("pk", flat=True)[:ROWS_PER_BATCH]):
        with job.batch():
            ImportProblem.objects.filter(pk__in=some).delete()
