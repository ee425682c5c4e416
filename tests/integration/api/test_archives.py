"""Archives and lists over the REST API."""

from __future__ import annotations

import tarfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from builders import a_member, a_project, publish_files
from moorage.accounts.models import Member
from moorage.backends import backends
from moorage.storage.layout import StoreLayout

pytestmark = pytest.mark.django_db

Api = Callable[..., Any]


def test_a_script_takes_a_selection_as_one_file(api_of: Callable[[Member], Api], tmp_path: Path) -> None:
    project = a_project()
    files = {"a/one": b"1", "b/two": b"22", "three": b"333"}
    publish_files(project, files, store=StoreLayout(tmp_path / "store"))
    ask = api_of(project.created_by)

    answer = ask("GET", f"/projects/{project.pk}/archive?path=/a/&path=three&format=tar&revision=1")
    assert answer.status_code == 200
    with tarfile.open(fileobj=BytesIO(answer.getvalue())) as archive:
        assert archive.getnames() == ["three", "a", "a/one"]
    part = ask("GET", f"/projects/{project.pk}/archive", Range="bytes=0-3")
    assert (part.status_code, part.getvalue()) == (206, b"PK\3\4")
    lines = ask("GET", f"/projects/{project.pk}/files/list?path=b").getvalue().decode()
    assert lines.endswith("  b/two\n")


def test_what_cannot_be_given_is_told(api_of: Callable[[Member], Api]) -> None:
    project = a_project()

    assert api_of(a_member())("GET", f"/projects/{project.pk}/archive").status_code == 404
    ask = api_of(project.created_by)
    assert ask("GET", f"/projects/{project.pk}/archive?format=rar").status_code == 422
    assert ask("GET", f"/projects/{project.pk}/archive?path=nowhere").json()["code"] == "file.not_found"


@pytest.mark.parametrize("route", ["files/content?path=a.txt", "archive?path=a.txt", "archive?format=tar"])
@pytest.mark.parametrize("headers", [{}, {"If-None-Match": "*"}])
def test_head_tells_what_get_would(api_of: Callable[[Member], Api], route: str, headers: dict[str, str]) -> None:
    project = a_project()
    publish_files(project, {"a.txt": b"bytes"}, store=backends().store)
    ask = api_of(project.created_by)

    get = ask("GET", f"/projects/{project.pk}/{route}", **headers)
    head = ask("HEAD", f"/projects/{project.pk}/{route}", **headers)

    assert head.status_code == get.status_code == (304 if headers else 200)
    assert (head.streaming, head.content) == (False, b"")
    assert dict(head.items()) == dict(get.items())
    assert get.streaming is not bool(headers)
    assert b"bytes" in b"".join(get.streaming_content) if get.streaming else True


def test_head_tells_what_is_not_there(api_of: Callable[[Member], Api]) -> None:
    project = a_project()

    assert api_of(project.created_by)("HEAD", f"/projects/{project.pk}/files/content?path=a.txt").status_code == 404
    assert api_of(a_member())("HEAD", f"/projects/{project.pk}/archive").status_code == 404
