"""Uploads by script: the documents and statuses of the contract."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from builders import (
    NOON,
    a_file_arrives,
    a_globus_member,
    a_member,
    a_membership,
    a_project,
    an_open_upload,
    an_undo_is_carried_out,
    publish_files,
)
from fakes.globus import InMemoryTransferService
from moorage.accounts.models import Member
from moorage.files.models import Revision
from moorage.projects.models import Role
from moorage.transfers.models import Upload

pytestmark = pytest.mark.django_db(transaction=True)

Asks = Callable[[Member], Callable[..., Any]]

UPLOAD_FIELDS = {
    "id", "project", "name", "description", "state", "state_text", "reason", "waiting_for_quiet", "step",
    "files_total", "bytes_total", "files_done", "bytes_done", "problems", "missing", "verdicts", "choices", "preview",
    "suspects", "checksums", "checksums_total", "revision", "revisions", "by",
    "globus", "opened_at", "done_at", "import_started_at", "imported_at", "last_activity_at", "expires_at",
}  # fmt: skip


def test_an_upload_is_opened_with_the_document_of_the_contract(globus: InMemoryTransferService, api_of: Asks) -> None:
    member = a_globus_member(globus)
    project = a_project(member)

    made = api_of(member)("POST", f"/projects/{project.pk}/uploads", {"name": "Scan 7", "description": "d"})

    document = made.json()
    assert (made.status_code, made["Location"]) == (201, f"/api/v1/uploads/{document['id']}")
    assert set(document) == UPLOAD_FIELDS
    assert document["state"] == "open"
    assert set(document["globus"]) == {"collection_id", "path", "url", "activity_url", "sign_in_as"}
    assert document["globus"]["sign_in_as"] == member.email


def test_another_editor_sees_the_upload_and_gets_no_way_into_globus(
    globus: InMemoryTransferService, api_of: Asks
) -> None:
    upload = an_open_upload(globus)
    editor = a_member()
    a_membership(upload.project, editor, Role.EDITOR)

    document = api_of(editor)("GET", f"/uploads/{upload.pk}").json()

    assert document["globus"]["url"] is None
    assert document["globus"]["sign_in_as"] is None
    assert api_of(editor)("POST", f"/uploads/{upload.pk}/done", {"when": "now"}).status_code == 403


@pytest.mark.parametrize("role", [Role.VIEWER, None])
def test_for_everyone_else_the_upload_is_not_there(
    globus: InMemoryTransferService, api_of: Asks, role: Role | None
) -> None:
    upload = an_open_upload(globus)
    somebody = a_member()
    if role:
        a_membership(upload.project, somebody, role)

    answer = api_of(somebody)("GET", f"/uploads/{upload.pk}")

    assert (answer.status_code, answer.json()["code"]) == (404, "upload.not_found")


def test_done_on_nothing_is_refused_with_its_reason(globus: InMemoryTransferService, api_of: Asks) -> None:
    upload = an_open_upload(globus)

    answer = api_of(upload.owner)("POST", f"/uploads/{upload.pk}/done", {"when": "now"})

    assert (answer.status_code, answer.json()["code"]) == (409, "upload.empty")
    assert answer.json()["tasks"] == []


def test_done_twice_answers_the_same(globus: InMemoryTransferService, api_of: Asks) -> None:
    upload = an_open_upload(globus)
    a_file_arrives(upload, "a.txt")
    ask = api_of(upload.owner)

    first = ask("POST", f"/uploads/{upload.pk}/done", {"when": "now"})
    second = ask("POST", f"/uploads/{upload.pk}/done", {"when": "now"})

    assert (first.status_code, second.status_code) == (202, 202)
    assert first.json()["state"] == second.json()["state"] == "sealing"


def test_the_wish_is_made_and_taken_back(globus: InMemoryTransferService, api_of: Asks) -> None:
    upload = an_open_upload(globus)
    ask = api_of(upload.owner)

    wished = ask("POST", f"/uploads/{upload.pk}/done", {"when": "quiet"})
    back = ask("DELETE", f"/uploads/{upload.pk}/done")

    assert (wished.status_code, wished.json()["waiting_for_quiet"]) == (202, True)
    assert (back.status_code, back.json()["waiting_for_quiet"]) == (202, False)
    assert back.json()["state"] == "open"


def test_an_upload_is_discarded_once_and_stays_listed(globus: InMemoryTransferService, api_of: Asks) -> None:
    upload = an_open_upload(globus)
    ask = api_of(upload.owner)

    assert ask("DELETE", f"/uploads/{upload.pk}").status_code == 202
    assert ask("DELETE", f"/uploads/{upload.pk}").status_code == 202
    late = ask("POST", f"/uploads/{upload.pk}/done", {"when": "now"})
    assert (late.status_code, late.json()["code"]) == (409, "upload.state")
    listed = ask("GET", f"/projects/{upload.project_id}/uploads?state=discarding").json()["items"]
    assert [one["id"] for one in listed] == [str(upload.pk)]


def test_an_upload_is_renamed_while_it_is_open(globus: InMemoryTransferService, api_of: Asks) -> None:
    upload = an_open_upload(globus)

    renamed = api_of(upload.owner)("PATCH", f"/uploads/{upload.pk}", {"name": "Better"})

    assert renamed.json()["name"] == "Better"
    assert renamed.json()["globus"]["path"] == f"/{upload.area_name}/"
    assert api_of(upload.owner)("PATCH", f"/uploads/{upload.pk}", {"name": " "}).status_code == 422


def test_there_is_no_receipt_before_an_import(globus: InMemoryTransferService, api_of: Asks) -> None:
    upload = an_open_upload(globus)

    answer = api_of(upload.owner)("GET", f"/uploads/{upload.pk}/receipt")

    assert (answer.status_code, answer.json()["code"]) == (404, "receipt.not_found")


def test_globus_down_leaves_the_upload_requested_and_says_so(globus: InMemoryTransferService, api_of: Asks) -> None:
    member = a_globus_member(globus)
    project = a_project(member)
    globus.fail_next("grant_access", times=3)

    made = api_of(member)("POST", f"/projects/{project.pk}/uploads", {"name": "Later"})

    assert made.status_code == 201
    assert made.json()["state"] == "requested"
    assert "by itself" in made.json()["state_text"]
    assert Upload.objects.count() == 1


def test_an_import_is_undone_and_redone_by_script(globus: InMemoryTransferService, api_of: Asks) -> None:
    upload = an_open_upload(globus)
    number = publish_files(upload.project, {"a.txt": b"a"}, by=upload.owner, upload_id=upload.pk)
    ask, path = api_of(upload.owner), f"/uploads/{upload.pk}"

    first = ask("POST", f"{path}/undo", {"revision": number})
    again = ask("POST", f"{path}/undo")
    assert (first.status_code, again.status_code) == (202, 202)
    assert set(first.json()) == UPLOAD_FIELDS
    not_undone = [{"number": number, "undone": False, "left_alone": 0}]
    assert first.json()["revisions"] == again.json()["revisions"] == not_undone
    early = ask("POST", f"{path}/redo")
    assert (early.status_code, early.json()["code"]) == (409, "upload.nothing_to_undo")

    an_undo_is_carried_out()
    assert ask("GET", path).json()["revisions"] == [{"number": number, "undone": True, "left_alone": 0}]
    assert ask("GET", f"/projects/{upload.project_id}/revisions").json()["items"][0]["kind"] == "undo"
    assert ask("GET", f"/projects/{upload.project_id}/files").json()["items"] == []

    assert ask("POST", f"{path}/redo").status_code == 202
    an_undo_is_carried_out()
    assert ask("GET", path).json()["revisions"] == [{"number": number, "undone": False, "left_alone": 0}]
    assert [item["name"] for item in ask("GET", f"/projects/{upload.project_id}/files").json()["items"]] == ["a.txt"]


def test_a_script_may_undo_only_what_its_member_may_decide_on(globus: InMemoryTransferService, api_of: Asks) -> None:
    upload = an_open_upload(globus)
    publish_files(upload.project, {"a.txt": b"a"}, upload_id=upload.pk)
    editor = a_member()
    a_membership(upload.project, editor, Role.EDITOR)
    path = f"/uploads/{upload.pk}/undo"

    other = api_of(upload.owner)("POST", path, {"revision": 7})
    assert (other.status_code, other.json()["code"]) == (404, "upload.revision_not_found")
    assert api_of(editor)("POST", path).status_code == 403
    assert api_of(a_member())("POST", path).status_code == 404
    nothing = api_of(upload.owner)("POST", f"/uploads/{an_open_upload(globus, owner=upload.owner).pk}/undo")
    assert (nothing.status_code, nothing.json()["code"]) == (409, "upload.nothing_to_undo")


def test_what_an_undo_left_alone_is_told(globus: InMemoryTransferService, api_of: Asks) -> None:
    upload = an_open_upload(globus)
    number = publish_files(upload.project, {"a.txt": b"a", "b.txt": b"b"}, by=upload.owner, upload_id=upload.pk)
    publish_files(upload.project, {"a.txt": b"newer"})
    ask = api_of(upload.owner)
    ask("POST", f"/uploads/{upload.pk}/undo")
    an_undo_is_carried_out()

    assert ask("GET", f"/uploads/{upload.pk}").json()["revisions"] == [
        {"number": number, "undone": True, "left_alone": 1}
    ]
    revision = ask("GET", f"/projects/{upload.project_id}/revisions").json()["items"][0]
    assert (revision["kind"], revision["left_alone"]) == ("undo", 1)
    assert revision["left_named"] == [{"path": "a.txt", "code": "undo.changed"}]


def test_times_of_a_failure_have_the_form_of_all_others(globus: InMemoryTransferService, api_of: Asks) -> None:
    upload = an_open_upload(globus)
    publish_files(upload.project, {"a.txt": b"a"}, by=upload.owner, upload_id=upload.pk)
    Revision.objects.update(published_at=NOON - timedelta(days=999))

    answer = api_of(upload.owner)("POST", f"/uploads/{upload.pk}/undo")

    assert (answer.status_code, answer.json()["code"]) == (409, "upload.undo_too_late")
    assert re.fullmatch(r"[-\d]+T[:\d]+Z", answer.json()["until"])
