"""DONE and the freeze: from OPEN to SEALED, whatever happens in between."""

from __future__ import annotations

import threading

import pytest

from builders import a_file_arrives, a_globus_member, a_member, a_membership, a_project, an_open_upload
from fakes.globus import InMemoryTransferService
from moorage.audit.models import AuditRecord
from moorage.backends import Policies, backends
from moorage.globus.failures import GlobusRefusedError
from moorage.globus.service import GlobusUnavailableError, IdentityId, TaskStatus
from moorage.jobs.sweeps.closing import discard, seal
from moorage.jobs.sweeps.wishes import fulfil_wishes
from moorage.projects.choices import ImportChoices
from moorage.projects.models import Role
from moorage.storage.areas import StagingAreas
from moorage.transfers.discarding import start_discarding
from moorage.transfers.freezing import continue_sealing
from moorage.transfers.models import GlobusTask, Upload, UploadTask
from moorage.transfers.naming import area_path
from moorage.transfers.overview import overview
from moorage.transfers.rules import EmptyUploadError, UploadNotFoundError, UploadRoleError
from moorage.transfers.sealing import start_sealing
from moorage.transfers.states import UploadState, UploadTransitionError
from moorage.transfers.task_reading import read_all_tasks
from moorage.transfers.wording import state_text

from .conftest import Clock

pytestmark = pytest.mark.django_db


def test_done_ends_with_a_sealed_area_out_of_reach_and_no_rule(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = an_open_upload(globus)
    a_file_arrives(upload, "run/data.bin", b"abc")

    start_sealing(upload=upload, actor=upload.owner, at=clock())
    assert upload.state == UploadState.SEALING
    assert continue_sealing(upload, at=clock())

    upload.refresh_from_db()
    assert upload.state == UploadState.SEALED
    assert not globus.rules
    assert not StagingAreas(backends().store).exists(upload.area_name)
    assert (StagingAreas(backends().store).sealed_path(upload.pk) / "run/data.bin").read_bytes() == b"abc"


def test_done_on_nothing_is_refused_with_the_running_tasks_and_the_upload_stays_open(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    upload = an_open_upload(globus)
    task = globus.add_task(_principal(upload), area_path(upload.area_name))
    read_all_tasks(upload.collection_id, at=clock())

    with pytest.raises(EmptyUploadError) as refused:
        start_sealing(upload=upload, actor=upload.owner, at=clock())

    assert refused.value.tasks == [task]
    upload.refresh_from_db()
    assert upload.state == UploadState.OPEN
    assert len(globus.rules) == 1


def test_done_sees_files_that_no_sweep_has_looked_at_yet(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = an_open_upload(globus)
    (backends().store.collection / upload.area_name / "late.txt").write_bytes(b"x")

    start_sealing(upload=upload, actor=upload.owner, at=clock())

    assert upload.state == UploadState.SEALING


def test_empty_folders_alone_can_be_imported(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = an_open_upload(globus)
    (backends().store.collection / upload.area_name / "empty").mkdir()

    start_sealing(upload=upload, actor=upload.owner, at=clock())

    assert upload.state == UploadState.SEALING


def test_done_twice_is_harmless_in_every_later_state(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = an_open_upload(globus)
    a_file_arrives(upload, "a")
    start_sealing(upload=upload, actor=upload.owner, at=clock())
    stale = Upload.objects.get(pk=upload.pk)
    stale.state = UploadState.OPEN.value  # a page that was loaded before

    start_sealing(upload=stale, actor=upload.owner, at=clock())
    start_sealing(upload=upload, actor=upload.owner, at=clock())
    seal(clock())
    upload.refresh_from_db()
    start_sealing(upload=upload, actor=upload.owner, at=clock())

    assert upload.state == UploadState.SEALED
    assert AuditRecord.objects.filter(object_id=str(upload.pk), act="upload.done").count() == 1


def test_other_editors_see_and_do_not_decide_owners_do(globus: InMemoryTransferService, clock: Clock) -> None:
    owner, uploader, editor = a_member(), a_globus_member(globus), a_member()
    project = a_project(owner)
    a_membership(project, uploader, Role.EDITOR)
    a_membership(project, editor, Role.EDITOR)
    upload = an_open_upload(globus, project=project, owner=uploader)
    a_file_arrives(upload, "a")

    with pytest.raises(UploadRoleError):
        start_sealing(upload=upload, actor=editor, at=clock())
    with pytest.raises(UploadNotFoundError):
        start_sealing(upload=upload, actor=a_member(), at=clock())
    start_sealing(upload=upload, actor=owner, at=clock())

    assert upload.done_by == owner


# A crash, or a lost reply, anywhere between two calls to the outside


@pytest.mark.parametrize("call", ["revoke_access", "list_access", "tasks_of", "cancel_task", "task", "delivered_files"])
@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
def test_a_freeze_goes_on_after_a_failure_of_any_call(
    globus: InMemoryTransferService, clock: Clock, call: str, after: bool
) -> None:
    upload = an_open_upload(globus)
    a_file_arrives(upload, "a")
    globus.add_task(_principal(upload), area_path(upload.area_name))
    start_sealing(upload=upload, actor=upload.owner, at=clock())
    globus.fail_next(call, after=after)

    with pytest.raises(GlobusUnavailableError):
        continue_sealing(Upload.objects.get(pk=upload.pk), at=clock())
    upload.refresh_from_db()
    assert upload.state == UploadState.SEALING
    assert "Globus does not answer" in state_text(upload)
    seal(clock.advance(seconds=10))

    upload.refresh_from_db()
    assert upload.state == UploadState.SEALED
    assert not globus.rules
    assert globus.fake_tasks[next(iter(globus.fake_tasks))].task.status is TaskStatus.FAILED
    assert upload.reason_text == ""


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize("call", ["revoke_access", "list_access", "tasks_of", "cancel_task", "task", "delivered_files"])
@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
def test_a_freeze_goes_on_after_its_process_was_killed_at_any_call(
    globus: InMemoryTransferService, clock: Clock, call: str, after: bool
) -> None:
    upload = an_open_upload(globus)
    a_file_arrives(upload, "a")
    globus.add_task(_principal(upload), area_path(upload.area_name))
    start_sealing(upload=upload, actor=upload.owner, at=clock())
    globus.fail_next(call, after=after, error=Killed())

    with pytest.raises(Killed):
        continue_sealing(Upload.objects.get(pk=upload.pk), at=clock())
    seal(clock.advance(seconds=10))

    upload.refresh_from_db()
    assert upload.state == UploadState.SEALED
    assert not globus.rules


def test_a_freeze_goes_on_after_a_crash_between_the_rename_and_the_state(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    upload = an_open_upload(globus)
    a_file_arrives(upload, "a")
    start_sealing(upload=upload, actor=upload.owner, at=clock())
    StagingAreas(backends().store).seal(upload.area_name, upload.pk)

    seal(clock())

    upload.refresh_from_db()
    assert upload.state == UploadState.SEALED


def test_a_rule_that_no_row_knows_is_taken_away_before_the_seal(globus: InMemoryTransferService, clock: Clock) -> None:
    from moorage.globus.service import Permissions

    upload = an_open_upload(globus)
    a_file_arrives(upload, "a")
    stranger = globus.add_identity("stranger@example.org")
    globus.grant_access(
        area_path(upload.area_name),
        identity=stranger.id,
        permissions=Permissions.READ_WRITE,
        expires_at=clock.now,
    )

    start_sealing(upload=upload, actor=upload.owner, at=clock())
    seal(clock())

    upload.refresh_from_db()
    assert upload.state == UploadState.SEALED
    assert not globus.rules


# Import now, in the middle of a transfer


def test_now_cancels_the_uploads_own_task_and_awaits_its_end(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = an_open_upload(globus)
    a_file_arrives(upload, "half.bin")
    task = globus.add_task(_principal(upload), area_path(upload.area_name))
    globus.cancel_takes_effect = False

    start_sealing(upload=upload, actor=upload.owner, at=clock())
    seal(clock())
    upload.refresh_from_db()
    assert upload.state == UploadState.SEALING
    assert "1 transfer that was asked to stop" in state_text(upload)
    globus.finish_task(task, status=TaskStatus.FAILED, was_cancelled=True)
    seal(clock.advance(seconds=1))

    upload.refresh_from_db()
    assert upload.state == UploadState.SEALED
    row = GlobusTask.objects.get(task_id=task)
    assert row.was_cancelled
    assert row.outcome_fetched_at is not None


def test_a_cancelling_without_effect_is_asked_for_again(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = an_open_upload(globus)
    a_file_arrives(upload, "half.bin")
    globus.add_task(_principal(upload), area_path(upload.area_name))
    globus.cancel_takes_effect = False
    start_sealing(upload=upload, actor=upload.owner, at=clock())

    seal(clock())
    seal(clock.advance(seconds=2))
    assert globus.calls.count("cancel_task") == 1
    seal(clock.advance(seconds=10))

    assert globus.calls.count("cancel_task") == 2


def test_a_task_that_only_may_be_the_uploads_delays_the_freeze_by_ten_minutes_and_is_not_cancelled(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    owner = a_globus_member(globus)
    project = a_project(owner)
    upload = an_open_upload(globus, project=project, owner=owner, name="one")
    an_open_upload(globus, project=project, owner=owner, name="two")
    a_file_arrives(upload, "a")
    task = globus.add_task(_principal(upload), area_path("somewhere-unknown"))

    start_sealing(upload=upload, actor=owner, at=clock())
    seal(clock())
    upload.refresh_from_db()
    assert upload.state == UploadState.SEALING
    assert "may or may not belong" in state_text(upload)
    seal(clock.advance(minutes=9))
    upload.refresh_from_db()
    assert upload.state == UploadState.SEALING
    seal(clock.advance(minutes=2))

    upload.refresh_from_db()
    assert upload.state == UploadState.SEALED
    assert globus.fake_tasks[task].task.status is TaskStatus.ACTIVE
    assert UploadTask.objects.get(upload=upload, task__task_id=task).was_active_at_seal


@pytest.mark.parametrize("call", ["revoke_access", "list_access", "tasks_of"])
def test_a_freeze_that_globus_refuses_says_so_and_goes_on_when_that_is_mended(
    globus: InMemoryTransferService, clock: Clock, call: str
) -> None:
    upload = an_open_upload(globus)
    a_file_arrives(upload, "a")
    start_sealing(upload=upload, actor=upload.owner, at=clock())
    refusal = GlobusRefusedError("Globus refused this (403). Ask the operator to run `moorage-server check`.")
    globus.fail_next(call, times=3, error=refusal)

    for _ in range(3):
        seal(clock.advance(minutes=1))
        assert "Ask the operator" in state_text(Upload.objects.get(pk=upload.pk))
    assert "Ask the operator" in overview(upload, viewer=upload.owner).globus_trouble
    seal(clock.advance(minutes=1))

    upload.refresh_from_db()
    assert upload.state == UploadState.SEALED
    assert upload.reason_text == ""


def test_a_freeze_that_fails_again_and_again_is_logged_once_and_tried_ever_less_often(
    globus: InMemoryTransferService, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    upload = an_open_upload(globus)
    a_file_arrives(upload, "a")
    start_sealing(upload=upload, actor=upload.owner, at=clock())
    StagingAreas(backends().store).path_of(upload.area_name).rename(backends().store.trash / "lost")

    for _ in range(120):
        seal(clock.advance(seconds=1))

    assert len([record for record in caplog.records if "is gone from the disk" in record.getMessage()]) == 1
    assert globus.calls.count("tasks_of") == 1, "each step once"
    assert "is gone from the disk" in state_text(Upload.objects.get(pk=upload.pk))
    (backends().store.trash / "lost").rename(StagingAreas(backends().store).path_of(upload.area_name))
    seal(clock.advance(minutes=1))
    assert Upload.objects.get(pk=upload.pk).state == UploadState.SEALED


# When transfers finish


def test_a_transfer_that_slips_into_the_freeze_gets_its_rule_back_and_the_upload_is_open_again(
    globus: InMemoryTransferService, clock: Clock, policies: Policies
) -> None:
    from moorage.transfers.reconciling import reconcile_grants

    upload = _a_ripe_wish(globus, clock, policies)
    fulfil_wishes(clock())
    upload.refresh_from_db()
    assert upload.state == UploadState.SEALING
    task = globus.add_task(_principal(upload), area_path(upload.area_name))
    seal(clock.advance(seconds=1))

    upload.refresh_from_db()
    assert upload.state == UploadState.OPEN
    assert upload.wish_at is not None
    reconcile_grants(at=clock())
    assert len(globus.rules) == 1
    assert globus.fake_tasks[task].task.status is TaskStatus.ACTIVE
    assert fulfil_wishes(clock.advance(seconds=1)) is not None
    upload.refresh_from_db()
    assert upload.state == UploadState.OPEN, "it waits for the transfer"


def test_import_now_pressed_during_a_quiet_freeze_is_not_opened_again(
    globus: InMemoryTransferService, clock: Clock, policies: Policies
) -> None:
    upload = _a_ripe_wish(globus, clock, policies)
    fulfil_wishes(clock())
    upload.refresh_from_db()
    globus.add_task(_principal(upload), area_path(upload.area_name))

    start_sealing(upload=upload, actor=upload.owner, at=clock())
    seal(clock.advance(seconds=1))

    upload.refresh_from_db()
    assert upload.state == UploadState.SEALED


def test_import_now_pressed_while_a_quiet_freeze_opens_again_begins_one_that_does_not(
    globus: InMemoryTransferService, clock: Clock, policies: Policies
) -> None:
    upload = _a_ripe_wish(globus, clock, policies)
    fulfil_wishes(clock())
    as_the_page_read_it = Upload.objects.get(pk=upload.pk)
    globus.add_task(_principal(upload), area_path(upload.area_name))
    seal(clock.advance(seconds=1))
    assert Upload.objects.get(pk=upload.pk).state == UploadState.OPEN

    start_sealing(
        upload=as_the_page_read_it, actor=upload.owner, at=clock(), choices=ImportChoices(include=("doubtful",))
    )
    seal(clock.advance(seconds=1))

    upload.refresh_from_db()
    assert upload.state == UploadState.SEALED
    assert upload.import_choices.include_doubtful


def test_import_now_pressed_while_a_sweep_begins_a_quiet_freeze_is_not_opened_again(
    globus: InMemoryTransferService, clock: Clock, policies: Policies
) -> None:
    upload = _a_ripe_wish(globus, clock, policies)
    as_the_page_read_it = Upload.objects.get(pk=upload.pk)
    fulfil_wishes(clock())
    globus.add_task(_principal(upload), area_path(upload.area_name))

    start_sealing(
        upload=as_the_page_read_it, actor=upload.owner, at=clock(), choices=ImportChoices(include=("doubtful",))
    )
    seal(clock.advance(seconds=1))

    upload.refresh_from_db()
    assert upload.state == UploadState.SEALED
    assert upload.import_choices.include_doubtful, "what she said with “Import now” counts"


# DONE and DELETE at once


@pytest.mark.django_db(transaction=True)
def test_of_done_and_delete_pressed_at_once_exactly_one_wins_and_the_upload_ends(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    for _ in range(3):
        upload = an_open_upload(globus)
        a_file_arrives(upload, "a")
        outcomes = _at_once(
            lambda: start_sealing(upload=Upload.objects.get(pk=upload.pk), actor=upload.owner, at=clock()),  # noqa: B023
            lambda: start_discarding(upload=Upload.objects.get(pk=upload.pk), actor=upload.owner, at=clock()),  # noqa: B023
        )

        assert [type(one) for one in outcomes if one is not None] in ([], [UploadTransitionError])
        for _ in range(3):
            seal(clock.advance(seconds=1))
            discard(clock())
        upload.refresh_from_db()
        assert upload.state in {UploadState.SEALED, UploadState.DISCARDED}
        assert not globus.rules


@pytest.mark.django_db(transaction=True)
def test_two_workers_that_take_the_same_freeze_on_end_with_one_seal(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    upload = an_open_upload(globus)
    a_file_arrives(upload, "a")
    globus.add_task(_principal(upload), area_path(upload.area_name))
    start_sealing(upload=upload, actor=upload.owner, at=clock())

    outcomes = _at_once(lambda: seal(clock()), lambda: seal(clock()))

    assert outcomes == [None, None]
    seal(clock.advance(seconds=1))
    upload.refresh_from_db()
    assert upload.state == UploadState.SEALED
    assert AuditRecord.objects.filter(object_id=str(upload.pk), act="upload.sealed").count() == 1


def _at_once(*acts: object) -> list[BaseException | None]:
    from django.db import connections

    start = threading.Barrier(len(acts))
    outcomes: list[BaseException | None] = [None] * len(acts)

    def run(number: int) -> None:
        try:
            start.wait()
            acts[number]()  # type: ignore[operator]
        except BaseException as error:
            outcomes[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


def _a_ripe_wish(globus: InMemoryTransferService, clock: Clock, policies: Policies) -> Upload:
    from moorage.transfers.arrivals import look_at_area
    from moorage.transfers.wishing import wish_quiet

    upload = an_open_upload(globus)
    a_file_arrives(upload, "a")
    wish_quiet(upload=upload, actor=upload.owner, at=clock())
    clock.now += policies.quiet_time
    look_at_area(upload, at=clock())
    read_all_tasks(upload.collection_id, at=clock())
    return upload


def _principal(upload: Upload) -> IdentityId:
    return IdentityId(str(upload.owner.globus_identities.get().identity_id))
