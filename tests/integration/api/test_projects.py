"""Projects and members by script."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from builders import a_member, a_membership, a_project, publish_files
from moorage.accounts.models import Member
from moorage.api.site import api
from moorage.projects.models import Membership, Project, Role

pytestmark = pytest.mark.django_db

Asks = Callable[[Member], Callable[..., Any]]


def test_me_tells_the_member_and_nothing_secret(api_of: Asks) -> None:
    member = a_member("Ada")

    told = api_of(member)("GET", "/me").json()

    assert (told["id"], told["email"]) == (str(member.pk), member.email)
    assert not {"password", "digest", "token"} & set(told)


def test_a_project_is_made_once_however_often_it_is_asked_for_with_one_key(api_of: Asks) -> None:
    ask = api_of(a_member())
    key = {"Idempotency-Key": "one"}

    first = ask("POST", "/projects", {"name": "Beamline"}, **key)
    again = ask("POST", "/projects", {"name": "Beamline"}, **key)
    other = ask("POST", "/projects", {"name": "Another"}, **key)

    assert (first.status_code, first["Location"]) == (201, f"/api/v1/projects/{first.json()['id']}")
    assert again.json() == first.json()
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key")
    assert Project.objects.count() == 1


def test_two_members_may_use_the_same_key(api_of: Asks) -> None:
    for name in ("Ada", "Grace"):
        assert (
            api_of(a_member(name))("POST", "/projects", {"name": name}, **{"Idempotency-Key": "k"}).status_code == 201
        )

    assert Project.objects.count() == 2


def test_a_list_is_paged_by_cursor_and_tells_each_once(api_of: Asks) -> None:
    member = a_member()
    for number in range(5):
        a_project(member, name=f"P{number}")
    ask = api_of(member)

    names, cursor = [], ""
    while True:
        page = ask("GET", f"/projects?limit=2&cursor={cursor}").json()
        names += [project["name"] for project in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break

    assert names == ["P0", "P1", "P2", "P3", "P4"]


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "cursor=nonsense", "cursor=WyJhIl0"])
def test_a_list_refuses_what_it_does_not_know(api_of: Asks, query: str) -> None:
    answer = api_of(a_member())("GET", f"/projects?{query}")

    assert answer.status_code == 422
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["message"]


def test_roles_are_given_changed_and_taken(api_of: Asks) -> None:
    owner, other = a_member(), a_member("Grace")
    project = a_project(owner)
    ask = api_of(owner)

    assert ask("PUT", f"/projects/{project.pk}/members/{other.email}", {"role": "viewer"}).status_code == 201
    changed = ask("PUT", f"/projects/{project.pk}/members/{other.pk}", {"role": "editor"})
    assert (changed.status_code, changed.json()["role"]) == (200, "editor")
    roles = {
        row["member"]["name"]: row["role"] for row in ask("GET", f"/projects/{project.pk}/members").json()["items"]
    }
    assert roles["Grace"] == "editor"
    assert ask("DELETE", f"/projects/{project.pk}/members/{other.pk}").status_code == 204
    assert not Membership.objects.filter(project=project, member=other).exists()


def test_the_last_owner_stays(api_of: Asks) -> None:
    owner = a_member()
    project = a_project(owner)

    answer = api_of(owner)("DELETE", f"/projects/{project.pk}/members/{owner.pk}")

    assert (answer.status_code, answer.json()["code"]) == (409, "project.last_owner")


def test_only_owners_change_members_and_names(api_of: Asks) -> None:
    project, editor = a_project(), a_member()
    a_membership(project, editor, Role.EDITOR)
    ask = api_of(editor)

    assert ask("PATCH", f"/projects/{project.pk}", {"name": "Mine"}).status_code == 403
    assert ask("PUT", f"/projects/{project.pk}/members/{editor.pk}", {"role": "owner"}).status_code == 403


def test_files_keep_the_revision_of_their_first_page(api_of: Asks) -> None:
    owner = a_member()
    project = a_project(owner)
    publish_files(project, {f"{letter}.txt": letter.encode() for letter in "abcd"}, by=owner)
    ask = api_of(owner)
    first = ask("GET", f"/projects/{project.pk}/files?limit=2").json()

    publish_files(project, {}, removed=["c.txt"], by=owner)

    second = ask("GET", f"/projects/{project.pk}/files?limit=2&cursor={first['next']}").json()
    assert [item["name"] for item in second["items"]] == ["c.txt", "d.txt"]
    assert second["revision"] == 1
    newest = ask("GET", f"/projects/{project.pk}/revisions").json()["items"][0]
    assert (newest["number"], newest["kind"], newest["by"]["name"]) == (2, "import", owner.name)
    assert "email" not in newest["by"]


@pytest.mark.parametrize("path", ["../../etc/passwd", "a\x00b", "%2e%2e", "no such", "a.txt/below"])
def test_a_path_that_is_not_there_is_a_404(api_of: Asks, path: str) -> None:
    owner = a_member()
    project = a_project(owner)
    publish_files(project, {"a.txt": b"a"}, by=owner)

    answer = api_of(owner)("GET", f"/projects/{project.pk}/files/content?path={path}")

    assert answer.status_code in {404, 422}
    assert answer["Content-Type"] == "application/problem+json"


def test_a_body_that_is_no_json_is_told_and_loses_nothing(api_of: Asks) -> None:
    answer = api_of(a_member())("POST", "/projects", "{not json")

    assert answer.status_code in {400, 422}
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nope", 404),
        ("GET", "/projects/not-an-id", 404),
        ("DELETE", "/projects", 405),
        ("GET", "/uploads/7", 404),
    ],
)
def test_what_no_route_answers_is_told_by_a_document_too(api_of: Asks, method: str, path: str, status: int) -> None:
    answer = api_of(a_member())(method, path)

    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"]


def test_a_body_that_is_too_long_is_told_by_a_document(api_of: Asks) -> None:
    answer = api_of(a_member())("POST", "/projects", {"name": "x", "description": "y" * 2**21})

    assert (answer.status_code, answer["Content-Type"]) == (413, "application/problem+json")


def test_a_wrong_field_is_named_in_the_senders_words(api_of: Asks) -> None:
    answer = api_of(a_member())("POST", "/projects", {"name": 7})

    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.json()["faults"]] == ["name"]


def test_a_field_that_a_route_does_not_have_is_named(api_of: Asks) -> None:
    answer = api_of(a_member())("POST", "/projects", {"name": "x", "descripton": "spelt wrongly"})

    assert answer.status_code == 422
    assert "descripton: this route has no such field" in answer.json()["message"]
    assert not Project.objects.exists()


def test_no_route_takes_a_field_that_it_does_not_have() -> None:
    document = json.loads(json.dumps(api.get_openapi_schema(), default=str))
    routes = [route for path in document["paths"].values() for route in path.values()]
    asked = [route["requestBody"]["content"]["application/json"]["schema"] for route in routes if takes_json(route)]
    bodies = {schema["$ref"].rpartition("/")[2] for schema in asked}

    assert len(bodies) >= 12
    schemas = document["components"]["schemas"]
    assert [name for name in sorted(bodies) if schemas[name].get("additionalProperties") is not False] == []


def takes_json(route: dict[str, Any]) -> bool:
    return "application/json" in route.get("requestBody", {}).get("content", {})


@pytest.mark.parametrize("odd", ["\0", "\ud800", "\x1b"])
def test_characters_that_no_database_keeps_are_left_out_of_names_and_descriptions(api_of: Asks, odd: str) -> None:
    ask = api_of(a_member())

    made = ask("POST", "/projects", {"name": f"Beam{odd}line", "description": f"One{odd}\nTwo"})
    changed = ask("PATCH", made["Location"].removeprefix("/api/v1"), {"name": f"{odd}New", "description": odd})
    nameless = ask("POST", "/projects", {"name": odd})

    assert made.status_code == 201
    assert (made.json()["name"], made.json()["description"]) == ("Beam line", "One\nTwo")
    assert (changed.status_code, changed.json()["name"], changed.json()["description"]) == (200, "New", "")
    assert (nameless.status_code, nameless.json()["field"]) == (422, "name")


@pytest.mark.parametrize("odd", ["\0", "\ud800"])
@pytest.mark.parametrize("line", ["*.tmp{}", "# why{}"])
def test_characters_that_no_database_keeps_are_refused_in_ignore_rules(api_of: Asks, line: str, odd: str) -> None:
    owner = a_member()
    project = a_project(owner)

    told = api_of(owner)("PATCH", f"/projects/{project.pk}", {"ignore_rules": f"*.bak\n{line.format(odd)}\n*.old"})

    assert (told.status_code, told.json()["code"], told.json()["line"]) == (422, "project.ignore_rules", 2)


@pytest.mark.parametrize("named", ["%00", "a%00b", "%ED%A0%80"])
def test_nobody_has_an_address_that_no_database_keeps(api_of: Asks, named: str) -> None:
    owner = a_member()
    route = f"/projects/{a_project(owner).pk}/members/{named}"
    ask = api_of(owner)

    assert (ask("GET", route).status_code, ask("DELETE", route).status_code) == (404, 404)
    told = ask("PUT", route, {"role": "viewer"})
    assert (told.status_code, told.json()["code"]) == (422, "member.unknown")
