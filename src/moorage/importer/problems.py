"""Problems of a run: every staged path that it did not import, with its reason; and until when the bytes are kept.

They are rows of the run, so that a retry adds its own and changes none of an earlier receipt.
"""

from collections.abc import Iterator
from typing import Final

from django.db import connection
from django.db.models import Q, QuerySet

from moorage.importer.job import ImportJob
from moorage.importer.models import ImportProblem, ImportRun, ManifestEntry
from moorage.importer.verdicts import EntryState, Verdict

ROWS_PER_BATCH: Final = 500
_LEFT_OUT: Final = (Verdict.REJECTED, Verdict.DOUBTFUL, Verdict.SKIPPED)


def not_imported(job: ImportJob, run: int) -> QuerySet[ManifestEntry]:
    """The entries that a run leaves out."""
    ours = ManifestEntry.objects.filter(upload_id=job.upload_id, run=run)
    return ours.filter(Q(verdict__in=_LEFT_OUT) | Q(state=EntryState.FAILED))


def write_problems(job: ImportJob, run: ImportRun) -> int:
    """Write a row for everything that is left out, and return how many those are. Repeatable."""
    until = job.clock() + job.policies.remnants_kept
    _forget(job, run)
    as_uuid = ImportRun._meta.pk.get_db_prep_value
    for numbers in _numbers(job, run):
        entries = ManifestEntry.objects.filter(pk__in=numbers)
        with job.batch(), connection.cursor() as cursor:
            entries.update(remnant_until=until)
            cursor.execute(
                "INSERT INTO importer_importproblem (run_id, path, code, sentence, kept_until)"  # noqa: S608
                " SELECT %s, path, reason, reason_text, remnant_until FROM importer_manifestentry"
                f" WHERE number IN ({', '.join(['%s'] * len(numbers))}) ORDER BY number",
                [as_uuid(run.pk, connection), *numbers],
            )
    run.problem_count = ImportProblem.objects.filter(run=run).count()
    return run.problem_count


def _numbers(job: ImportJob, run: ImportRun) -> Iterator[list[int]]:
    """The entries that are left out, some at a time. Few of them may lie far apart in the manifest."""
    ours = ManifestEntry.objects.filter(upload_id=job.upload_id, run=run.number).order_by("number")
    by_verdict = ours.not_new().filter(verdict__in=_LEFT_OUT)
    failed = ours.without_place().filter(state=EntryState.FAILED).exclude(verdict__in=_LEFT_OUT)
    for entries in (by_verdict, failed):
        numbers = list(entries.values_list("number", flat=True)[:ROWS_PER_BATCH])
        while numbers:
            yield numbers
            numbers = list(entries.filter(number__gt=numbers[-1]).values_list("number", flat=True)[:ROWS_PER_BATCH])


def _forget(job: ImportJob, run: ImportRun) -> None:
    """What a first try of this run could not import, and a later one could, is no problem of it."""
    while some := list(ImportProblem.objects.filter(run=run).values_list("pk", flat=True)[:ROWS_PER_BATCH]):
        with job.batch():
            ImportProblem.objects.filter(pk__in=some).delete()
