"""Files removed, moved and restored by script, and what differs between revisions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from builders import a_member, a_membership, a_project, an_undo_is_carried_out, publish_files, read_whole
from moorage.accounts.models import Member
from moorage.files.models import Revision, RevisionKind
from moorage.projects.models import Project, Role

pytestmark = pytest.mark.django_db(transaction=True)

Asks = Callable[[Member], Callable[..., Any]]

REVISION_FIELDS = {
    "id", "number", "kind", "state", "reason", "by", "at", "upload", "undoes", "request", "files_added",
    "files_changed", "files_removed", "bytes_added", "left_alone", "left_named",
}  # fmt: skip


@pytest.fixture
def project(db: None) -> Project:
    project = a_project()
    publish_files(project, {"a/one": b"1", "a/two": b"22", "b": b"333"})
    return project


@pytest.fixture
def ask(project: Project, api_of: Asks) -> Callable[..., Any]:
    api = api_of(project.created_by)
    return lambda method, path, *rest, **headers: api(method, f"/projects/{project.pk}{path}", *rest, **headers)


def carried_out() -> None:
    an_undo_is_carried_out()


def test_a_move_is_asked_for_followed_and_done(project: Project, ask: Callable[..., Any]) -> None:
    asked = ask("POST", "/revisions", {"kind": "move", "paths": ["a", "b"], "target": "c/"})

    document = asked.json()
    assert asked.status_code == 202
    assert set(document) == REVISION_FIELDS
    assert (document["kind"], document["state"], document["number"]) == ("move", "waiting", None)
    assert document["request"] == {"paths": ["a", "b"], "target": "c/", "revision": None}
    assert asked["Location"] == f"/api/v1/projects/{project.pk}/revisions/{document['id']}"
    carried_out()
    done = ask("GET", f"/revisions/{document['id']}").json()
    assert (done["state"], done["number"], done["files_added"], done["files_removed"]) == ("published", 2, 3, 3)
    assert ask("GET", "/revisions").json()["items"][0] == done
    assert {"c/a/one", "c/b"} <= set(read_whole(project.pk))


def test_removed_files_are_restored(project: Project, ask: Callable[..., Any]) -> None:
    before = read_whole(project.pk)
    assert ask("POST", "/revisions", {"kind": "remove", "paths": ["/a/", "b"]}).status_code == 202
    carried_out()
    assert read_whole(project.pk) == {"": (0, 0)}

    assert ask("POST", "/revisions", {"kind": "restore", "paths": [""], "revision": 1}).status_code == 202
    carried_out()

    assert read_whole(project.pk) == before


@pytest.mark.parametrize(
    ("body", "status", "code", "data"),
    [
        ({"kind": "move", "paths": ["b"], "target": "a"}, 409, "change.in_the_way", {"path": "a"}),
        ({"kind": "move", "paths": ["a"], "target": "b/a"}, 409, "change.parent_is_file", {"path": "b/a"}),
        ({"kind": "move", "paths": ["a"], "target": "a/c"}, 422, "change.invalid", {"field": "target", "path": "a"}),
        ({"kind": "move", "paths": ["a"]}, 422, "change.invalid", {"field": "target"}),
        ({"kind": "remove", "paths": []}, 422, "change.invalid", {"field": "paths"}),
        ({"kind": "remove", "paths": ["gone"]}, 404, "file.not_found", {"path": "gone"}),
        ({"kind": "restore", "paths": ["a"], "revision": 1}, 409, "change.nothing_to_restore", {"path": "a"}),
        ({"kind": "restore", "paths": ["a"], "revision": 2}, 404, "revision.not_found", {"newest": 1}),
        ({"kind": "restore", "paths": ["a"], "revision": 10**30}, 404, "revision.not_found", {"newest": 1}),
        ({"kind": "undo", "paths": ["a"]}, 422, "invalid_input", {}),
        ({"kind": "remove", "paths": ["a\u0000b", "\udcff"]}, 404, "file.not_found", {}),
    ],
)
def test_what_cannot_be_done_is_refused_at_once_with_the_path(
    ask: Callable[..., Any], body: dict[str, Any], status: int, code: str, data: dict[str, Any]
) -> None:
    answer = ask("POST", "/revisions", body)

    document = answer.json()
    assert (answer.status_code, document["code"]) == (status, code), document
    assert document.items() >= data.items()
    assert not Revision.objects.exclude(kind=RevisionKind.IMPORT).exists()


def test_what_came_into_the_way_later_is_told_by_the_revision(project: Project, ask: Callable[..., Any]) -> None:
    asked = ask("POST", "/revisions", {"kind": "move", "paths": ["a"], "target": "c"}).json()
    publish_files(project, {"c": b"came first"})

    carried_out()

    failed = ask("GET", f"/revisions/{asked['id']}").json()
    assert (failed["state"], failed["number"]) == ("failed", None)
    assert (failed["reason"]["code"], failed["reason"]["path"]) == ("change.in_the_way", "c")
    assert "Choose another target" in failed["reason"]["message"]


def test_a_request_that_is_sent_twice_with_its_key_is_done_once(project: Project, ask: Callable[..., Any]) -> None:
    body = {"kind": "move", "paths": ["a"], "target": "c"}
    first = ask("POST", "/revisions", body, **{"Idempotency-Key": "k1"}).json()
    carried_out()

    again = ask("POST", "/revisions", body, **{"Idempotency-Key": "k1"})
    other = ask("POST", "/revisions", body | {"target": "d"}, **{"Idempotency-Key": "k1"})

    assert (again.status_code, again.json()["id"], again.json()["number"]) == (202, first["id"], 2)
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key")
    assert ask("POST", "/revisions", body, **{"Idempotency-Key": "k2"}).status_code == 404
    assert Revision.objects.filter(kind=RevisionKind.MOVE).count() == 1


def test_viewers_and_strangers_change_nothing(project: Project, api_of: Asks) -> None:
    viewer, stranger = a_member(), a_member()
    a_membership(project, viewer, Role.VIEWER)
    body = {"kind": "remove", "paths": ["a"]}

    for member, status in ((viewer, 403), (stranger, 404)):
        assert api_of(member)("POST", f"/projects/{project.pk}/revisions", body).status_code == status
    other = a_project()
    theirs = Revision.objects.get(project=project)
    assert api_of(other.created_by)("GET", f"/projects/{other.pk}/revisions/{theirs.pk}").status_code == 404
    assert api_of(stranger)("GET", f"/projects/{project.pk}/changes").status_code == 404
    assert api_of(viewer)("GET", f"/projects/{project.pk}/changes").status_code == 200


def test_what_differs_between_two_revisions_is_told_page_by_page(project: Project, ask: Callable[..., Any]) -> None:
    publish_files(project, {"a/one": b"newer", "c/x": b"x"}, removed=["b"])

    first = ask("GET", "/changes?from=1&to=2&limit=2").json()
    publish_files(project, {"later": b"x"})
    second = ask("GET", f"/changes?from=1&cursor={first['next']}").json()

    assert (first["from"], first["to"], second["to"], second["next"]) == (1, 2, 2, None)
    items = first["items"] + second["items"]
    assert [(item["change"], item["kind"], item["path"]) for item in items] == [
        ("removed", "file", "b"),
        ("changed", "file", "a/one"),
        ("added", "directory", "c"),
        ("added", "file", "c/x"),
    ]
    assert items[1]["before"]["size_bytes"] == 1
    assert items[1]["after"]["digest"] == read_whole(project.pk)["a/one"]
    assert items[0]["after"] is None
    assert [item["path"] for item in ask("GET", "/changes").json()["items"]] == ["later"]
    assert ask("GET", "/changes?from=9").status_code == 404
    assert ask("GET", "/changes?cursor=x").status_code == 422
