"""What becomes of an import that has met trouble: it ends with a reason, or is tried again after a while."""

import logging
from concurrent.futures import Executor
from dataclasses import asdict
from datetime import timedelta
from typing import Any, Final

from django.db import transaction

from moorage.backends import backends
from moorage.importer.ledger.job import ImportJob
from moorage.importer.ledger.runs import fail_run
from moorage.importer.models import ImportRun
from moorage.importer.words.reporting import Outcome, Progress
from moorage.jobs.addresses import upload_path
from moorage.jobs.disk_trouble import Told
from moorage.jobs.endings import end_import
from moorage.jobs.setbacks import FIRST_DELAY, Setbacks, delay_after
from moorage.leases import Lease, LeaseLostError
from moorage.transfers.models import Upload

TRIES: Final = 5

log = logging.getLogger(__name__)

before_their_runs: Final = Setbacks()  # of uploads whose import has no row yet that could say when to try it again


def job_that_ends(upload: Upload, lease: Lease) -> ImportJob:
    """As much of a job as an import needs to end with a reason, whatever stops it."""
    outside = backends()
    # Looked up here: the first time it loads every page, for seconds in which a transaction would hold others up.
    path = upload_path(upload)
    return ImportJob(
        upload_id=upload.pk,
        project_id=upload.project_id,
        area=outside.store.sealed / str(upload.pk),
        store=outside.store,
        executor=Executor(),
        clock=outside.clock,
        policies=outside.policies,
        report=lambda progress: _report(lease, progress),
        finish=lambda outcome, at: end_import(upload, lease, outcome, at, path=path),
        by=upload.done_by or upload.owner,
    )


def _report(lease: Lease, progress: Progress) -> None:
    lease.update(**asdict(progress), progress_at=backends().clock())


def fail(job: ImportJob, *, code: str, sentence: str) -> None:
    """End the import with a reason, unless another worker has it."""
    run = _open_run(job)
    try:
        if run is not None:
            fail_run(job, run, code=code, sentence=sentence)
            return
        before_their_runs.forget(job.upload_id)
        with transaction.atomic():
            job.finish(Outcome(code=code, sentence=sentence), job.clock())
    except LeaseLostError:
        log.warning("import of %s: another worker has taken it over", job.upload_id)


def _open_run(job: ImportJob) -> ImportRun | None:
    return ImportRun.objects.select_related("revision").filter(upload_id=job.upload_id, outcome="").first()


def after_disk_trouble(lease: Lease, job: ImportJob, told: Told) -> None:
    """Wait for what passes, however long; try again some times after what may, and then say what it was."""
    if not told.passes:
        after_failure(lease, job, told.code, told.sentence)
        return
    if lease.rows().update(reason=told.code, reason_text=told.sentence):
        try_again(lease, job, delay=FIRST_DELAY)


def after_failure(lease: Lease, job: ImportJob, code: str, sentence: str) -> None:
    """Try again later, and after some tries give it up with this reason."""
    run = _open_run(job)
    tries = before_their_runs.add_bug(job.upload_id) if run is None else run.tries + 1
    if tries >= TRIES:
        fail(job, code=code, sentence=sentence)
        return
    try_again(lease, job, delay=delay_after(tries), tries=tries)


def try_again(lease: Lease, job: ImportJob, *, delay: timedelta, **changes: Any) -> None:
    """Leave the import to whoever takes it after a while, with these `changes` of its run.

    Whoever has lost the lease changes nothing: the run is another's by now.
    """
    with transaction.atomic():
        if lease.release():
            runs = ImportRun.objects.filter(upload_id=job.upload_id, outcome="")
            if not runs.update(not_before=backends().clock() + delay, **changes):
                before_their_runs.rest(job.upload_id, delay)
