"""Undo this import on its pages: what it would do is told first, and the button is for those who may press it."""

from __future__ import annotations

import pytest
from django.test import Client
from pytest_django.asserts import assertContains, assertNotContains, assertRedirects

from builders import NOON, a_member, a_membership, an_open_upload, an_undo_is_carried_out, publish_files, read_whole
from fakes.globus import InMemoryTransferService
from moorage.accounts.models import Member
from moorage.files import undo_outlook, undoing
from moorage.files.models import Revision, RevisionKind
from moorage.importer.models import ImportRun
from moorage.projects.models import Role
from moorage.transfers.models import Upload
from moorage.transfers.states import UploadState

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("globus", "fresh_cache")]


@pytest.fixture
def upload(globus: InMemoryTransferService) -> Upload:
    """An upload that has been imported as revision 2, over what the project held before."""
    opened = an_open_upload(globus)
    publish_files(opened.project, {"changes": b"old"})
    number = publish_files(opened.project, {"changes": b"new", "a": b"a", "b": b"b"}, upload_id=opened.pk)
    ImportRun.objects.create(
        upload=opened,
        project=opened.project,
        revision=Revision.objects.get(project=opened.project, number=number),
        number=1,
        outcome="imported",
        ended_at=NOON,
    )
    Upload.objects.filter(pk=opened.pk).update(state=UploadState.IMPORTED, published_revision=number)
    return Upload.objects.get(pk=opened.pk)


def client_of(member: Member) -> Client:
    client = Client()
    client.force_login(member)
    return client


def test_the_receipt_leads_to_undo_and_then_to_redo(upload: Upload) -> None:
    client, page = client_of(upload.owner), f"/uploads/{upload.pk}/"
    assertContains(client.get(page), f'href="{page}undo/2/"')

    assertRedirects(client.post(f"{page}undo/2/"), page)
    waiting = client.get(page)
    assertContains(waiting, "Being undone")
    assertContains(waiting, 'hx-trigger="every 2s"')
    assertNotContains(waiting, f'href="{page}undo/2/"')

    an_undo_is_carried_out()
    undone = client.get(page)
    assertContains(undone, "Undone in revision 3 by")
    assertContains(undone, f'href="{page}redo/2/"')
    assert set(read_whole(upload.project_id)) == {"", "changes"}

    assertContains(client.get(f"{page}redo/2/"), "Redo this import")
    client.post(f"{page}redo/2/")
    an_undo_is_carried_out()
    assertContains(client.get(page), f'href="{page}undo/2/"')
    assert set(read_whole(upload.project_id)) == {"", "changes", "a", "b"}


def test_the_page_tells_what_goes_what_comes_back_and_what_is_left_alone(upload: Upload) -> None:
    publish_files(upload.project, {"b": b"somebody else's <b>"})

    page = client_of(upload.owner).get(f"/uploads/{upload.pk}/undo/2/")

    facts = " ".join(page.text.split())
    assert "<dt>Removed</dt> <dd>1 file</dd>" in facts
    assert "<dt>Set to their earlier content</dt> <dd>1 file</dd>" in facts
    assert "<dt>Left alone</dt> <dd>1 path: others have changed them, or rely on them, since</dd>" in facts
    assert "<li><bdi>b</bdi>" in facts
    assert not Revision.objects.filter(kind=RevisionKind.UNDO).exists()


def test_of_a_file_that_is_not_there_any_more_nothing_else_is_said_to_stand_there(upload: Upload) -> None:
    publish_files(upload.project, {"elsewhere/b": b"b"}, removed=["b"])

    facts = " ".join(client_of(upload.owner).get(f"/uploads/{upload.pk}/undo/2/").text.split())

    assert "it has been moved or removed since" in facts
    assert "something else stands there now" not in facts


def test_where_nothing_is_left_to_undo_there_is_no_button(upload: Upload) -> None:
    publish_files(upload.project, {"changes": b"newer", "a": b"aa"}, removed=["b"])

    page = client_of(upload.owner).get(f"/uploads/{upload.pk}/undo/2/")

    assertContains(page, "Nothing is left that could be taken back")
    assertNotContains(page, 'class="btn btn-danger"')


def test_of_very_many_files_the_page_says_how_many_there_are_and_how_many_stand(
    upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undoing, "PREVIEW_PATHS", 1)
    publish_files(upload.project, {"b": b"somebody else's"})

    page = client_of(upload.owner).get(f"/uploads/{upload.pk}/undo/2/")

    assertContains(page, "Only the first of 3 files have been looked at for this page; 2 are still as it left them.")
    assertContains(page, 'class="btn btn-danger"')
    monkeypatch.setattr(undo_outlook, "COUNTED_FILES", 2)
    page = client_of(upload.owner).get(f"/uploads/{upload.pk}/undo/2/")
    assertContains(page, "Only the first of 3 files have been looked at for this page.")


def test_where_none_of_very_many_files_is_left_to_undo_there_is_no_button(
    upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undoing, "PREVIEW_PATHS", 1)
    publish_files(upload.project, {"changes": b"newer", "a": b"aa"}, removed=["b"])

    page = client_of(upload.owner).get(f"/uploads/{upload.pk}/undo/2/")

    assertContains(page, "Nothing is left that could be taken back")
    assertNotContains(page, 'class="btn btn-danger"')


def test_another_editor_sees_no_button_and_may_not_press_it(upload: Upload) -> None:
    editor = a_member()
    a_membership(upload.project, editor, Role.EDITOR)
    client = client_of(editor)

    assertNotContains(client.get(f"/uploads/{upload.pk}/"), "Undo this import")
    assert client.get(f"/uploads/{upload.pk}/undo/2/").status_code == 403
    assert client.post(f"/uploads/{upload.pk}/undo/2/").status_code == 403
    assert client_of(a_member()).post(f"/uploads/{upload.pk}/undo/2/").status_code == 404
    assert not Revision.objects.filter(kind=RevisionKind.UNDO).exists()


def test_a_revision_of_another_upload_is_not_undone_from_here(upload: Upload) -> None:
    client = client_of(upload.owner)

    assert client.get(f"/uploads/{upload.pk}/undo/1/").status_code == 404
    assert client.post(f"/uploads/{upload.pk}/undo/1/").status_code == 404


def test_the_page_says_what_a_partial_undo_left_alone(upload: Upload) -> None:
    client, page = client_of(upload.owner), f"/uploads/{upload.pk}/"
    publish_files(upload.project, {"b": b"somebody else's <b>"})
    client.post(f"{page}undo/2/")
    an_undo_is_carried_out()

    shown = " ".join(client.get(page).text.split())

    assert "Partly undone" in shown
    assert "1 path left alone, because others have changed or rely on what is there since</summary>" in shown
    assert '<li><bdi class="name">b</bdi> <span class="muted">something else stands there now</span></li>' in shown
