"""Previews: one that is wanted is taken by its lease and made. What it finds out is in `importer.preview`.

A preview is never in an import's way: it begins only while nothing is imported, and an import that begins takes the
manifest from it.
"""

import logging
import secrets
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from django.db.models import QuerySet

from moorage.backends import backends
from moorage.errors import MoorageError
from moorage.importer.ledger.job import ImportJob
from moorage.importer.models import Preview, PreviewState
from moorage.importer.preview import make_preview
from moorage.importer.words.reporting import ImportStoppedError, Outcome, Progress
from moorage.jobs.beating import kept
from moorage.jobs.disk_trouble import is_of_the_disk, told_of
from moorage.jobs.imports import shared_pool, takes_long
from moorage.jobs.setbacks import DATABASE_TROUBLE, Setbacks, after_database_trouble
from moorage.jobs.small_imports import is_area_small
from moorage.leases import Lease, LeaseLostError, LeaseWatch, take
from moorage.projects.choices import ImportChoices
from moorage.storage.areas import Look, StagingAreas
from moorage.storage.layout import StoreAwayError
from moorage.transfers.arrivals import note_arrived
from moorage.transfers.doubt import suspicions
from moorage.transfers.models import Upload
from moorage.transfers.outcomes import delivered_files
from moorage.transfers.states import UploadState

_MAY_BE_LOOKED_AT = frozenset({UploadState.OPEN, UploadState.FAILED, UploadState.IMPORTED})

_setbacks: Final = Setbacks()

log = logging.getLogger(__name__)


def waiting() -> QuerySet[Preview]:
    """Previews that are to be made, or are being made."""
    return Preview.objects.filter(state__in=(PreviewState.WANTED, PreviewState.RUNNING))


def claim_next(watch: LeaseWatch) -> Lease | None:
    """Take the preview that has waited longest, or one whose worker is gone. None: there is nothing to do."""
    for preview in waiting().order_by("asked_at"):
        if not _setbacks.rests(preview.upload_id) and watch.may_take(preview):
            lease = take(
                preview,
                where={"state": preview.state},
                state=PreviewState.RUNNING,
                started_at=backends().clock(),
                files_done=0,
                bytes_done=0,
            )
            if lease is not None:
                return lease
    return None


def work(lease: Lease, *, should_stop: Callable[[], bool] = lambda: False) -> None:
    """Make the preview that a lease was taken on. Afterwards it is READY or FAILED, or free for another try."""
    with kept(lease):
        preview = Preview.objects.select_related("upload", "upload__project").get(pk=lease.pk)
        try:
            with backends().store.or_away():
                _make(preview, lease, should_stop)
        except LeaseLostError:
            log.info("preview of %s: it is wanted otherwise by now", preview.upload_id)
        except ImportStoppedError:
            lease.release()
        except StoreAwayError as error:
            _end(lease, PreviewState.FAILED, reason=error.code, reason_text=f"{error} Look again when it is back.")
        except MoorageError as error:
            _end(lease, PreviewState.FAILED, reason=error.code, reason_text=str(error))
        except DATABASE_TROUBLE as error:
            after_database_trouble(f"preview of {preview.upload_id}", error)
            _setbacks.rest(preview.upload_id)
            lease.release()
        except Exception as error:
            if isinstance(error, OSError) and is_of_the_disk(error):
                log.exception("preview of %s: the file system is in trouble", preview.upload_id)
                trouble = told_of(error)
                _end(lease, PreviewState.FAILED, reason=trouble.code, reason_text=trouble.sentence)
                return
            reference = secrets.token_hex(4)
            log.exception("preview of %s: unforeseen, reference %s", preview.upload_id, reference)
            told = f"Something unforeseen stopped it. Tell the operator this reference: {reference}. Then look again."
            _end(lease, PreviewState.FAILED, reason="bug", reason_text=told)


def _make(preview: Preview, lease: Lease, should_stop: Callable[[], bool]) -> None:
    upload = preview.upload
    if upload.current_state not in _MAY_BE_LOOKED_AT:
        told = "The upload is not open any more. What was imported is on its page."
        _end(lease, PreviewState.FAILED, reason="preview.too_late", reason_text=told)
        return
    area_digest = upload.arrived_digest
    job = _job_of(preview, upload, lease, should_stop)
    begun, look = backends().clock(), Look()
    job.listed = look.add_part
    found = make_preview(job, fence=lease.fence, with_digests=preview.with_digests)
    if upload.current_state is UploadState.OPEN:
        # What arrives, or is seen, from then on makes the preview an old one.
        area_digest = look.arrived().state_digest
        _note_arrived(upload, look, begun=begun)
    # What is said of each file is the whole: the progress was last written while it was being found out.
    whole = {name: sum(counts[name] for counts in found["verdicts"].values()) for name in ("files", "bytes")}
    totals = {f"{name}_{how}": count for name, count in whole.items() for how in ("total", "done")}
    _end(lease, PreviewState.READY, area_digest=area_digest, reason="", reason_text="", **totals, **found)


def _note_arrived(upload: Upload, look: Look, *, begun: datetime) -> None:
    """What has been listed is what has arrived, unless a sweep has looked since."""
    as_read = Upload.objects.filter(pk=upload.pk, state=UploadState.OPEN, arrived_as_of=upload.arrived_as_of)
    note_arrived(as_read, look.arrived(), before=upload.arrived_digest, as_of=begun, at=backends().clock())


def _end(lease: Lease, state: PreviewState, **columns: Any) -> None:
    try:
        lease.update(state=state, ended_at=backends().clock(), step="", held_by="", **columns)
    except LeaseLostError:
        log.info("preview %s: it is wanted otherwise by now", lease.pk)


def _job_of(preview: Preview, upload: Upload, lease: Lease, should_stop: Callable[[], bool]) -> ImportJob:
    outside, area = backends(), _area_of(upload)
    job = ImportJob(
        upload_id=upload.pk,
        project_id=upload.project_id,
        area=area,
        store=outside.store,
        executor=shared_pool().executor_for(
            lambda: job.progress.bytes_total - job.progress.bytes_done,
            is_small=is_area_small(area),
            takes_long=takes_long,
        ),
        clock=outside.clock,
        policies=outside.policies,
        report=lambda progress: _report(lease, progress),
        finish=_nothing_ends,
        choices=ImportChoices.from_json(preview.choices),
        expected=(upload.files_arrived, upload.bytes_arrived),
        suspicions=suspicions(upload),
        delivered=delivered_files(upload),
        should_stop=should_stop,
        batches_in_flight=shared_pool().orders_for_one,
    )
    return job


def _area_of(upload: Upload) -> Path:
    areas = StagingAreas(backends().store)
    return areas.path_of(upload.area_name) if upload.current_state is UploadState.OPEN else areas.sealed_path(upload.pk)


def _report(lease: Lease, progress: Progress) -> None:
    lease.update(**asdict(progress))


def _nothing_ends(outcome: Outcome, at: Any) -> None:
    """A preview ends nothing."""
