"""What becomes of an import that has met trouble: it ends with a reason, or is tried again after a while."""

import logging
import time
from datetime import timedelta
from typing import Any, Final

from django.db import transaction

from moorage.backends import backends
from moorage.importer.job import ImportJob
from moorage.importer.models import ImportRun
from moorage.importer.runs import fail_run
from moorage.jobs.disk_trouble import Told
from moorage.leases import Lease, LeaseLostError

TRIES: Final = 5
FIRST_DELAY: Final = timedelta(seconds=5)
LONGEST_DELAY: Final = timedelta(hours=1)  # no delay is as long

log = logging.getLogger(__name__)


def fail(job: ImportJob, *, code: str, sentence: str) -> None:
    """End the run with a reason, unless another worker has the import."""
    run = _open_run(job)
    try:
        if run is not None:
            fail_run(job, run, code=code, sentence=sentence)
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
    tries = 1 if run is None else run.tries + 1
    if run is not None and tries >= TRIES:
        fail(job, code=code, sentence=sentence)
        return
    if run is None:
        # There is no row yet that could say when to try again.
        time.sleep(FIRST_DELAY.total_seconds())
    try_again(lease, job, delay=FIRST_DELAY * 2 ** (tries - 1), tries=tries)


def try_again(lease: Lease, job: ImportJob, *, delay: timedelta, **changes: Any) -> None:
    """Leave the import to whoever takes it after a while, with these `changes` of its run.

    Whoever has lost the lease changes nothing: the run is another's by now.
    """
    with transaction.atomic():
        if lease.release():
            runs = ImportRun.objects.filter(upload_id=job.upload_id, outcome="")
            runs.update(not_before=backends().clock() + delay, **changes)
