"""Cancel: of an import that waits, and of one that runs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from builders import a_file_arrives, a_member, a_membership, an_open_upload
from fakes.globus import InMemoryTransferService
from moorage.audit.models import AuditRecord
from moorage.importer.words.reporting import Outcome
from moorage.jobs.endings import end_import
from moorage.jobs.imports import claim_next
from moorage.jobs.sweeps.closing import seal
from moorage.leases import LeaseWatch
from moorage.notices.models import Notice
from moorage.projects.models import Role
from moorage.transfers.cancelling import NothingToCancelError, cancel_asked, cancel_import
from moorage.transfers.discarding import start_discarding
from moorage.transfers.models import Upload
from moorage.transfers.overview import overview
from moorage.transfers.retrying import retry_upload
from moorage.transfers.rules import UploadNotFoundError, UploadRoleError
from moorage.transfers.sealing import start_sealing
from moorage.transfers.states import UploadState
from moorage.transfers.wording import state_label, state_text

from .conftest import Clock

pytestmark = pytest.mark.django_db


def test_an_import_that_waits_ends_at_once_and_can_be_retried(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = _a_sealed_upload(globus, clock)

    cancel_import(upload=upload, actor=upload.owner, at=clock())

    upload = _fresh(upload)
    assert (upload.state, upload.reason) == (UploadState.FAILED, "cancelled")
    assert state_label(upload).label == "Import cancelled"
    assert state_text(upload) == (
        f"Import cancelled. Cancelled by {upload.owner}. The project is as it was. Retry the import, or press DELETE."
    )
    assert claim_next(LeaseWatch()) is None
    retry_upload(upload=upload, actor=upload.owner, at=clock())
    assert _fresh(upload).state == UploadState.SEALED
    assert overview(_fresh(upload), viewer=upload.owner).may_cancel, "what was cancelled before does not count any more"


def test_a_retry_that_waits_leaves_the_upload_imported(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = _a_sealed_upload(globus, clock)
    _a_run_ends(upload, clock, Outcome(revision=3, files=1, problems=1))
    retry_upload(upload=_fresh(upload), actor=upload.owner, at=clock())

    cancel_import(upload=_fresh(upload), actor=upload.owner, at=clock())

    upload = _fresh(upload)
    assert (upload.state, upload.reason, upload.problems) == (UploadState.IMPORTED, "", 1)
    assert overview(upload, viewer=upload.owner).may_retry


def test_a_running_import_is_asked_to_end_and_its_worker_ends_it(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = _a_sealed_upload(globus, clock)
    lease = claim_next(LeaseWatch())
    assert lease is not None
    assert cancel_asked(upload.pk) == ""

    cancel_import(upload=_fresh(upload), actor=upload.owner, at=clock())

    running = _fresh(upload)
    assert running.state == UploadState.IMPORTING
    assert state_label(running).label == "Being cancelled"
    assert not overview(running, viewer=running.owner).may_cancel
    why = cancel_asked(upload.pk)
    assert why == f"Cancelled by {upload.owner}."
    end_import(running, lease, Outcome(code="cancelled", sentence=why), clock(), path="/")
    ended = _fresh(upload)
    assert (ended.state, ended.reason, ended.reason_text) == (UploadState.FAILED, "cancelled", why)
    assert overview(ended, viewer=ended.owner).may_delete


def test_who_sent_the_files_is_told_that_the_import_was_cancelled_and_by_whom(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    upload = _a_sealed_upload(globus, clock)
    _a_run_ends(upload, clock, Outcome(code="cancelled", sentence="Cancelled by Grace."))

    told = Notice.objects.get(member=upload.owner)
    assert (told.kind, told.subject) == ("upload.cancelled", f"Import cancelled: {upload.name}")
    assert "Cancelled by Grace. The project is as it was." in told.text


def test_a_retry_that_was_cancelled_can_be_retried(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = _a_sealed_upload(globus, clock)
    _a_run_ends(upload, clock, Outcome(revision=3, files=1, problems=2))
    retry_upload(upload=_fresh(upload), actor=upload.owner, at=clock())
    _a_run_ends(upload, clock, Outcome(code="cancelled", sentence="Cancelled."))

    upload = _fresh(upload)
    assert (upload.state, upload.problems) == (UploadState.IMPORTED, 2)
    assert overview(upload, viewer=upload.owner).may_retry


def test_a_retry_that_stopped_says_why_and_that_something_is_left(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    upload = _a_sealed_upload(globus, clock)
    _a_run_ends(upload, clock, Outcome(revision=3, files=1, problems=2))
    for code, sentence in (("import.conflict", "There is another a.txt."), ("import.nothing_good", "None was good.")):
        retry_upload(upload=_fresh(upload), actor=upload.owner, at=clock.advance(seconds=9))
        _a_run_ends(upload, clock, Outcome(code=code, sentence=sentence))

    _, conflict, nothing_good = Notice.objects.filter(member=upload.owner).order_by("created_at")
    left = "2 files were not imported: see why on its page, and retry."
    assert conflict.text.endswith(f"This time nothing more could be imported. There is another a.txt. {left}")
    assert nothing_good.text.endswith(f"This time nothing more could be imported. {left}")
    assert conflict.kind == nothing_good.kind == "upload.imported_with_problems"


def test_pressing_it_again_changes_nothing(globus: InMemoryTransferService, clock: Clock) -> None:
    waiting = _a_sealed_upload(globus, clock)
    cancel_import(upload=waiting, actor=waiting.owner, at=clock())
    running = _a_sealed_upload(globus, clock)
    lease = claim_next(LeaseWatch())
    assert lease is not None
    cancel_import(upload=_fresh(running), actor=running.owner, at=clock())

    for upload in (waiting, running):
        before = Upload.objects.filter(pk=upload.pk).values().get()
        cancel_import(upload=_fresh(upload), actor=upload.owner, at=clock.advance(seconds=9))
        assert Upload.objects.filter(pk=upload.pk).values().get() == before
        assert AuditRecord.objects.filter(act="upload.cancelled", object_id=str(upload.pk)).count() == 1
    end_import(_fresh(running), lease, Outcome(revision=1, files=1), clock(), path="/")
    cancel_import(upload=_fresh(running), actor=running.owner, at=clock())
    assert _fresh(running).state == UploadState.IMPORTED, "it came too late"


def test_a_worker_that_takes_the_import_at_the_same_moment_is_asked(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    upload = _a_sealed_upload(globus, clock)
    as_the_page_read_it = _fresh(upload)
    assert claim_next(LeaseWatch()) is not None

    cancel_import(upload=as_the_page_read_it, actor=upload.owner, at=clock())

    assert (_fresh(upload).state, bool(cancel_asked(upload.pk))) == (UploadState.IMPORTING, True)


@pytest.mark.parametrize("state", ["open", "sealing", "imported", "discarded"])
def test_where_nothing_runs_there_is_nothing_to_cancel(
    globus: InMemoryTransferService, clock: Clock, state: str
) -> None:
    upload = an_open_upload(globus)
    a_file_arrives(upload, "a.txt")
    if state == "discarded":
        start_discarding(upload=upload, actor=upload.owner, at=clock())
    elif state != "open":
        start_sealing(upload=upload, actor=upload.owner, at=clock())
    if state == "imported":
        seal(clock())
        _a_run_ends(upload, clock, Outcome(revision=1, files=1))

    with pytest.raises(NothingToCancelError):
        cancel_import(upload=_fresh(upload), actor=upload.owner, at=clock())


def test_who_may_press_done_may_cancel_and_nobody_else(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = _a_sealed_upload(globus, clock)
    editor, viewer = a_member(), a_member()
    a_membership(upload.project, editor, Role.EDITOR)
    a_membership(upload.project, viewer, Role.VIEWER)

    with pytest.raises(UploadRoleError):
        cancel_import(upload=_fresh(upload), actor=editor, at=clock())
    with pytest.raises(UploadNotFoundError):
        cancel_import(upload=_fresh(upload), actor=viewer, at=clock())
    assert not overview(upload, viewer=editor).may_cancel
    assert _fresh(upload).state == UploadState.SEALED


def _a_sealed_upload(globus: InMemoryTransferService, clock: Clock) -> Upload:
    upload = an_open_upload(globus)
    a_file_arrives(upload, "a.txt")
    start_sealing(upload=upload, actor=upload.owner, at=clock())
    seal(clock())
    clock.now += timedelta(seconds=1)
    return _fresh(upload)


def _a_run_ends(upload: Upload, clock: Clock, outcome: Outcome) -> None:
    lease = claim_next(LeaseWatch())
    assert lease is not None
    assert lease.pk == upload.pk
    end_import(_fresh(upload), lease, outcome, clock(), path="/")


def _fresh(upload: Upload) -> Upload:
    return Upload.objects.select_related("project", "owner", "cancel_asked_by").get(pk=upload.pk)
