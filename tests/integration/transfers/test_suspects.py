"""Which transfers make the files of an upload doubtful, as members may see them: also those of another upload."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django.asserts import assertContains, assertNotContains

from builders import a_file_arrives, a_globus_member, a_member, a_membership, a_project, an_open_upload
from fakes.globus import InMemoryTransferService
from moorage.accounts.tokens import create_token
from moorage.backends import backends
from moorage.globus.service import IdentityId, TaskId, TaskStatus
from moorage.importer.asked.previews import ask_preview
from moorage.jobs.sweeps.closing import seal
from moorage.projects.models import Role
from moorage.transfers.models import Belonging, GlobusTask, Upload, UploadTask
from moorage.transfers.naming import area_path
from moorage.transfers.sealing import start_sealing
from moorage.transfers.suspects import suspects_of
from moorage.transfers.task_reading import read_all_tasks
from moorage.transfers.tasks import claim_task
from previewing import a_preview_is_made

from .conftest import Clock

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("fresh_cache")]


def a_task(globus: InMemoryTransferService, upload: Upload, clock: Clock, *, label: str = "night shift") -> TaskId:
    identity = IdentityId(str(upload.grants.get().identity_id))
    return globus.add_task(identity, area_path(upload.area_name), label=label, requested_at=clock())


def read(upload: Upload, clock: Clock) -> None:
    read_all_tasks(upload.collection_id, at=clock())


@pytest.fixture
def claimed_elsewhere(globus: InMemoryTransferService, clock: Clock) -> tuple[Upload, Upload]:
    """Two uploads of one member, in two projects; a transfer that she has claimed for the first was cancelled."""
    owner = a_globus_member(globus)
    first = an_open_upload(globus, project=a_project(owner), owner=owner, name="first")
    second = an_open_upload(globus, project=a_project(owner), owner=owner, name="second")
    task = a_task(globus, first, clock)
    read(first, clock)
    row = GlobusTask.objects.get()
    claim_task(upload=first, task_id=row.task_id, mine=True, actor=owner, at=clock())
    globus.finish_task(task, status=TaskStatus.FAILED, at=clock.advance(minutes=1))
    read(first, clock)
    assert {link.upload.name: link.belonging for link in UploadTask.objects.all()} == {
        "first": Belonging.CLAIMED,
        "second": Belonging.DENIED,
    }
    return first, second


def test_a_transfer_of_another_upload_is_named_with_it(claimed_elsewhere: tuple[Upload, Upload]) -> None:
    first, second = claimed_elsewhere

    [suspect] = suspects_of(second, viewer=second.owner).shown

    assert (suspect.label, suspect.how, suspect.upload, suspect.is_elsewhere) == ("night shift", "failed", first, True)
    assert suspect.ended_at is not None
    assert suspects_of(first, viewer=first.owner).shown[0].upload is None, "it is its own"


def test_who_does_not_see_that_upload_is_told_when_the_transfer_ran_and_no_more(
    claimed_elsewhere: tuple[Upload, Upload],
) -> None:
    _, second = claimed_elsewhere
    editor = a_member()
    a_membership(second.project, editor, Role.EDITOR)

    [suspect] = suspects_of(second, viewer=editor).shown

    assert (suspect.label, suspect.upload, suspect.is_elsewhere) == ("", None, True)
    assert suspect.started_at < (suspect.ended_at or suspect.started_at)


def test_what_may_be_another_members_shows_no_label(globus: InMemoryTransferService, clock: Clock) -> None:
    ada, grace = a_globus_member(globus), a_globus_member(globus)
    hers = an_open_upload(globus, project=a_project(ada), owner=ada)
    other = an_open_upload(globus, project=a_project(grace), owner=grace)
    other.grants.update(identity_id=hers.grants.get().identity_id)
    task = a_task(globus, other, clock, label="secret")
    read(hers, clock)
    globus.finish_task(task, status=TaskStatus.FAILED, at=clock.advance(minutes=1))
    read(hers, clock)

    assert [one.label for one in suspects_of(hers, viewer=ada).shown] == [""]


def test_a_transfer_says_how_it_stands(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = an_open_upload(globus)
    a_file_arrives(upload, "half")
    a_task(globus, upload, clock)
    read(upload, clock)

    def how() -> list[str]:
        return [one.how for one in suspects_of(upload, viewer=upload.owner).shown]

    assert how() == ["running"]
    start_sealing(upload=upload, actor=upload.owner, at=clock())
    seal(clock())
    assert how() == ["cancelled"]
    GlobusTask.objects.update(status=TaskStatus.SUCCEEDED)
    UploadTask.objects.update(was_active_at_seal=True)
    assert how() == ["late"], "it ended well after the upload was closed"
    UploadTask.objects.update(was_active_at_seal=False)
    assert how() == []


def test_of_many_the_newest_are_shown(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = an_open_upload(globus)
    for _ in range(23):
        task = a_task(globus, upload, clock)
        globus.finish_task(task, status=TaskStatus.FAILED, at=clock.advance(minutes=1))
    read(upload, clock)

    found = suspects_of(upload, viewer=upload.owner)

    assert (len(found.shown), found.more) == (20, 3)
    assert found.shown[0].started_at > found.shown[19].started_at


def test_the_preview_and_the_document_of_an_upload_name_them(claimed_elsewhere: tuple[Upload, Upload]) -> None:
    first, second = claimed_elsewhere
    a_file_arrives(second, "put directly")
    client, (_, token) = Client(), create_token(second.owner, "test", at=backends().clock())
    client.force_login(second.owner)
    route, headers = f"/api/v1/uploads/{second.pk}", {"Authorization": f"Bearer {token}"}
    client.get(f"/uploads/{second.pk}/done/")
    a_preview_is_made(second, {"new": (1, 3)})
    assertNotContains(client.get(f"/uploads/{second.pk}/done/"), "night shift")
    assert Client(headers=headers).get(route).json()["suspects"] == []
    ask_preview(upload_id=second.pk, project_id=second.project_id, by=second.owner, at=backends().clock())
    a_preview_is_made(second, {"doubtful": (1, 3)})

    page = client.get(f"/uploads/{second.pk}/done/")
    [told] = Client(headers=headers).get(route).json()["suspects"]

    assertContains(page, "night shift")
    assertContains(page, f'of the upload <a href="/uploads/{first.pk}/">')
    assert (told["label"], told["state"], told["upload"]) == ("night shift", "failed", str(first.pk))
