""" "Import when transfers finish": ripe when nothing moves any more, taken back by hand or by a failed transfer."""

from __future__ import annotations

import pytest

from builders import a_file_arrives, a_globus_member, a_member, a_membership, a_project, an_open_upload
from fakes.globus import InMemoryTransferService
from moorage.backends import Policies
from moorage.globus.service import IdentityId, TaskId, TaskStatus
from moorage.jobs.sweeps.closing import seal
from moorage.jobs.sweeps.wishes import fulfil_wishes, look_at_wish
from moorage.notices.models import Notice
from moorage.projects.choices import ImportChoices
from moorage.projects.models import Role
from moorage.transfers.arrivals import look_at_area
from moorage.transfers.discarding import start_discarding
from moorage.transfers.models import SealWhen, Upload
from moorage.transfers.naming import area_path
from moorage.transfers.overview import overview
from moorage.transfers.rules import UploadRoleError
from moorage.transfers.sealing import begin_freeze
from moorage.transfers.states import UploadState, UploadTransitionError
from moorage.transfers.task_reading import read_all_tasks
from moorage.transfers.wishing import take_wish_back, wish_quiet
from moorage.transfers.wording import state_text

from .conftest import Clock

pytestmark = pytest.mark.django_db


def test_a_wish_leaves_the_upload_open_and_its_rule_in_place(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = _a_wished_upload(globus, clock)

    assert upload.state == UploadState.OPEN
    assert len(globus.rules) == 1
    assert overview(upload, viewer=upload.owner).waiting_for_quiet
    assert "imported by itself" in state_text(upload)


def test_a_wish_is_fulfilled_after_the_quiet_time_and_not_before(
    globus: InMemoryTransferService, clock: Clock, policies: Policies
) -> None:
    upload = _a_wished_upload(globus, clock)

    clock.now += policies.quiet_time / 2
    assert _after_looking(upload, clock) is UploadState.OPEN
    clock.now += policies.quiet_time / 2
    assert _after_looking(upload, clock) is UploadState.SEALING
    seal(clock())

    upload.refresh_from_db()
    assert upload.state == UploadState.SEALED
    assert upload.done_by == upload.owner


def test_a_file_that_still_grows_puts_the_import_off(
    globus: InMemoryTransferService, clock: Clock, policies: Policies
) -> None:
    upload = _a_wished_upload(globus, clock)
    clock.now += policies.quiet_time / 2
    a_file_arrives(upload, "a", b"longer than before")

    clock.now += policies.quiet_time / 2
    assert _after_looking(upload, clock) is UploadState.OPEN
    clock.now += policies.quiet_time / 2
    assert _after_looking(upload, clock) is UploadState.SEALING


def test_a_wish_waits_for_the_first_file(globus: InMemoryTransferService, clock: Clock, policies: Policies) -> None:
    upload = an_open_upload(globus)
    wish_quiet(upload=upload, actor=upload.owner, at=clock())

    clock.now += policies.quiet_time * 3
    _after_looking(upload, clock)
    clock.now += policies.quiet_time * 3

    assert _after_looking(upload, clock) is UploadState.OPEN


def test_a_wish_waits_for_a_running_transfer_and_for_one_that_only_may_be_the_uploads(
    globus: InMemoryTransferService, clock: Clock, policies: Policies
) -> None:
    owner = a_globus_member(globus)
    project = a_project(owner)
    upload = _a_wished_upload(globus, clock, an_open_upload(globus, project=project, owner=owner))
    other = an_open_upload(globus, project=project, owner=owner)
    task = globus.add_task(_principal(upload), area_path(other.area_name))

    clock.now += policies.quiet_time * 2
    assert _after_looking(upload, clock) is UploadState.OPEN
    globus.finish_task(task)

    assert _after_looking(upload, clock) is UploadState.SEALING


@pytest.mark.parametrize("was_cancelled", [False, True], ids=["failed", "cancelled"])
def test_a_transfer_that_fails_takes_the_wish_back_and_tells_the_member_once(
    globus: InMemoryTransferService, clock: Clock, policies: Policies, was_cancelled: bool
) -> None:
    upload = _a_wished_upload(globus, clock)
    task = _a_task(globus, upload)
    _after_looking(upload, clock)
    globus.finish_task(task, status=TaskStatus.FAILED, was_cancelled=was_cancelled)

    clock.now += policies.quiet_time * 2
    assert _after_looking(upload, clock) is UploadState.OPEN
    _after_looking(upload, clock)

    upload.refresh_from_db()
    assert upload.wish_at is None
    assert "taken back" in state_text(upload)
    [notice] = Notice.objects.filter(member=upload.owner)
    assert notice.kind == "upload.transfer_failed"
    assert upload.name in notice.subject


def test_what_had_failed_before_the_wish_does_not_take_it_back(
    globus: InMemoryTransferService, clock: Clock, policies: Policies
) -> None:
    upload = an_open_upload(globus)
    a_file_arrives(upload, "a")
    globus.finish_task(_a_task(globus, upload), status=TaskStatus.FAILED)
    read_all_tasks(upload.collection_id, at=clock())
    wish_quiet(upload=upload, actor=upload.owner, at=clock())

    clock.now += policies.quiet_time

    assert _after_looking(upload, clock) is UploadState.SEALING


def test_a_wish_can_be_taken_back_and_made_again(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = _a_wished_upload(globus, clock)

    take_wish_back(upload=upload, actor=upload.owner, at=clock())
    assert upload.wish_at is None
    take_wish_back(upload=upload, actor=upload.owner, at=clock())
    wish_quiet(upload=upload, actor=upload.owner, at=clock())

    assert upload.wish_at == clock()


def test_owners_may_take_a_wish_back_and_other_editors_may_not(globus: InMemoryTransferService, clock: Clock) -> None:
    owner, uploader, editor = a_member(), a_globus_member(globus), a_member()
    project = a_project(owner)
    for member in (uploader, editor):
        a_membership(project, member, Role.EDITOR)
    upload = _a_wished_upload(globus, clock, an_open_upload(globus, project=project, owner=uploader))

    with pytest.raises(UploadRoleError):
        take_wish_back(upload=upload, actor=editor, at=clock())
    take_wish_back(upload=upload, actor=owner, at=clock())

    assert upload.wish_at is None


def test_when_the_freeze_has_begun_it_is_too_late_to_take_the_wish_back(
    globus: InMemoryTransferService, clock: Clock, policies: Policies
) -> None:
    upload = _a_wished_upload(globus, clock)
    clock.now += policies.quiet_time
    assert _after_looking(upload, clock) is UploadState.SEALING

    with pytest.raises(UploadTransitionError):
        take_wish_back(upload=upload, actor=upload.owner, at=clock())


def test_a_wish_that_is_taken_back_while_a_sweep_looks_at_it_is_not_fulfilled(
    globus: InMemoryTransferService, clock: Clock, policies: Policies
) -> None:
    upload = _a_ripe_wish(globus, clock, policies)
    as_the_sweep_read_it = Upload.objects.get(pk=upload.pk)

    take_wish_back(upload=upload, actor=upload.owner, at=clock())
    with pytest.raises(UploadTransitionError):
        begin_freeze(as_the_sweep_read_it, when=SealWhen.QUIET, by=upload.owner, at=clock(), choices=ImportChoices())

    upload.refresh_from_db()
    assert upload.state == UploadState.OPEN
    assert len(globus.rules) == 1


def test_a_wish_that_is_taken_back_while_a_sweep_looks_at_others_is_not_fulfilled(
    globus: InMemoryTransferService, clock: Clock, policies: Policies
) -> None:
    wished = [_a_ripe_wish(globus, clock, policies) for _ in range(2)]
    for upload in wished:  # quiet for as long as the first
        _look(upload, clock)
    rows = _rows_read_at_once(wished)

    take_wish_back(upload=wished[1], actor=wished[1].owner, at=clock())
    for row in rows:
        look_at_wish(row, at=clock())

    states = [Upload.objects.get(pk=upload.pk).state for upload in wished]
    assert states == [UploadState.SEALING, UploadState.OPEN]


def test_a_wish_that_another_member_made_anew_is_hers(
    globus: InMemoryTransferService, clock: Clock, policies: Policies
) -> None:
    upload, owner = _a_ripe_wish(globus, clock, policies), a_member()
    a_membership(upload.project, owner, Role.OWNER)
    [as_the_sweep_read_it] = _rows_read_at_once([upload])

    take_wish_back(upload=upload, actor=upload.owner, at=clock())
    wish_quiet(upload=upload, actor=owner, at=clock.advance(seconds=1))
    look_at_wish(as_the_sweep_read_it, at=clock())

    upload.refresh_from_db()
    assert (upload.state, upload.wish_by) == (UploadState.OPEN, owner), "tasks have not been read since her wish"


def test_a_deleted_upload_takes_no_wish(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = an_open_upload(globus)
    start_discarding(upload=upload, actor=upload.owner, at=clock())

    with pytest.raises(UploadTransitionError):
        wish_quiet(upload=upload, actor=upload.owner, at=clock())


def test_a_wish_that_is_made_again_with_other_choices_counts_with_those(
    globus: InMemoryTransferService, clock: Clock, policies: Policies
) -> None:
    upload = _a_wished_upload(globus, clock)
    wished_at = upload.wish_at
    wish_quiet(upload=upload, actor=upload.owner, at=clock.advance(seconds=5), choices=ImportChoices(target="raw"))

    upload.refresh_from_db()
    assert (upload.wish_at, upload.import_choices) == (wished_at, ImportChoices(target="raw"))
    clock.now += policies.quiet_time
    assert _after_looking(upload, clock) is UploadState.SEALING
    assert upload.import_choices == ImportChoices(target="raw")


def _a_wished_upload(globus: InMemoryTransferService, clock: Clock, upload: Upload | None = None) -> Upload:
    upload = upload or an_open_upload(globus)
    a_file_arrives(upload, "a")
    wish_quiet(upload=upload, actor=upload.owner, at=clock())
    return upload


def _a_ripe_wish(globus: InMemoryTransferService, clock: Clock, policies: Policies) -> Upload:
    upload = _a_wished_upload(globus, clock)
    clock.now += policies.quiet_time
    _look(upload, clock)
    upload.refresh_from_db()
    return upload


def _rows_read_at_once(uploads: list[Upload]) -> list[Upload]:
    """The uploads as a sweep reads them before it looks at the first."""
    by_id = {row.pk: row for row in Upload.objects.select_related("project", "owner", "wish_by")}
    return [by_id[upload.pk] for upload in uploads]


def _look(upload: Upload, clock: Clock) -> None:
    look_at_area(Upload.objects.get(pk=upload.pk), at=clock())
    read_all_tasks(upload.collection_id, at=clock())


def _after_looking(upload: Upload, clock: Clock) -> UploadState:
    """What the sweeps make of the upload now."""
    _look(upload, clock)
    fulfil_wishes(clock())
    upload.refresh_from_db()
    return upload.current_state


def _a_task(globus: InMemoryTransferService, upload: Upload) -> TaskId:
    return globus.add_task(_principal(upload), area_path(upload.area_name))


def _principal(upload: Upload) -> IdentityId:
    return IdentityId(str(upload.owner.globus_identities.get().identity_id))
