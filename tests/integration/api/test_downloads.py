"""Downloads by script: the documents and statuses of the contract, and what is kept from whom."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from builders import a_globus_member, a_member, a_membership
from downloading import Harbour
from moorage.accounts.models import Member
from moorage.backends import backends
from moorage.projects.models import Project, Role
from moorage.transfers.downloads.states import DownloadState
from moorage.transfers.models import Download

pytestmark = pytest.mark.django_db(transaction=True)

Asks = Callable[[Member], Callable[..., Any]]

FILES = {"raw/a.tif": b"counts", "raw/deep/b.tif": b"more", "notes\n1.txt": b"nothing\n"}
DOWNLOAD_FIELDS = {
    "id", "project", "name", "description", "state", "state_text", "reason", "files_total", "bytes_total", "files_done",
    "revision", "paths", "filter", "verify_first", "damaged_paths", "digests_name", "by", "globus", "created_at",
    "ready_at", "expires_at",
}  # fmt: skip


@pytest.fixture
def project(harbour: Harbour) -> Project:
    return harbour.a_project(FILES)


def another_member(harbour: Harbour, project: Project, role: Role) -> Member:
    member = a_globus_member(harbour.globus)
    a_membership(project, member, role)
    return member


def test_a_download_is_asked_for_with_the_document_of_the_contract(project: Project, api_of: Asks) -> None:
    wish = {
        "name": "For the cluster",
        "description": "d",
        "paths": ["/raw/"],
        "filter": "*.tif,*.dat",
        "revision": 1,
        "verify_first": True,
    }

    made = api_of(project.created_by)("POST", f"/projects/{project.pk}/downloads", wish)

    document = made.json()
    assert (made.status_code, made["Location"]) == (201, f"/api/v1/downloads/{document['id']}")
    assert set(document) == DOWNLOAD_FIELDS
    assert (document["state"], document["ready_at"], document["digests_name"]) == ("requested", None, "")
    assert (document["paths"], document["filter"], document["revision"]) == (["raw"], "*.tif, *.dat", 1)
    assert (document["verify_first"], document["name"]) == (True, "For the cluster")
    assert set(document["globus"]) == {"collection_id", "path", "url", "activity_url", "sign_in_as"}
    assert document["globus"]["url"] is None
    told = {name: document[name] for name in wish} | {"name": "Same"}
    again = api_of(project.created_by)("POST", f"/projects/{project.pk}/downloads", told)
    assert Download.objects.get(pk=again.json()["id"]).tree == Download.objects.get(pk=document["id"]).tree


def test_a_ready_one_leads_its_owner_into_globus(harbour: Harbour, project: Project, api_of: Asks) -> None:
    download = harbour.ready(project)

    document = api_of(download.owner)("GET", f"/downloads/{download.pk}").json()

    assert (document["state"], document["files_total"], document["files_done"]) == ("ready", 3, 3)
    assert document["globus"]["path"] == f"/{download.tree.name}/"
    assert "origin_path" in document["globus"]["url"]
    assert document["globus"]["sign_in_as"] == download.owner.email
    assert document["digests_name"] == "manifest-sha256.txt"
    assert document["by"] == {"id": str(download.owner.pk), "name": str(download.owner)}


@pytest.mark.parametrize("role", Role)
def test_another_member_sees_a_download_and_no_way_to_its_folder(
    harbour: Harbour, project: Project, api_of: Asks, role: Role
) -> None:
    download = harbour.ready(project)
    ask = api_of(another_member(harbour, project, role))

    answers = [ask("GET", f"/downloads/{download.pk}"), ask("GET", f"/projects/{project.pk}/downloads")]

    assert answers[0].json()["globus"]["path"] is None
    assert answers[0].json()["globus"]["url"] is None
    assert answers[1].json()["items"] == [answers[0].json()]
    assert all(download.tree.name not in answer.text for answer in answers)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.EDITOR])
def test_another_member_decides_nothing_and_may_ask_for_her_own(
    harbour: Harbour, project: Project, api_of: Asks, role: Role
) -> None:
    download = harbour.ready(project)
    ask = api_of(another_member(harbour, project, role))

    refused = [
        ask("DELETE", f"/downloads/{download.pk}"),
        ask("PATCH", f"/downloads/{download.pk}"),
        ask("POST", f"/downloads/{download.pk}/retry"),
    ]

    assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {(403, "download.role")}
    download.refresh_from_db()
    assert download.current_state is DownloadState.READY
    assert ask("POST", f"/projects/{project.pk}/downloads", {"name": "Mine"}).status_code == 201


def test_for_a_stranger_nothing_is_there(harbour: Harbour, project: Project, api_of: Asks) -> None:
    download = harbour.asked(project)
    ask = api_of(a_member())

    one = [
        ask("GET", f"/downloads/{download.pk}"),
        ask("DELETE", f"/downloads/{download.pk}"),
        ask("PATCH", f"/downloads/{download.pk}"),
        ask("POST", f"/downloads/{download.pk}/retry"),
        ask("GET", f"/downloads/{download.pk}/manifest"),
    ]
    project_wide = [
        ask("GET", f"/projects/{project.pk}/downloads"),
        ask("POST", f"/projects/{project.pk}/downloads", {"name": "Hers"}),
    ]

    assert {(answer.status_code, answer.json()["code"]) for answer in one} == {(404, "download.not_found")}
    assert {answer.status_code for answer in project_wide} == {404}
    assert Download.objects.count() == 1


def test_an_owner_deletes_anothers_download_once(harbour: Harbour, project: Project, api_of: Asks) -> None:
    download = harbour.ready(project, another_member(harbour, project, Role.VIEWER))
    ask = api_of(project.created_by)

    answers = [ask("DELETE", f"/downloads/{download.pk}") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].json() == answers[1].json()
    assert (answers[0].json()["state"], answers[0].json()["reason"]) == ("cancelled", "cancelled.by_member")
    late = ask("PATCH", f"/downloads/{download.pk}")
    assert (late.status_code, late.json()["code"]) == (409, "download.state")


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"name": " "}, "download.name"),
        ({"name": "x" * 201}, "download.name"),
        ({"name": "x", "description": "d" * 10_001}, "upload.description"),
        ({"name": "x", "filter": "raw/../*.tif"}, "download.filter"),
        ({"name": "x", "filter": "*" * 21}, "download.filter"),
        ({"name": "x", "paths": [f"f{number}" for number in range(501)]}, "archive.too_many_paths"),
        ({"name": "x", "expires": 3, "paths": "raw"}, "invalid_input"),
        ({"description": "no name"}, "invalid_input"),
        ({"name": "x", "revision": True}, "invalid_input"),
        ({"name": "x", "revision": "1"}, "invalid_input"),
        ({"name": "x", "verify_first": 1}, "invalid_input"),
        ({"name": "x", "path": ["raw"]}, "invalid_input"),
    ],
)
def test_what_cannot_be_asked_for_is_told(project: Project, api_of: Asks, wish: object, code: str) -> None:
    answer = api_of(project.created_by)("POST", f"/projects/{project.pk}/downloads", wish)

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer["Content-Type"] == "application/problem+json"
    assert not Download.objects.exists()


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        ({"paths": ["raw", "nowhere"]}, "file.not_found"),
        ({"paths": ["raw/../notes"]}, "file.not_found"),
        ({"paths": ["a\0b"]}, "file.not_found"),
        ({"revision": 2}, "revision.not_found"),
        ({"revision": -1}, "revision.not_found"),
        ({"revision": 10**30}, "revision.not_found"),
    ],
)
def test_what_is_not_there_cannot_be_asked_for(
    project: Project, api_of: Asks, wish: dict[str, object], code: str
) -> None:
    answer = api_of(project.created_by)("POST", f"/projects/{project.pk}/downloads", {"name": "x", **wish})

    assert (answer.status_code, answer.json()["code"]) == (404, code)
    assert not Download.objects.exists()


def test_a_request_with_a_key_makes_one_download(harbour: Harbour, project: Project, api_of: Asks) -> None:
    ask, path = api_of(project.created_by), f"/projects/{project.pk}/downloads"
    headers = {"Idempotency-Key": "night 7"}

    first = ask("POST", path, {"name": "Night"}, **headers)
    harbour.publish(project, {"late": b"1"})
    second = ask("POST", path, {"name": "Night"}, **headers)
    other = ask("POST", path, {"name": "Day"}, **headers)

    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json() == second.json()
    assert first["Location"] == second["Location"]
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key")
    assert Download.objects.count() == 1


def test_the_list_has_pages_and_can_be_asked_for_a_state(harbour: Harbour, project: Project, api_of: Asks) -> None:
    ids = [str(harbour.asked(project, name=f"No {number}").pk) for number in range(3)]
    ask, path = api_of(project.created_by), f"/projects/{project.pk}/downloads"

    first = ask("GET", f"{path}?limit=2").json()
    rest = ask("GET", f"{path}?limit=2&cursor={first['next']}").json()

    assert [one["id"] for one in first["items"] + rest["items"]] == ids[::-1]
    assert rest["next"] is None
    ask("DELETE", f"/downloads/{ids[1]}")
    assert [one["id"] for one in ask("GET", f"{path}?state=cancelled").json()["items"]] == [ids[1]]
    assert ask("GET", f"{path}?state=sunk").status_code == 422
    assert ask("GET", f"{path}?cursor=nonsense").status_code == 422


def test_a_list_costs_no_query_more_for_anothers_downloads(
    harbour: Harbour, project: Project, api_of: Asks, django_assert_max_num_queries: Any
) -> None:
    for number in range(10):
        harbour.asked(project, name=f"No {number}")
    ask = api_of(another_member(harbour, project, Role.VIEWER))

    with django_assert_max_num_queries(8):
        assert len(ask("GET", f"/projects/{project.pk}/downloads").json()["items"]) == 10


def test_a_download_is_extended(harbour: Harbour, project: Project, api_of: Asks) -> None:
    download = harbour.ready(project)
    now, kept = backends().clock(), backends().policies.downloads_kept
    ask, path = api_of(download.owner), f"/downloads/{download.pk}"
    Download.objects.filter(pk=download.pk).update(expires_at=now + timedelta(days=1))

    by_default = ask("PATCH", path)
    until = (now + timedelta(days=3)).isoformat()
    named = ask("PATCH", path, {"expires_at": until})
    refused = [
        ask("PATCH", path, {"expires_at": (now - timedelta(days=1)).isoformat()}),
        ask("PATCH", path, {"expires_at": (now + 2 * kept).isoformat()}),
        ask("PATCH", path, {"expires_at": "2030-01-01T00:00:00"}),
        ask("PATCH", path, {"expires_at": "soon"}),
    ]

    assert by_default.status_code == 200
    assert by_default.json()["expires_at"] > (now + kept - timedelta(minutes=1)).isoformat()
    assert named.json()["expires_at"][:19] == until[:19]
    assert [answer.status_code for answer in refused] == [422] * 4
    assert [answer.json()["code"] for answer in refused] == ["download.expiry"] * 2 + ["invalid_input"] * 2


def test_one_that_has_expired_is_asked_for_again(harbour: Harbour, project: Project, api_of: Asks) -> None:
    download = harbour.ready(project, paths=["raw"])
    ask, path = api_of(download.owner), f"/downloads/{download.pk}/retry"
    early = ask("POST", path)
    assert (early.status_code, early.json()["code"]) == (409, "download.state")
    Download.objects.filter(pk=download.pk).update(state="expired")

    again = ask("POST", path)

    assert (again.status_code, again.json()["state"], again.json()["revision"]) == (202, "requested", 1)


def test_the_manifest_names_what_the_folder_holds(harbour: Harbour, project: Project, api_of: Asks) -> None:
    download = harbour.ready(project)
    harbour.publish(project, {"late": b"1"})
    ask = api_of(another_member(harbour, project, Role.VIEWER))

    answer = ask("GET", f"/downloads/{download.pk}/manifest")

    assert answer["Content-Disposition"].startswith("attachment")
    served = (harbour.served(download) / "manifest-sha256.txt").read_bytes()
    assert sorted(answer.getvalue().splitlines()) == sorted(served.splitlines())
    facts = ask("GET", f"/downloads/{download.pk}/manifest?format=jsonl").getvalue().splitlines()
    assert {json.loads(line)["path"] for line in facts} == set(FILES)
    assert ask("GET", f"/downloads/{download.pk}/manifest?format=xml").status_code == 422


def test_the_manifest_is_there_before_the_folder_and_follows_the_filter(
    harbour: Harbour, project: Project, api_of: Asks
) -> None:
    by_name = harbour.asked(project, filter_text="b.*, *.txt")
    by_path = harbour.asked(project, filter_text="raw/*.tif", paths=["raw"])
    ask = api_of(project.created_by)

    def paths(download: Download) -> set[str]:
        lines = ask("GET", f"/downloads/{download.pk}/manifest?format=jsonl").getvalue().splitlines()
        return {json.loads(line)["path"] for line in lines}

    assert paths(by_name) == {"raw/deep/b.tif", "notes\n1.txt"}
    assert paths(by_path) == {"raw/a.tif"}
