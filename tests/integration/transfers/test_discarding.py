"""DELETE: rules gone, tasks cancelled, the area in the trash; refused where the project holds the files."""

from __future__ import annotations

import pytest

from builders import a_file_arrives, a_member, a_membership, an_open_upload
from fakes.globus import InMemoryTransferService
from moorage.audit.models import AuditRecord
from moorage.backends import Policies, backends
from moorage.globus.service import GlobusUnavailableError, IdentityId, TaskStatus
from moorage.jobs.sweeps.closing import discard, seal
from moorage.projects.models import Role
from moorage.storage.areas import StagingAreas
from moorage.transfers.discarding import continue_discarding, start_discarding
from moorage.transfers.models import Upload
from moorage.transfers.naming import area_path
from moorage.transfers.rules import UploadImportedError, UploadImportingError, UploadRoleError
from moorage.transfers.sealing import start_sealing
from moorage.transfers.states import UploadState
from moorage.transfers.wording import state_text

from .conftest import Clock

pytestmark = pytest.mark.django_db


class Killed(BaseException):
    """The process ends here."""


def test_delete_takes_rules_tasks_and_files_and_says_until_when_the_trash_keeps_them(
    globus: InMemoryTransferService, clock: Clock, policies: Policies
) -> None:
    upload = an_open_upload(globus)
    a_file_arrives(upload, "a.txt", b"abc")
    task = globus.add_task(_principal(upload), area_path(upload.area_name))

    start_discarding(upload=upload, actor=upload.owner, at=clock())
    assert upload.state == UploadState.DISCARDING
    discard(clock())

    upload.refresh_from_db()
    assert upload.state == UploadState.DISCARDED
    assert not globus.rules
    assert globus.fake_tasks[task].task.was_cancelled
    assert not StagingAreas(backends().store).exists(upload.area_name)
    [kept] = list(backends().store.trash.iterdir())
    assert (kept / "a.txt").read_bytes() == b"abc"
    assert upload.trash_until == clock() + policies.trash_kept
    assert f"{upload.trash_until:%-d %B %Y}" in state_text(upload)
    assert upload.owner.name in state_text(upload)


def test_the_trash_is_emptied_after_its_time_and_not_before(
    globus: InMemoryTransferService, clock: Clock, policies: Policies
) -> None:
    from moorage.jobs.sweeps.tidying import trash

    upload = an_open_upload(globus)
    a_file_arrives(upload, "a.txt")
    start_discarding(upload=upload, actor=upload.owner, at=clock())
    discard(clock())

    trash(clock.advance(days=29))
    assert list(backends().store.trash.iterdir())
    trash(clock.advance(days=2))

    assert not list(backends().store.trash.iterdir())


def test_delete_twice_is_harmless(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = an_open_upload(globus)
    start_discarding(upload=upload, actor=upload.owner, at=clock())

    start_discarding(upload=upload, actor=upload.owner, at=clock())
    discard(clock())
    upload.refresh_from_db()
    start_discarding(upload=upload, actor=upload.owner, at=clock())

    assert upload.state == UploadState.DISCARDED
    assert AuditRecord.objects.filter(object_id=str(upload.pk), act="upload.discarded").count() == 1


def test_another_editor_cannot_delete(globus: InMemoryTransferService, clock: Clock) -> None:
    upload, editor = an_open_upload(globus), a_member()
    a_membership(upload.project, editor, Role.EDITOR)

    with pytest.raises(UploadRoleError):
        start_discarding(upload=upload, actor=editor, at=clock())


@pytest.mark.parametrize("call", ["revoke_access", "list_access", "tasks_of", "cancel_task", "task"])
@pytest.mark.parametrize("after", [False, True], ids=["before its effect", "after its effect"])
@pytest.mark.parametrize("error", [GlobusUnavailableError("down"), Killed()], ids=["no answer", "killed"])
def test_a_discarding_goes_on_whatever_happens_at_any_call(
    globus: InMemoryTransferService, clock: Clock, call: str, after: bool, error: BaseException
) -> None:
    upload = an_open_upload(globus)
    a_file_arrives(upload, "a")
    globus.add_task(_principal(upload), area_path(upload.area_name))
    start_discarding(upload=upload, actor=upload.owner, at=clock())
    globus.fail_next(call, after=after, error=error)

    with pytest.raises(type(error)):
        continue_discarding(Upload.objects.get(pk=upload.pk), at=clock())
    discard(clock.advance(seconds=10))

    upload.refresh_from_db()
    assert upload.state == UploadState.DISCARDED
    assert not globus.rules
    assert len(list(backends().store.trash.iterdir())) == 1


def test_a_task_that_will_not_end_delays_the_discarding_by_a_minute(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    upload = an_open_upload(globus)
    task = globus.add_task(_principal(upload), area_path(upload.area_name))
    globus.cancel_takes_effect = False
    start_discarding(upload=upload, actor=upload.owner, at=clock())

    discard(clock())
    upload.refresh_from_db()
    assert upload.state == UploadState.DISCARDING
    discard(clock.advance(seconds=61))

    upload.refresh_from_db()
    assert upload.state == UploadState.DISCARDED
    assert globus.fake_tasks[task].task.status is TaskStatus.ACTIVE


def test_a_sealed_upload_can_be_deleted_before_its_import_begins(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = _a_sealed_upload(globus, clock)

    start_discarding(upload=upload, actor=upload.owner, at=clock())
    discard(clock())

    upload.refresh_from_db()
    assert upload.state == UploadState.DISCARDED
    assert not StagingAreas(backends().store).is_sealed(upload.pk)
    assert len(list(backends().store.trash.iterdir())) == 1


def test_delete_is_refused_while_the_import_runs(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = _a_sealed_upload(globus, clock)
    upload.transition_to(UploadState.IMPORTING, at=clock())

    with pytest.raises(UploadImportingError, match="Wait until the import has ended"):
        start_discarding(upload=upload, actor=upload.owner, at=clock())


def test_delete_of_what_the_project_holds_is_refused_and_names_undo(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    upload = _a_sealed_upload(globus, clock)
    upload.transition_to(UploadState.IMPORTING, at=clock())
    upload.transition_to(UploadState.IMPORTED, at=clock(), published_revision=1, problems=1)

    with pytest.raises(UploadImportedError, match="Undo this import"):
        start_discarding(upload=upload, actor=upload.owner, at=clock())
    upload.transition_to(UploadState.SEALED, at=clock())
    with pytest.raises(UploadImportedError):
        start_discarding(upload=upload, actor=upload.owner, at=clock())


def _a_sealed_upload(globus: InMemoryTransferService, clock: Clock) -> Upload:
    upload = an_open_upload(globus)
    a_file_arrives(upload, "a")
    start_sealing(upload=upload, actor=upload.owner, at=clock())
    seal(clock())
    upload.refresh_from_db()
    assert upload.state == UploadState.SEALED
    return upload


def _principal(upload: Upload) -> IdentityId:
    return IdentityId(str(upload.owner.globus_identities.get().identity_id))
