"""Problems of a run: every staged path that it did not import, with its reason; and until when the bytes are kept.

They are rows of the run, so that a retry adds its own and changes none of an earlier receipt.
"""

from typing import Final

from django.db import connection
from django.db.models import QuerySet

from moorage.importer.job import ImportJob
from moorage.importer.models import ImportProblem, ImportRun, ManifestEntry
from moorage.importer.runs import ranges
from moorage.importer.verdicts import EntryState, Verdict

ROWS_PER_BATCH: Final = 500
_SELECTED: Final = (Verdict.REJECTED, Verdict.DOUBTFUL)


def not_imported(job: ImportJob) -> QuerySet[ManifestEntry]:
    """The entries that this import leaves out."""
    left_out = ManifestEntry.objects.filter(upload_id=job.upload_id)
    return (left_out.filter(verdict__in=_SELECTED) | left_out.filter(state=EntryState.FAILED)).exclude(
        state=EntryState.REGISTERED
    )


def write_problems(job: ImportJob, run: ImportRun) -> int:
    """Write a row for everything that is left out, and return how many those are. Repeatable."""
    until = job.clock() + job.policies.remnants_kept
    as_uuid = ImportRun._meta.pk.get_db_prep_value
    for entries in ranges(job, not_imported(job)):
        selected, parameters = entries.values("id").query.sql_with_params()
        with job.batch(), connection.cursor() as cursor:
            entries.update(remnant_until=until)
            cursor.execute(
                "INSERT INTO importer_importproblem (run_id, entry_id, code, sentence)"  # noqa: S608 - Django's own SQL
                f" SELECT %s, id, reason, reason_text FROM importer_manifestentry WHERE id IN ({selected})"
                " ON CONFLICT (run_id, entry_id) DO UPDATE SET code = excluded.code, sentence = excluded.sentence",
                [as_uuid(run.pk, connection), *parameters],
            )
    # What a first try of this run could not import, and a later one could, is no problem of it.
    # Looked for outside the transaction: there may be a million of them, and hardly any of these.
    imported = ImportProblem.objects.filter(run=run, entry__state=EntryState.REGISTERED).values_list("pk", flat=True)
    while some := list(imported[:ROWS_PER_BATCH]):
        with job.batch():
            ImportProblem.objects.filter(pk__in=some).delete()
    run.problem_count = ImportProblem.objects.filter(run=run).count()
    return run.problem_count
