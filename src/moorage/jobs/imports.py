"""Imports: an upload that waits is claimed by its state, or one whose worker is gone by its lease, and is imported.

What an import does is in `importer`; here it is joined to the upload's row, its lease, its tasks,
and its end. A bug costs its upload a growing delay and never a hot loop.
"""

import logging
import secrets
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace
from functools import cache
from typing import Final

from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet

from moorage.backends import backends
from moorage.errors import MoorageError
from moorage.files.models import Revision, RevisionKind
from moorage.importer.batches.data import BatchOrder
from moorage.importer.batches.plain import PlainOrder
from moorage.importer.ledger.job import ImportJob
from moorage.importer.models import ImportRun
from moorage.importer.publish.clear import clear_published
from moorage.importer.run import run_import
from moorage.importer.words.reporting import ImportCancelledError, ImportStoppedError
from moorage.jobs.beating import kept
from moorage.jobs.cores import cores
from moorage.jobs.disk_trouble import STORE_AWAY, is_of_the_disk, told_of
from moorage.jobs.giving_way import to_downloads
from moorage.jobs.import_troubles import (
    after_disk_trouble,
    after_failure,
    before_their_runs,
    fail,
    job_that_ends,
    try_again,
)
from moorage.jobs.pool import ImportPool
from moorage.jobs.setbacks import DATABASE_DELAY, DATABASE_TROUBLE, NEVER_AS_LONG, after_database_trouble
from moorage.jobs.small_imports import is_small
from moorage.leases import Lease, LeaseLostError, LeaseWatch, take
from moorage.storage.layout import StoreAwayError
from moorage.transfers.cancelling import cancel_asked
from moorage.transfers.doubt import suspicions
from moorage.transfers.models import Upload
from moorage.transfers.outcomes import delivered_files
from moorage.transfers.states import UploadState

LONG_BYTES: Final = 64 << 20  # a batch of more keeps a process busy for much longer than handing it over takes
_UNFORESEEN: Final = "Something unforeseen stopped the import. Tell the operator this reference: {}. Then press Retry."

log = logging.getLogger(__name__)


def any_upload(_: Upload) -> bool:
    """Every upload is wanted."""
    return True


def waiting() -> QuerySet[Upload]:
    """Uploads that are to be imported, or are being imported."""
    return Upload.objects.in_state(UploadState.SEALED, UploadState.IMPORTING)


def claim_next(watch: LeaseWatch, *, is_wanted: Callable[[Upload], bool] = any_upload) -> Lease | None:
    """Take an import whose worker is gone, or else the upload that has waited longest. None: there is nothing to do.

    Only uploads that `is_wanted` are taken.
    """
    now = backends().clock()
    resting = ImportRun.objects.filter(
        upload=OuterRef("pk"), outcome="", not_before__gt=now, not_before__lte=now + NEVER_AS_LONG
    )
    interrupted = Upload.objects.in_state(UploadState.IMPORTING).filter(~Exists(resting))
    for upload in interrupted.order_by("state_changed_at"):
        if not before_their_runs.rests(upload.pk) and watch.may_take(upload) and is_wanted(upload):
            lease = take(upload, where={"state": UploadState.IMPORTING})
            if lease is not None:
                return lease
    for upload in Upload.objects.in_state(UploadState.SEALED).order_by("state_changed_at"):
        if not is_wanted(upload):
            continue
        lease = take(
            upload,
            where={"state": UploadState.SEALED},
            state=UploadState.IMPORTING.value,
            state_changed_at=now,
            import_started_at=now,
            step="scan",
            files_total=0,
            bytes_total=0,
            files_done=0,
            bytes_done=0,
            progress_at=now,
            reason="",
            reason_text="",
        )
        if lease is not None:
            before_their_runs.forget(upload.pk)
            return lease
    return None


def work(lease: Lease, *, should_stop: Callable[[], bool] = lambda: False, executor: Executor | None = None) -> None:
    """Import the upload that a lease was taken on. Afterwards it has ended, or the lease is free for another try."""
    number: int | None = None
    # From here on: what an upload's tasks have delivered can take longer to read than a lease lasts.
    with kept(lease):
        upload = Upload.objects.select_related("project", "owner", "done_by").get(pk=lease.pk)
        job = job_that_ends(upload, lease)
        try:
            job = job_of(upload, lease, should_stop=should_stop, executor=executor)
            with backends().store.or_away():
                number = run_import(job)
        except LeaseLostError:
            log.warning("import of %s: another worker has taken it over", upload.pk)
        except ImportStoppedError:
            lease.release()
        except ImportCancelledError as error:
            fail(job, code=error.code, sentence=str(error))
        except StoreAwayError as error:
            log.warning("import of %s waits: %s", upload.pk, error)
            after_disk_trouble(lease, job, STORE_AWAY)
        except MoorageError as error:
            log.warning("import of %s stopped: %s", upload.pk, error)
            fail(job, code=error.code, sentence=str(error))
        except DATABASE_TROUBLE as error:
            after_database_trouble(f"import of {upload.pk}", error)
            try_again(lease, job, delay=DATABASE_DELAY)
        except Exception as error:
            if isinstance(error, OSError) and is_of_the_disk(error):
                log.exception("import of %s: the file system is in trouble", upload.pk)
                after_disk_trouble(lease, job, told_of(error))
            else:
                reference = secrets.token_hex(4)
                log.exception("import of %s: unforeseen, reference %s", upload.pk, reference)
                after_failure(lease, job, "bug", _UNFORESEEN.format(reference))
    if number is not None:
        _clear(upload, lease)


def _clear(upload: Upload, lease: Lease) -> None:
    """Take the registered names away. The lease has ended with the import; a sweep repeats what fails here."""
    try:
        clear_published(upload_id=upload.pk, store=backends().store, between=to_downloads())
    except OSError:
        log.exception("import of %s: its sealed area could not be cleared; a sweep goes on", upload.pk)
        return
    same = Upload.objects.filter(pk=upload.pk, state=UploadState.IMPORTED, fence=lease.fence)
    same.update(is_cleared=True)


def job_of(
    upload: Upload, lease: Lease, *, should_stop: Callable[[], bool], executor: Executor | None = None
) -> ImportJob:
    """What the importer is given for an upload. Without an `executor` its batches go to this worker's pool."""
    job = replace(
        job_that_ends(upload, lease),
        executor=executor
        or shared_pool().executor_for(lambda: _left(job, upload), is_small=is_small(upload), takes_long=takes_long),
        choices=upload.import_choices,
        expected=(0, 0) if upload.has_published else (upload.files_arrived, upload.bytes_arrived),
        cancelled=lambda: cancel_asked(upload.pk),
        suspicions=suspicions(upload),
        delivered=delivered_files(upload),
        may_take_right=may_take_right(LeaseWatch()),
        should_stop=should_stop,
        batches_in_flight=shared_pool().orders_for_one,
    )
    return job


@cache
def shared_pool() -> ImportPool:
    """The pool of this worker, for all its imports."""
    return ImportPool(settings.OPTIONS.pool_processes or cores())


def _left(job: ImportJob, upload: Upload) -> int:
    """Bytes that an import has still to read; what the last look saw counts until they have been counted."""
    progress = job.progress
    return max(progress.bytes_total, upload.bytes_arrived) - progress.bytes_done


def takes_long(order: BatchOrder | PlainOrder) -> bool:
    """Whether a batch keeps a process busy for so long that nothing is to be put behind it."""
    return isinstance(order, BatchOrder) and sum(size for _, size, _ in order.files) > LONG_BYTES


def may_take_right(watch: LeaseWatch) -> Callable[[Revision], bool]:
    """Whether the worker of a revision is gone. An import's revision is worked on under its upload's lease."""

    def may_take(holder: Revision) -> bool:
        if holder.kind != RevisionKind.IMPORT:
            return watch.may_take(holder)
        importing = Upload.objects.in_state(UploadState.IMPORTING)
        upload = importing.filter(pk=holder.upload_id).first() if holder.upload_id else None
        return upload is None or watch.may_take(upload)

    return may_take
