"""What differs between two revisions: told in the order of a walk, page by page."""

from __future__ import annotations

from typing import Any

import pytest

from builders import a_project, publish_files, read_whole
from moorage.files import comparing
from moorage.files.comparing import ChangedItem, changes_between
from moorage.files.cursors import CursorError, encode_cursor
from moorage.files.items import RevisionNotFoundError
from moorage.projects.models import Project

pytestmark = pytest.mark.django_db


@pytest.fixture(params=[1, 500])
def project(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.setattr(comparing, "ROWS_PER_QUERY", request.param)
    project = a_project()
    publish_files(project, {"a": b"1", "in/b": b"2", "in/deep/c": b"3", "same/d": b"4", "z/z": b"5"})
    publish_files(
        project,
        {"a": b"newer", "in/new": b"6", "in/deep/e": b"7", "in/dee": b"8", "late/x/y": b"9"},
        removed=["z/z"],
        folders=["empty"],
    )
    return project


def told(items: list[ChangedItem]) -> list[str]:
    return [f"{item.change} {item.path}{'/' if item.kind == 'directory' else ''}" for item in items]


TOLD = [
    "changed a", "added empty/", "added in/dee", "added in/new", "added in/deep/e", "added late/", "added late/x/",
    "added late/x/y", "removed z/z",
]  # fmt: skip


def test_what_a_revision_did_is_told_in_the_order_of_a_walk(project: Project) -> None:
    page = changes_between(project)

    assert (page.first, page.second, page.next) == (1, 2, None)
    assert told(page.items) == TOLD
    changed = page.items[0]
    assert changed.before is not None
    assert changed.after is not None
    assert (changed.before.size_bytes, changed.after.size_bytes) == (1, 5)
    assert changed.after.digest == read_whole(project.pk)["a"]
    assert page.items[-1].after is None


@pytest.mark.parametrize("limit", [1, 2, 3, 8])
def test_pages_together_tell_the_whole(project: Project, limit: int) -> None:
    page = changes_between(project, first=1, second=2, limit=limit)
    items, pages = page.items, 1
    while page.next:
        # What is published meanwhile is not of this comparison.
        publish_files(project, {f"in/deep/meanwhile {pages}": b"x"})
        page = changes_between(project, cursor=page.next, limit=limit)
        items, pages = items + page.items, pages + 1

    assert told(items) == TOLD
    assert pages == -(-len(TOLD) // limit)


def test_backwards_what_was_added_is_removed(project: Project) -> None:
    there, back = changes_between(project, first=1, second=2), changes_between(project, first=2, second=1)

    turned = {"added": "removed", "removed": "added", "changed": "changed"}
    assert [(item.path, turned[item.change]) for item in back.items] == [
        (item.path, item.change) for item in there.items
    ]
    assert back.items[0].before == there.items[0].after


def test_what_came_and_went_in_between_is_no_difference(project: Project) -> None:
    publish_files(project, {"a": b"1", "z/z": b"5"}, removed=["in/new", "in/deep/e", "in/dee", "late/x/y"])

    assert told(changes_between(project, first=1).items) == ["added empty/", "added late/", "added late/x/"]
    assert told(changes_between(project, first=3).items) == []
    assert told(changes_between(project, first=0, second=1).items) == [
        "added a", "added in/", "added in/b", "added in/deep/", "added in/deep/c", "added same/", "added same/d",
        "added z/", "added z/z",
    ]  # fmt: skip


def test_a_very_deep_folder_is_walked(project: Project) -> None:
    deep = "/".join("d" * 1500)
    publish_files(project, {f"{deep}/file": b"x"})

    page = changes_between(project, limit=1)
    assert told(page.items) == ["added d/"]
    last = changes_between(project, cursor=encode_cursor(2, 3, "directory", deep))
    assert told(last.items) == [f"added {deep}/file"]


def test_a_project_without_files_has_no_differences() -> None:
    project = a_project()

    page = changes_between(project)

    assert (page.first, page.second, page.items, page.next) == (0, 0, [], None)


def test_what_is_no_revision_or_no_cursor_is_refused(project: Project) -> None:
    for first, second in ((1, 3), (-1, 2), (7, 2)):
        with pytest.raises(RevisionNotFoundError):
            changes_between(project, first=first, second=second)
    cursor = changes_between(project, limit=2).next
    wrong: tuple[dict[str, Any], ...] = (
        {"cursor": cursor, "first": 0},
        {"cursor": cursor, "second": 1},
        {"cursor": "nonsense"},
        {"cursor": encode_cursor(1, 2, "link", "a")},
        {"cursor": encode_cursor(1, 2, "file", "a//b")},
        {"cursor": encode_cursor(1, 2, "directory", "never/was")},
    )
    for options in wrong:
        with pytest.raises(CursorError):
            changes_between(project, **options)
