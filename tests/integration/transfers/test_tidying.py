"""Strays, expiry, remnants, retry, renaming: the rest of an upload's life."""

from __future__ import annotations

import errno
from datetime import datetime, timedelta

import pytest

from builders import a_file_arrives, a_member, a_membership, an_open_upload
from fakes.globus import InMemoryTransferService
from moorage.backends import Policies, backends
from moorage.files.models import RevisionKind
from moorage.files.revisions import ask_revision
from moorage.importer.models import ImportProblem, ImportRun
from moorage.importer.words.reporting import Outcome
from moorage.jobs.endings import end_import
from moorage.jobs.sweeps.arrivals import look_into_areas
from moorage.jobs.sweeps.clearing import clear_imported
from moorage.jobs.sweeps.closing import discard, seal
from moorage.jobs.sweeps.expiry import warn_and_expire
from moorage.jobs.sweeps.tidying import remnants, strays, trash
from moorage.leases import take
from moorage.notices.models import Notice
from moorage.projects.choices import ImportChoices
from moorage.projects.models import Role
from moorage.storage.areas import StagingAreas
from moorage.transfers.arrivals import look_interval
from moorage.transfers.discarding import EXPIRED, start_discarding
from moorage.transfers.models import StrayArea, Upload
from moorage.transfers.naming import UploadNameError
from moorage.transfers.overview import overview
from moorage.transfers.remnants import trash_remnants
from moorage.transfers.renaming import rename_upload
from moorage.transfers.retrying import NothingToRetryError, retry_upload
from moorage.transfers.rules import UploadRoleError
from moorage.transfers.sealing import start_sealing
from moorage.transfers.states import UploadState, UploadTransitionError
from moorage.transfers.wording import state_text

from .conftest import Clock

pytestmark = pytest.mark.django_db


def test_a_name_that_reappears_after_the_seal_goes_to_the_trash_and_is_shown(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    upload = _a_sealed_upload(globus, clock)
    areas = StagingAreas(backends().store)
    areas.make(upload.area_name)
    (areas.path_of(upload.area_name) / "late.bin").write_bytes(b"late")

    strays(clock())
    strays(clock())

    assert not areas.exists(upload.area_name)
    assert areas.is_sealed(upload.pk)
    [stray] = StrayArea.objects.all()
    assert (stray.upload, stray.files, stray.moved_at) == (upload, 1, clock())
    assert overview(upload, viewer=upload.owner).stray_files == 1


def test_areas_of_a_deleted_upload_go_to_the_trash_wherever_they_turn_up(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    upload = an_open_upload(globus)
    start_discarding(upload=upload, actor=upload.owner, at=clock())
    discard(clock())
    areas = StagingAreas(backends().store)
    areas.make(upload.area_name)
    areas.sealed_path(upload.pk).mkdir()

    strays(clock())

    assert not areas.exists(upload.area_name)
    assert not areas.is_sealed(upload.pk)
    assert StrayArea.objects.filter(upload=upload).count() == 2


def test_open_areas_and_names_that_are_none_of_ours_are_left_alone(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    upload = an_open_upload(globus)
    (backends().store.collection / "README").mkdir()
    (backends().store.collection / "other-thing-aaaabbbbccccdddd").mkdir()

    strays(clock())

    assert sorted(StagingAreas(backends().store).reappeared()) == sorted(
        ["README", "other-thing-aaaabbbbccccdddd", upload.area_name]
    )


def test_an_upload_is_warned_of_three_times_and_then_expires(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = an_open_upload(globus)
    begun = clock()

    for day in range(62):
        clock.now = begun + timedelta(days=day, minutes=1)
        warn_and_expire(clock())
    discard(clock())

    upload.refresh_from_db()
    assert upload.state == UploadState.DISCARDED
    assert upload.reason == EXPIRED
    told = Notice.objects.filter(member=upload.owner).order_by("created_at")
    assert [((notice.created_at - begun).days, notice.kind) for notice in told] == [
        (46, "upload.expires"),
        (53, "upload.expires"),
        (59, "upload.expires"),
        (60, "upload.expired"),
    ]
    assert not globus.rules


def test_activity_puts_the_expiry_off(globus: InMemoryTransferService, clock: Clock, policies: Policies) -> None:
    upload = an_open_upload(globus)
    clock.advance(days=59)
    warn_and_expire(clock())

    a_file_arrives(upload, "a")
    clock.advance(days=2)
    warn_and_expire(clock())

    upload.refresh_from_db()
    assert upload.state == UploadState.OPEN
    assert upload.expires_at == clock() - timedelta(days=2) + policies.upload_expires_after
    assert upload.expiry_warned_days is None


def test_what_was_not_imported_is_kept_for_a_while_and_can_be_retried_until_then(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    upload = _an_imported_upload(globus, clock, problems=2)

    remnants(clock.advance(days=29))
    assert overview(_fresh(upload), viewer=upload.owner).may_retry
    remnants(clock.advance(days=2))

    assert not StagingAreas(backends().store).is_sealed(upload.pk)
    assert not overview(_fresh(upload), viewer=upload.owner).may_retry
    with pytest.raises(NothingToRetryError, match="trash"):
        retry_upload(upload=_fresh(upload), actor=upload.owner, at=clock())


def test_what_a_retry_promises_to_keep_is_kept_until_that_day(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = _an_imported_upload(globus, clock, problems=1)
    clock.advance(days=20)
    retry_upload(upload=upload, actor=upload.owner, at=clock())
    promised = clock() + timedelta(days=30)
    _ends_without_a_revision(upload, clock, promised=promised)

    remnants(clock.advance(days=29))
    assert StagingAreas(backends().store).is_sealed(upload.pk)
    assert overview(_fresh(upload), viewer=upload.owner).may_retry
    remnants(clock.advance(days=2))

    assert not StagingAreas(backends().store).is_sealed(upload.pk)


def test_a_retry_cannot_begin_on_what_is_on_its_way_to_the_trash(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = _an_imported_upload(globus, clock, problems=2)
    as_the_page_read_it = _fresh(upload)
    remnants(clock.advance(days=31))

    with pytest.raises(NothingToRetryError, match="trash"):
        retry_upload(upload=as_the_page_read_it, actor=upload.owner, at=clock())

    assert _fresh(upload).state == UploadState.IMPORTED


def test_a_sweep_leaves_what_was_retried_since_it_read_the_row(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = _an_imported_upload(globus, clock, problems=2)
    as_the_sweep_read_it = _fresh(upload)
    retry_upload(upload=upload, actor=upload.owner, at=clock.advance(days=31))
    _ends_without_a_revision(upload, clock, promised=clock() + timedelta(days=30))

    trash_remnants(as_the_sweep_read_it, at=clock())

    assert StagingAreas(backends().store).is_sealed(upload.pk)
    assert _fresh(upload).remnants_gone_at is None


def test_what_a_worker_that_died_after_publishing_left_is_cleared_by_the_sweep(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    upload = _an_imported_upload(globus, clock, problems=0)
    Upload.objects.filter(pk=upload.pk).update(is_cleared=False)
    remnants(clock.advance(days=31))
    assert StagingAreas(backends().store).is_sealed(upload.pk), "nothing goes before it is cleared"

    clear_imported(clock())

    assert _fresh(upload).is_cleared


def test_retry_queues_another_import_and_repeating_it_changes_nothing(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    upload = _an_imported_upload(globus, clock, problems=2)

    retry_upload(upload=upload, actor=upload.owner, at=clock(), choices=ImportChoices(include=("doubtful",)))
    retry_upload(upload=upload, actor=upload.owner, at=clock())

    upload.refresh_from_db()
    assert upload.state == UploadState.SEALED
    assert upload.import_choices.include_doubtful


def test_retry_of_what_is_complete_or_still_open_is_refused(globus: InMemoryTransferService, clock: Clock) -> None:
    complete, still_open = _an_imported_upload(globus, clock, problems=0), an_open_upload(globus)

    with pytest.raises(NothingToRetryError, match="open a new upload"):
        retry_upload(upload=complete, actor=complete.owner, at=clock())
    with pytest.raises(UploadTransitionError):
        retry_upload(upload=still_open, actor=still_open.owner, at=clock())


def test_an_open_upload_can_be_renamed_and_keeps_its_area(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = an_open_upload(globus)
    area = upload.area_name

    rename_upload(upload=upload, actor=upload.owner, at=clock(), name=" Scan\n43 ", description="second try")

    assert (upload.name, upload.description, upload.area_name) == ("Scan 43", "second try", area)
    with pytest.raises(UploadNameError):
        rename_upload(upload=upload, actor=upload.owner, at=clock(), name=" ")


def test_renaming_is_for_who_may_decide_and_while_it_is_open(globus: InMemoryTransferService, clock: Clock) -> None:
    upload, editor = an_open_upload(globus), a_member()
    a_membership(upload.project, editor, Role.EDITOR)

    with pytest.raises(UploadRoleError):
        rename_upload(upload=upload, actor=editor, at=clock(), name="Mine")
    start_discarding(upload=upload, actor=upload.owner, at=clock())
    with pytest.raises(UploadTransitionError):
        rename_upload(upload=upload, actor=upload.owner, at=clock(), name="Too late")


def test_a_look_counts_what_has_arrived_and_when_it_changed(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = an_open_upload(globus)
    area = StagingAreas(backends().store).path_of(upload.area_name)
    (area / "a.bin").write_bytes(b"12345")
    look_into_areas(clock.advance(minutes=2))
    changed_at = clock()

    look_into_areas(clock.advance(minutes=2))

    upload.refresh_from_db()
    assert (upload.files_arrived, upload.bytes_arrived) == (1, 5)
    assert (upload.arrived_changed_at, upload.arrived_as_of) == (changed_at, clock())


def test_an_area_that_is_gone_is_said_on_the_upload_until_it_is_there_again(
    globus: InMemoryTransferService, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    upload = an_open_upload(globus)
    area, elsewhere = StagingAreas(backends().store).path_of(upload.area_name), backends().store.trash / "lost"
    area.rename(elsewhere)

    for _ in range(20):
        look_into_areas(clock.advance(seconds=10))
    assert "gone from the disk" in state_text(_fresh(upload))
    assert len([record for record in caplog.records if "gone from the disk" in record.getMessage()]) == 1
    elsewhere.rename(area)
    look_into_areas(clock.advance(minutes=2))

    assert "gone from the disk" not in state_text(_fresh(upload))
    assert _fresh(upload).arrived_as_of == clock()


def test_a_failed_upload_does_not_expire_before_the_day_that_its_problems_name(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    upload = _a_sealed_upload(globus, clock)
    clock.advance(days=40)  # the import had to wait for room
    _ends_without_a_revision(upload, clock, promised=clock() + timedelta(days=30))

    warn_and_expire(clock.advance(days=29))
    assert _fresh(upload).state == UploadState.FAILED
    warn_and_expire(clock.advance(days=2))

    assert _fresh(upload).state == UploadState.DISCARDING


def test_the_longer_a_look_takes_the_longer_until_the_next(globus: InMemoryTransferService, policies: Policies) -> None:
    upload = an_open_upload(globus)
    small = look_interval(upload, policies, watched=True)
    upload.look_seconds = 30

    assert small == policies.watched_interval
    assert look_interval(upload, policies, watched=True) == timedelta(seconds=300)


def _a_sealed_upload(globus: InMemoryTransferService, clock: Clock) -> Upload:
    upload = an_open_upload(globus)
    a_file_arrives(upload, "a")
    start_sealing(upload=upload, actor=upload.owner, at=clock())
    seal(clock())
    return _fresh(upload)


def _an_imported_upload(globus: InMemoryTransferService, clock: Clock, *, problems: int) -> Upload:
    upload = _a_sealed_upload(globus, clock)
    upload.transition_to(UploadState.IMPORTING, at=clock())
    upload.transition_to(UploadState.IMPORTED, at=clock(), imported_at=clock(), published_revision=1, problems=problems)
    return upload


def _ends_without_a_revision(upload: Upload, clock: Clock, *, promised: datetime) -> None:
    """A worker takes the upload, can import nothing more, and says until when what is left is kept."""
    lease = take(_fresh(upload), where={"state": UploadState.SEALED}, state=UploadState.IMPORTING)
    assert lease is not None
    revision = ask_revision(project=upload.project, kind=RevisionKind.IMPORT, by=None, at=clock(), upload_id=upload.pk)
    run = ImportRun.objects.create(upload_id=upload.pk, project_id=upload.project_id, revision=revision, number=1)
    ImportProblem.objects.create(run=run, path=b"a", code="entry.symlink", sentence="A link.", kept_until=promised)
    outcome = Outcome(revision=None, code="run.nothing", sentence="Nothing could be imported.", problems=1)
    end_import(_fresh(upload), lease, outcome, clock(), path="/")


def _fresh(upload: Upload) -> Upload:
    return Upload.objects.get(pk=upload.pk)


def test_what_stays_in_the_trash_is_told_once(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refused(_: StagingAreas, *, at: datetime) -> int:
        raise PermissionError(errno.EPERM, "Operation not permitted", f"/store/trash/{at:%H}.area")

    monkeypatch.setattr(StagingAreas, "empty_trash", refused)

    for _ in range(2):
        trash(clock())

    assert [record.levelname for record in caplog.records if ".area" in record.getMessage()] == ["WARNING"]
