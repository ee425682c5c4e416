"""Retry: what is said where nothing can be retried, and other choices for an import that waits or runs."""

from __future__ import annotations

import pytest

from builders import a_file_arrives, a_member, a_membership, an_open_upload
from fakes.globus import InMemoryTransferService
from moorage.audit.models import AuditRecord
from moorage.importer.words.reporting import Outcome
from moorage.jobs.endings import end_import
from moorage.jobs.imports import claim_next
from moorage.jobs.sweeps.closing import seal
from moorage.jobs.sweeps.tidying import remnants
from moorage.leases import LeaseWatch
from moorage.projects.choices import ImportChoices
from moorage.projects.models import Role
from moorage.transfers.cancelling import cancel_import
from moorage.transfers.discarding import start_discarding
from moorage.transfers.models import Upload
from moorage.transfers.retrying import ImportRunsError, NothingToRetryError, retry_upload
from moorage.transfers.sealing import start_sealing
from moorage.transfers.states import UploadState, UploadTransitionError

from .conftest import Clock

pytestmark = pytest.mark.django_db

BIG = ImportChoices("skip", "big", ("a",))
OTHER = ImportChoices("version", "other")


def test_what_is_still_being_closed_is_not_called_imported(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = _an_upload_that_is_being_closed(globus, clock)
    with pytest.raises(NothingToRetryError, match="still being closed, and its import follows by itself"):
        retry_upload(upload=upload, actor=upload.owner, at=clock())
    assert _fresh(upload).state == UploadState.SEALING


def test_nothing_has_gone_to_the_trash_of_what_was_imported_whole(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    upload = _an_upload_that_waits(globus, clock)
    _a_run_ends(upload, clock, Outcome(revision=1, files=1))
    Upload.objects.filter(pk=upload.pk).update(is_cleared=True)
    remnants(clock.advance(days=31))
    assert _fresh(upload).remnants_gone_at is not None

    with pytest.raises(NothingToRetryError, match="Every file of this upload has been imported"):
        retry_upload(upload=_fresh(upload), actor=upload.owner, at=clock())


def test_before_done_and_after_delete_the_state_is_said(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = an_open_upload(globus)
    with pytest.raises(UploadTransitionError, match="the upload is open"):
        retry_upload(upload=upload, actor=upload.owner, at=clock())
    start_discarding(upload=upload, actor=upload.owner, at=clock())
    with pytest.raises(UploadTransitionError, match="is being deleted"):
        retry_upload(upload=upload, actor=upload.owner, at=clock())


def test_an_import_that_waits_takes_other_choices(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = _a_cancelled_upload(globus, clock)
    owner = a_member()
    a_membership(upload.project, owner, Role.OWNER)
    retry_upload(upload=upload, actor=upload.owner, at=clock(), choices=BIG)

    retry_upload(upload=_fresh(upload), actor=owner, at=clock.advance(seconds=9), choices=OTHER)

    upload = _fresh(upload)
    assert (upload.state, upload.import_choices, upload.done_by) == (UploadState.SEALED, OTHER, owner)
    assert _retries(upload) == [BIG, OTHER]


@pytest.mark.parametrize("runs", [False, True])
def test_the_same_again_changes_nothing(globus: InMemoryTransferService, clock: Clock, runs: bool) -> None:
    upload = _a_cancelled_upload(globus, clock)
    retry_upload(upload=upload, actor=upload.owner, at=clock(), choices=BIG)
    if runs:
        assert claim_next(LeaseWatch()) is not None
    before = Upload.objects.filter(pk=upload.pk).values().get()

    for choices in (BIG, ImportChoices("skip", "/big/", ("a", "a/")), None):
        retry_upload(upload=_fresh(upload), actor=upload.owner, at=clock.advance(seconds=9), choices=choices)

    assert Upload.objects.filter(pk=upload.pk).values().get() == before
    assert len(_retries(upload)) == 1


def test_an_import_that_runs_takes_no_other_choices_and_says_so(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = _a_cancelled_upload(globus, clock)
    retry_upload(upload=upload, actor=upload.owner, at=clock(), choices=BIG)
    as_the_page_read_it = _fresh(upload)
    assert claim_next(LeaseWatch()) is not None

    for read in (as_the_page_read_it, _fresh(upload)):
        with pytest.raises(ImportRunsError, match="cancel it, and retry then"):
            retry_upload(upload=read, actor=upload.owner, at=clock(), choices=OTHER)

    assert _fresh(upload).import_choices == BIG


def test_of_two_that_retry_at_once_both_are_heard(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = _a_cancelled_upload(globus, clock)
    as_the_page_read_it = _fresh(upload)
    retry_upload(upload=upload, actor=upload.owner, at=clock(), choices=BIG)

    retry_upload(upload=as_the_page_read_it, actor=upload.owner, at=clock(), choices=OTHER)

    assert _fresh(upload).import_choices == OTHER


def _an_upload_that_is_being_closed(globus: InMemoryTransferService, clock: Clock) -> Upload:
    upload = an_open_upload(globus)
    a_file_arrives(upload, "a")
    start_sealing(upload=upload, actor=upload.owner, at=clock())
    return _fresh(upload)


def _an_upload_that_waits(globus: InMemoryTransferService, clock: Clock) -> Upload:
    upload = _an_upload_that_is_being_closed(globus, clock)
    seal(clock())
    return _fresh(upload)


def _a_cancelled_upload(globus: InMemoryTransferService, clock: Clock) -> Upload:
    upload = _an_upload_that_waits(globus, clock)
    cancel_import(upload=upload, actor=upload.owner, at=clock())
    return _fresh(upload)


def _a_run_ends(upload: Upload, clock: Clock, outcome: Outcome) -> None:
    lease = claim_next(LeaseWatch())
    assert lease is not None
    end_import(_fresh(upload), lease, outcome, clock(), path="/")


def _retries(upload: Upload) -> list[ImportChoices]:
    records = AuditRecord.objects.filter(act="upload.retried", object_id=str(upload.pk)).order_by("pk")
    return [ImportChoices.from_json(record.data["choices"]) for record in records]


def _fresh(upload: Upload) -> Upload:
    return Upload.objects.select_related("project", "owner", "done_by").get(pk=upload.pk)
