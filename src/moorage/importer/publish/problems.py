"""Problems of a run: every staged path that it did not import, with its reason; and until when the bytes are kept.

Before them stand the chosen paths that match nothing. They are told by name, and count for none: nothing of the upload
was left out.

A folder that is skipped is none where paths are told that it may hold. Where nothing but folders is left out, they are:
a retry could import them.

They are rows of the run, so that a retry adds its own and changes none of an earlier receipt.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final

from django.db import connection
from django.db.models import Q, QuerySet

from moorage.importer.ledger.counting import IS_FOLDER, LEFT_OUT
from moorage.importer.ledger.job import ImportJob
from moorage.importer.ledger.unmatched import after_import, unmatched
from moorage.importer.models import ImportProblem, ImportRun, ManifestEntry
from moorage.importer.words.reasons import BY_CHOICE, NOT_THERE
from moorage.importer.words.verdicts import EntryState, Verdict

ROWS_PER_BATCH: Final = 500
_SKIPPED_FOLDER: Final = IS_FOLDER & Q(verdict=Verdict.SKIPPED)


def not_imported(job: ImportJob, run: int) -> QuerySet[ManifestEntry]:
    """The entries that a run leaves out."""
    ours = ManifestEntry.objects.filter(upload_id=job.upload_id, run=run)
    return ours.filter(Q(verdict__in=LEFT_OUT) | Q(state=EntryState.FAILED))


def write_problems(job: ImportJob, run: ImportRun) -> int:
    """Write a row for what is left out, and return how many those are; before, for what was chosen and is not there.

    Repeatable.
    """
    until = job.clock() + job.policies.remnants_kept
    _forget(job, run)
    not_there = unmatched(job.upload_id, job.choices.paths)
    _write_not_there(job, run, not_there)
    ours = ManifestEntry.objects.filter(upload_id=job.upload_id, run=run.number).order_by("number")
    by_verdict = ours.not_new().filter(verdict__in=LEFT_OUT)
    failed = ours.without_place().filter(state=EntryState.FAILED).exclude(verdict__in=LEFT_OUT)
    skipped_folders = by_verdict.filter(_SKIPPED_FOLDER)
    _write(job, run, by_verdict.exclude(_SKIPPED_FOLDER), until)
    _write(job, run, failed, until)
    run.problem_count = ImportProblem.objects.filter(run=run).count() - len(not_there)
    if not run.problem_count:
        _write(job, run, skipped_folders, until)
        run.problem_count = ImportProblem.objects.filter(run=run).count() - len(not_there)
    run.left_out_count = ImportProblem.objects.filter(run=run, code__in=BY_CHOICE).count()
    return run.problem_count


def _write(job: ImportJob, run: ImportRun, left_out: QuerySet[ManifestEntry], until: datetime) -> None:
    as_uuid = ImportRun._meta.pk.get_db_prep_value
    for numbers in _numbers(left_out):
        entries = ManifestEntry.objects.filter(pk__in=numbers)
        with job.batch(), connection.cursor() as cursor:
            entries.update(remnant_until=until)
            cursor.execute(
                "INSERT INTO importer_importproblem (run_id, path, code, sentence, kept_until)"  # noqa: S608
                " SELECT %s, path, reason, reason_text, remnant_until FROM importer_manifestentry"
                f" WHERE number IN ({', '.join(['%s'] * len(numbers))}) ORDER BY number",
                [as_uuid(run.pk, connection), *numbers],
            )


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


def _numbers(left_out: QuerySet[ManifestEntry]) -> Iterator[list[int]]:
    """Of these entries, some at a time. Few of them may lie far apart in the manifest."""
    numbers = list(left_out.values_list("number", flat=True)[:ROWS_PER_BATCH])
    while numbers:
        yield numbers
        numbers = list(left_out.filter(number__gt=numbers[-1]).values_list("number", flat=True)[:ROWS_PER_BATCH])


def _forget(job: ImportJob, run: ImportRun) -> None:
    """What a first try of this run could not import, and a later one could, is no problem of it."""
    while some := list(ImportProblem.objects.filter(run=run).values_list("pk", flat=True)[:ROWS_PER_BATCH]):
        with job.batch():
            ImportProblem.objects.filter(pk__in=some).delete()
