"""An import from its beginning to its end: scan → plan → digest and place → register → publish.

Every step finds by the manifest where it stopped, so a worker that takes over just runs it again.
Clearing what has been published needs no lease any more: see `importer.clear`.
"""

from moorage.importer.job import ImportJob
from moorage.importer.placing import place_all
from moorage.importer.planning import plan
from moorage.importer.publishing import register_and_publish
from moorage.importer.runs import begin_run
from moorage.importer.scan import scan


def run_import(job: ImportJob) -> int | None:
    """Import an upload's sealed area into its project. Returns the revision's number, or None if nothing was good.

    The upload's end is told through `job.finish`, in the transaction that moves the project's head.

    Raises:
        MoorageError: the import cannot go on; end it with `runs.fail_run`.
        LeaseLostError: another worker has it; nothing more was written.
        ImportStoppedError: the worker is to end; it goes on where it is taken up next.
    """
    run = begin_run(job)
    job.seam("begun")
    if run.scanned_at is None:
        scan(job, run)
    if run.planned_revision is None:
        plan(job, run)
    place_all(job)
    job.seam("placed")
    return register_and_publish(job, run)
