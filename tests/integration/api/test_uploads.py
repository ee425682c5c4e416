"""Uploads by script: the documents and statuses of the contract."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from builders import a_file_arrives, a_globus_member, a_member, a_membership, a_project, an_open_upload
from fakes.globus import InMemoryTransferService
from moorage.accounts.models import Member
from moorage.projects.models import Role
from moorage.transfers.models import Upload

pytestmark = pytest.mark.django_db(transaction=True)

Asks = Callable[[Member], Callable[..., Any]]

UPLOAD_FIELDS = {
    "id", "project", "name", "description", "state", "state_text", "reason", "waiting_for_quiet", "step",
    "files_total", "bytes_total", "files_done", "bytes_done", "problems", "verdicts", "revision", "revisions", "by",
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
