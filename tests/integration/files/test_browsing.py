"""Looking at a project's files: order, pages, revisions, paths that lead nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from builders import NOON, a_member, a_project, publish_files, register_files
from moorage.files.browsing import breadcrumbs, find_file, find_item, find_version, list_folder
from moorage.files.cursors import CursorError
from moorage.files.history import pending_revisions, revisions_of, versions_of
from moorage.files.items import DirectoryItem, FileItem, RevisionNotFoundError
from moorage.files.models import FileVersion, RevisionKind
from moorage.files.paths import PathNotFoundError
from moorage.files.revisions import ask_revision
from moorage.files.taking import take_right
from moorage.projects.models import Project

pytestmark = pytest.mark.django_db

ODD_NAMES = [
    " leading space",
    "#hash",
    "%41percent",
    "-rf",
    ".hidden",
    "Z",
    "a",
    "a b",
    "back\\slash",
    "quote'\"",
    "what?",
    "caf\u00e9",
    "cafe\u0301",
    "\u05e9\u05dc\u05d5\u05dd",
    "\uffee",
    "\U0001f600",
    "n" * 255,
]


def names_of(project: Project, path: str = "", *, limit: int, revision: int | None = None) -> Iterator[str]:
    page = list_folder(project, path=path, limit=limit, revision=revision)
    yield from (item.name for item in page.items)
    while page.next:
        page = list_folder(project, path=path, limit=limit, cursor=page.next)
        yield from (item.name for item in page.items)


@pytest.mark.parametrize("limit", [1, 3, 100])
def test_folders_come_first_and_each_kind_in_the_order_of_its_bytes(limit: int) -> None:
    project = a_project()
    publish_files(
        project,
        dict.fromkeys(ODD_NAMES, b"1") | {f"{name}-folder/x": b"2" for name in ODD_NAMES if len(name) < 200},
    )
    folders = [f"{name}-folder" for name in ODD_NAMES if len(name) < 200]

    shown = list(names_of(project, limit=limit))

    assert shown == sorted(folders, key=str.encode) + sorted(ODD_NAMES, key=str.encode)


def test_every_odd_name_is_found_by_its_path() -> None:
    project = a_project()
    publish_files(project, {f"{name}/{name}": name.encode() for name in ODD_NAMES})

    for name in ODD_NAMES:
        found = find_item(project, f"{name}/{name}")
        assert isinstance(found, FileItem)
        assert (found.name, found.path, found.size_bytes) == (name, f"{name}/{name}", len(name.encode()))
        assert isinstance(find_item(project, name), DirectoryItem)


def test_a_walk_through_pages_keeps_the_revision_of_its_first_page() -> None:
    project = a_project()
    publish_files(project, {f"{number}.txt": b"old" for number in range(6)})
    first = list_folder(project, limit=2)
    publish_files(project, {"2.txt": b"new", "25.txt": b"new"}, removed=["3.txt"])

    second = list_folder(project, cursor=first.next, limit=2)

    assert (second.revision, [item.name for item in second.items]) == (1, ["2.txt", "3.txt"])
    assert [item.revision for item in second.items] == [1, 1]
    assert list(names_of(project, limit=2)) == ["0.txt", "1.txt", "2.txt", "25.txt", "4.txt", "5.txt"]


@pytest.mark.parametrize("files", [5, 150])
def test_a_page_takes_the_same_few_queries_whatever_the_folder_holds(files: int) -> None:
    project = a_project()
    publish_files(project, {f"deep/down/here/{number:04}.txt": b"1" for number in range(files)}, by=a_member())

    with CaptureQueriesContext(connection) as queries:
        list_folder(project, path="deep/down/here", limit=4)

    assert len(queries) == 5


def test_items_tell_who_brought_them_and_when() -> None:
    ada, bob = a_member("Ada"), a_member("Bob")
    project = a_project(ada)
    publish_files(project, {"a/1.txt": b"1", "b/2.txt": b"2"}, by=ada, at=NOON)
    publish_files(project, {"a/3.txt": b"3"}, by=bob, at=NOON + timedelta(days=1))

    changed, kept = list_folder(project).items

    assert isinstance(changed, DirectoryItem)
    assert (changed.name, changed.file_count, changed.revision) == ("a", 2, 2)
    assert changed.changed is not None
    assert (changed.changed.by, changed.modified_at) == (bob, NOON + timedelta(days=1))
    assert kept.changed is not None
    assert (kept.name, kept.revision, kept.changed.by) == ("b", 1, ada)


@pytest.mark.parametrize(
    "path",
    ["nothing", "a/nothing", "a/1.txt/x", "a/", "/a", "../a", "a/../a", "a\0", "a/\udc80", "n" * 256, "A", "a /1.txt"],
)
def test_a_path_that_leads_nowhere_is_not_found(path: str) -> None:
    project = a_project()
    publish_files(project, {"a/1.txt": b"1"})

    for look in (find_item, find_file):
        with pytest.raises(PathNotFoundError):
            look(project, path)
    with pytest.raises(PathNotFoundError):
        list_folder(project, path=path)


def test_a_file_is_no_folder_and_a_folder_no_file() -> None:
    project = a_project()
    publish_files(project, {"a/1.txt": b"1"})

    with pytest.raises(PathNotFoundError):
        list_folder(project, path="a/1.txt")
    with pytest.raises(PathNotFoundError):
        find_file(project, "a")


def test_an_empty_project_has_a_first_folder() -> None:
    project = a_project()

    page = list_folder(project)

    assert (page.revision, page.items, page.next, page.folder.file_count) == (0, [], None, 0)
    assert find_item(project, "").kind == "directory"


def test_only_published_revisions_can_be_looked_at() -> None:
    project = a_project()
    publish_files(project, {"1.txt": b"1"})

    for revision in (2, -1, 10**30):
        with pytest.raises(RevisionNotFoundError):
            list_folder(project, revision=revision)
    assert list_folder(project, revision=0).items == []


def test_a_cursor_belongs_to_its_revision() -> None:
    project = a_project()
    publish_files(project, {"1.txt": b"1", "2.txt": b"2"})
    cursor = list_folder(project, limit=1).next
    publish_files(project, {"3.txt": b"3"})

    assert [item.name for item in list_folder(project, cursor=cursor, revision=1).items] == ["2.txt"]
    with pytest.raises(CursorError):
        list_folder(project, cursor=cursor, revision=2)
    with pytest.raises(CursorError):
        list_folder(project, cursor="nonsense")


def test_another_projects_files_are_not_here() -> None:
    mine, other = a_project(), a_project()
    publish_files(mine, {"mine.txt": b"1"})
    publish_files(other, {"theirs.txt": b"2"})
    theirs = FileVersion.objects.get(project=other)

    with pytest.raises(PathNotFoundError):
        find_file(mine, "theirs.txt")
    with pytest.raises(PathNotFoundError):
        find_version(mine, theirs.pk)
    assert find_version(other, theirs.pk) == theirs


def test_the_versions_of_a_file_tell_their_revisions() -> None:
    ada = a_member("Ada")
    project = a_project(ada)
    publish_files(project, {"a.txt": b"1"}, by=ada)
    publish_files(project, {"b.txt": b"other"}, by=ada)
    publish_files(project, {"a.txt": b"22"}, by=ada)
    publish_files(project, {}, removed=["a.txt"], by=ada)

    page = versions_of(project, "a.txt")

    assert [(one.revision, one.until_revision, one.size_bytes) for one in page.items] == [(3, 4, 2), (1, 3, 1)]
    assert page.items[0].began is not None
    assert page.items[0].began.by == ada
    assert page.items[0].ended is not None
    assert [find_file(project, "a.txt", revision=number).size_bytes for number in (1, 2, 3)] == [1, 1, 2]
    with pytest.raises(PathNotFoundError):
        find_file(project, "a.txt")
    assert versions_of(project, "never/was.txt").items == []


def test_the_versions_of_a_file_come_in_pages() -> None:
    project = a_project()
    for number in range(5):
        publish_files(project, {"a.txt": b"x" * number})

    first = versions_of(project, "a.txt", limit=2)
    second = versions_of(project, "a.txt", limit=2, cursor=first.next)
    third = versions_of(project, "a.txt", limit=2, cursor=second.next)

    assert [one.revision for page in (first, second, third) for one in page.items] == [5, 4, 3, 2, 1]
    assert third.next is None


def test_what_is_not_published_is_in_no_history() -> None:
    project = a_project()
    publish_files(project, {"a.txt": b"1"})
    revision = ask_revision(project=project, kind=RevisionKind.IMPORT, by=None, at=NOON)
    right = take_right(revision=revision, may_take=lambda _: False)
    assert right is not None
    register_files(right, {"a.txt": b"22", "b.txt": b"b"})
    unpublished = FileVersion.objects.get(name="b.txt")

    (one,) = versions_of(project, "a.txt").items

    assert (one.revision, one.until_revision, one.ended) == (1, None, None)
    assert versions_of(project, "b.txt").items == []
    with pytest.raises(PathNotFoundError):
        find_version(project, unpublished.pk)
    assert [row.number for row in revisions_of(project).items] == [1]
    assert pending_revisions(project) == [revision]


def test_revisions_come_newest_first_in_pages() -> None:
    project = a_project(a_member("Ada"))
    for number in range(5):
        publish_files(project, {f"{number}.txt": b"1"}, by=project.created_by)

    first = revisions_of(project, limit=3)
    second = revisions_of(project, limit=3, cursor=first.next)

    assert [row.number for row in first.items] == [5, 4, 3]
    assert [row.number for row in second.items] == [2, 1]
    assert second.next is None
    assert first.items[0].by == project.created_by


def test_crumbs_lead_down_to_a_path() -> None:
    assert [(crumb.name, crumb.path) for crumb in breadcrumbs("a/b c/d")] == [
        ("a", "a"),
        ("b c", "a/b c"),
        ("d", "a/b c/d"),
    ]
    assert breadcrumbs("") == []
