"""Two uploads that one Globus account can write to: nobody reaches another's transfer, and no half file gets in."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest

from builders import a_file_arrives, a_globus_member, a_linked_identity, a_member, a_project, an_open_upload
from fakes.globus import InMemoryTransferService
from moorage.accounts.identities import confirm_identity, verify_identity
from moorage.accounts.models import GlobusIdentity, Member
from moorage.globus.service import IdentityId, TaskId, TaskStatus
from moorage.jobs.sweeps.closing import discard, seal
from moorage.jobs.sweeps.tasks import read_tasks
from moorage.transfers.discarding import start_discarding
from moorage.transfers.doubt import suspicions
from moorage.transfers.models import Belonging, GlobusTask, Upload, UploadTask
from moorage.transfers.naming import area_path
from moorage.transfers.sealing import start_sealing
from moorage.transfers.task_reading import read_all_tasks
from moorage.transfers.tasks import TaskBelongsElsewhereError, TaskIsSharedError, claim_task, sorted_tasks
from moorage.transfers.wishing import failed_tasks_to_tell, wish_quiet

from .conftest import Clock

pytestmark = pytest.mark.django_db

WAYS = ["linked", "typed"]


@pytest.fixture(params=WAYS)
def bait_and_real(
    request: pytest.FixtureRequest, globus: InMemoryTransferService, clock: Clock
) -> tuple[Upload, Upload]:
    """Grace's upload and Ada's, whose rules are one Globus account's: of two linked identities, or of the same one."""
    identity = globus.add_identity("ada@uni.example")
    grace, ada = a_member("Grace"), a_member("Ada")
    if request.param == "linked":
        a_linked_identity(ada, identity)
        other = globus.add_identity("ada@orcid.example")
        globus.link(identity.id, other.id)
        _name(grace, other.id, "ada@orcid.example")
    else:
        for member in (ada, grace):
            _name(member, identity.id, "ada@uni.example")
    bait = an_open_upload(globus, owner=grace, project=a_project(grace), name="bait")
    a_file_arrives(bait, "bait")
    return bait, an_open_upload(globus, owner=ada, project=a_project(ada), name="real")


def test_another_members_transfer_shows_no_label_and_cannot_be_claimed(
    globus: InMemoryTransferService, clock: Clock, bait_and_real: tuple[Upload, Upload]
) -> None:
    bait, real = bait_and_real
    task = _transfer(globus, real, clock)
    _read(real, clock)

    shown = sorted_tasks(bait)
    assert ([one.label for one in shown.perhaps], shown.running, shown.may_be_anothers) == ([""], [], True)
    with pytest.raises(TaskIsSharedError):
        claim_task(upload=bait, task_id=UUID(task), mine=True, actor=bait.owner, at=clock())
    assert UploadTask.objects.get(upload=real).belonging == Belonging.PERHAPS
    claim_task(upload=bait, task_id=UUID(task), mine=False, actor=bait.owner, at=clock())
    assert UploadTask.objects.get(upload=real).belonging == Belonging.PERHAPS, "another member's answer says nothing"
    assert GlobusTask.objects.get().label == "secret"


def test_a_transfer_that_no_sweep_has_seen_cannot_be_claimed_either(
    globus: InMemoryTransferService, clock: Clock, bait_and_real: tuple[Upload, Upload]
) -> None:
    bait, real = bait_and_real
    new = _transfer(globus, real, clock)
    older = globus.add_task(
        IdentityId(str(real.grants.get().identity_id)),
        area_path(real.area_name),
        requested_at=clock() - timedelta(minutes=5),
    )

    for task in (new, older):
        with pytest.raises(TaskIsSharedError):
            claim_task(upload=bait, task_id=UUID(task), mine=True, actor=bait.owner, at=clock())
    assert not UploadTask.objects.filter(belonging=Belonging.CLAIMED).exists()


@pytest.mark.parametrize("seen", [True, False])
@pytest.mark.parametrize("end", [start_sealing, start_discarding])
def test_neither_import_now_nor_delete_of_another_upload_cancels_it(
    globus: InMemoryTransferService,
    clock: Clock,
    bait_and_real: tuple[Upload, Upload],
    end: Callable[..., None],
    seen: bool,
) -> None:
    bait, real = bait_and_real
    task = _transfer(globus, real, clock)
    if seen:
        _read(real, clock)

    end(upload=bait, actor=bait.owner, at=clock())
    for minutes in (0, 1, 11):
        clock.advance(minutes=minutes)
        seal(clock())
        discard(clock())

    assert _fresh(bait).state in {"sealed", "discarded"}
    assert "cancel_task" not in globus.calls
    assert not globus.fake_tasks[task].task.status.is_final


def test_what_a_transfer_that_may_be_anothers_left_half_is_doubtful(
    globus: InMemoryTransferService, clock: Clock, bait_and_real: tuple[Upload, Upload]
) -> None:
    _bait, real = bait_and_real
    _transfer(globus, real, clock)
    a_file_arrives(real, "half.bin")

    start_sealing(upload=real, actor=real.owner, at=clock())
    seal(clock())
    assert "cancel_task" not in globus.calls, "nobody but Globus knows whose it is"
    seal(clock.advance(minutes=11))

    assert _fresh(real).state == "sealed"
    assert _is_doubtful(real, "half.bin")


def test_the_path_settles_whose_it_is_and_then_it_is_cancelled(
    globus: InMemoryTransferService, clock: Clock, bait_and_real: tuple[Upload, Upload]
) -> None:
    globus.shows_paths = True
    bait, real = bait_and_real
    task = _transfer(globus, real, clock)
    a_file_arrives(real, "half.bin")
    _read(real, clock)
    assert [one.label for one in sorted_tasks(real).running] == ["secret"]
    assert not sorted_tasks(bait).perhaps
    with pytest.raises(TaskBelongsElsewhereError):
        claim_task(upload=bait, task_id=UUID(task), mine=True, actor=bait.owner, at=clock())

    start_sealing(upload=real, actor=real.owner, at=clock())
    seal(clock())

    assert globus.fake_tasks[task].task.was_cancelled


def test_a_sweep_that_reads_only_some_lists_looks_at_all_before_a_task_is_anybodys(
    globus: InMemoryTransferService, clock: Clock, bait_and_real: tuple[Upload, Upload]
) -> None:
    bait, real = bait_and_real
    clock.advance(hours=1)
    read_tasks(clock())
    _transfer(globus, real, clock)
    wish_quiet(upload=bait, actor=bait.owner, at=clock.advance(seconds=1))

    read_tasks(clock.advance(seconds=1))

    assert UploadTask.objects.get(upload=bait).belonging == Belonging.PERHAPS
    assert UploadTask.objects.get(upload=real).belonging == Belonging.PERHAPS


def test_the_mail_about_a_failed_transfer_does_not_tell_another_members_label(
    globus: InMemoryTransferService, clock: Clock, bait_and_real: tuple[Upload, Upload]
) -> None:
    bait, real = bait_and_real
    globus.finish_task(_transfer(globus, real, clock), status=TaskStatus.FAILED, at=clock())
    _read(real, clock)

    assert [link.task.label for link in failed_tasks_to_tell(bait)] == [""]


def test_an_identity_that_was_named_beside_its_owners_first_sign_in_gets_no_rule(
    globus: InMemoryTransferService,
) -> None:
    identity, other = globus.add_identity("ada@uni.example"), globus.add_identity("ada@orcid.example")
    grace, ada = a_member("Grace"), a_member("Ada")
    verify_identity(member=ada, identity=identity, linked=[identity.id, other.id], at=ada.created_at)
    # What a confirmation leaves behind that was checked before the sign-in was committed.
    for one in (identity, other):
        GlobusIdentity.objects.create(member=grace, identity_id=UUID(one.id), username=one.username)

    bait = an_open_upload(globus, owner=grace, project=a_project(grace))

    assert not bait.grants.exists()
    assert not globus.rules


# The member's own wrong answer


@pytest.mark.parametrize("read_before", [True, False])
def test_a_task_that_she_claims_for_the_wrong_upload_leaves_a_doubt_in_the_right_one(
    globus: InMemoryTransferService, clock: Clock, read_before: bool
) -> None:
    right, wrong = _two_of_one_member(globus)
    a_file_arrives(right, "half.bin")
    a_file_arrives(wrong, "a")
    task = _transfer(globus, right, clock)
    if read_before:
        _read(right, clock)

    claim_task(upload=wrong, task_id=UUID(task), mine=True, actor=wrong.owner, at=clock())
    start_sealing(upload=wrong, actor=wrong.owner, at=clock())
    seal(clock())
    assert globus.fake_tasks[task].task.was_cancelled
    start_sealing(upload=right, actor=right.owner, at=clock())
    seal(clock())

    assert _fresh(right).state == "sealed"
    assert _is_doubtful(right, "half.bin")


def test_a_no_to_a_task_that_still_writes_neither_cancels_nor_delays_and_leaves_a_doubt(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    upload = an_open_upload(globus)
    a_file_arrives(upload, "half.bin")
    task = _transfer(globus, upload, clock)
    claim_task(upload=upload, task_id=UUID(task), mine=False, actor=upload.owner, at=clock())

    start_sealing(upload=upload, actor=upload.owner, at=clock())
    seal(clock())

    assert _fresh(upload).state == "sealed"
    assert not globus.fake_tasks[task].task.status.is_final
    assert _is_doubtful(upload, "half.bin")


def _name(member: Member, identity: IdentityId, username: str) -> None:
    confirm_identity(member=member, username=username, identity_id=UUID(identity), at=member.created_at)


def _two_of_one_member(globus: InMemoryTransferService) -> tuple[Upload, Upload]:
    owner = a_globus_member(globus)
    project = a_project(owner)
    return an_open_upload(globus, project=project, owner=owner), an_open_upload(globus, project=project, owner=owner)


def _transfer(globus: InMemoryTransferService, upload: Upload, clock: Clock) -> TaskId:
    identity = IdentityId(str(upload.grants.get().identity_id))
    return globus.add_task(identity, area_path(upload.area_name), label="secret", requested_at=clock())


def _read(upload: Upload, clock: Clock) -> None:
    read_all_tasks(upload.collection_id, at=clock())


def _fresh(upload: Upload) -> Upload:
    return Upload.objects.get(pk=upload.pk)


def _is_doubtful(upload: Upload, path: str) -> bool:
    changed_at = int((upload.created_at + timedelta(seconds=1)).timestamp() * 1e9)
    return bool(suspicions(_fresh(upload)).doubtful({hashlib.sha256(path.encode()).digest(): changed_at}))
