"""Files removed, moved and restored on their pages: chosen, told what will happen, done, and seen in history."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django.asserts import assertContains, assertNotContains

from builders import a_member, a_membership, a_project, an_undo_is_carried_out, publish_files, read_whole
from moorage.files.models import Revision, RevisionKind, RevisionState
from moorage.projects.models import Project, Role

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("globus", "fresh_cache")]

TREE = {"scans/day 1/a": b"1", "scans/day 1/b": b"22", "scans/day 2/c": b"333", "notes": b"4444"}


@pytest.fixture
def project() -> Project:
    project = a_project(a_member("Ada Lovelace"))
    publish_files(project, TREE, by=project.created_by)
    return project


@pytest.fixture
def ada(client: Client, project: Project) -> Client:
    client.force_login(project.created_by)
    return client


class Pages:
    """The addresses of a project's pages."""

    def __init__(self, project: Project) -> None:
        self.files, self.file, self.revisions, self.compare = (
            f"/projects/{project.pk}/{page}/" for page in ("files", "file", "revisions", "changes")
        )
        self.remove, self.move, self.restore = (f"{self.files}{act}/" for act in ("remove", "move", "restore"))


@pytest.fixture
def pages(project: Project) -> Pages:
    return Pages(project)


def text(response: Any) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", response.content.decode())).split())


def choices(response: Any) -> list[str]:
    found: list[str] = re.findall(r'name="chosen" value="([^"]*)"', response.content.decode())
    return found


def chosen(*paths: str) -> list[str]:
    return [quote(path, safe="") for path in paths]


def follow(client: Client, response: Any) -> Any:
    """The Files page that a button leads to."""
    assert response.status_code == 302, text(response)
    return client.get(response.headers["Location"])


def test_what_is_chosen_is_removed_after_the_page_has_told_what_goes(
    ada: Client, project: Project, pages: Pages
) -> None:
    folder = ada.get(pages.files)
    assert choices(folder) == ["scans", "notes"]
    assertContains(folder, f'formaction="{pages.remove}"')

    told = ada.post(pages.remove, {"chosen": chosen("scans", "notes")})
    assert "Remove 2 items" in text(told)
    assert "Files that go 4 files, 10 bytes" in text(told)
    assert not Revision.objects.filter(kind=RevisionKind.REMOVE).exists()

    waiting = follow(ada, ada.post(pages.remove, {"chosen": choices(told), "confirmed": "yes"}))
    assert "Removing “scans” and 1 other . This goes on by itself" in text(waiting)
    revision = Revision.objects.get(kind=RevisionKind.REMOVE)
    state = f"{pages.files}changes/{revision.pk}/"
    assertContains(waiting, f'hx-get="{state}"')
    assert "Refresh" not in str(ada.get(state, headers={"HX-Request": "true"}).headers)
    an_undo_is_carried_out()
    assert ada.get(state, headers={"HX-Request": "true"}).headers["HX-Refresh"] == "true"
    done = ada.get(f"{pages.files}?change={revision.pk}")
    assert "Removed “scans” and 1 other , as revision 2." in text(done)
    assertNotContains(done, "hx-get")
    assert read_whole(project.pk) == {"": (0, 0)}


def test_a_folder_is_renamed(ada: Client, project: Project, pages: Pages) -> None:
    asked = ada.post(pages.move, {"chosen": chosen("scans/day 1")})
    assertContains(asked, 'value="scans/day 1"')
    assertContains(asked, "New path")

    told = ada.post(pages.move, {"chosen": choices(asked), "target": "scans/night"})
    assert "scans/day 1 scans/night" in text(told)
    assert "2 files, 3 bytes" in text(told)
    back = ada.post(pages.move, {"chosen": chosen("scans/day 1"), "target": "scans/night", "confirmed": "yes"})
    assert back.headers["Location"].startswith(f"{pages.files}?path=scans&change=")
    an_undo_is_carried_out()

    assert {"scans/night/a", "scans/night/b", "scans/day 2/c"} <= set(read_whole(project.pk))
    assert "Moved “scans/day 1” to “scans/night” , as revision 2." in text(follow(ada, back))


def test_several_are_moved_into_a_folder(ada: Client, project: Project, pages: Pages) -> None:
    asked = ada.post(pages.move, {"chosen": chosen("scans/day 1", "scans/day 2")})
    assertContains(asked, "Folder to move them into")
    assertContains(asked, 'name="target" value="scans/"')

    ada.post(pages.move, {"chosen": chosen("scans/day 1", "scans/day 2"), "target": "/", "confirmed": "yes"})
    an_undo_is_carried_out()

    assert {"day 1/a", "day 2/c", "scans"} <= set(read_whole(project.pk))


@pytest.mark.parametrize(
    ("target", "says", "status"),
    [
        ("", "Name the new path", 422),
        ("notes", "is there already", 422),
        ("notes/x", "cannot be moved into itself", 422),
        ("a//b", "no path in a project", 422),
        ("scans", "There is a folder at “scans” already", 409),
        ("scans/day 1/a", "There is a file at “scans/day 1/a” already", 409),
        ("scans/day 1/a/notes", "would lie below what is a file", 409),
    ],
)
def test_a_target_that_cannot_be_is_told_where_it_is_typed(
    ada: Client, pages: Pages, target: str, says: str, status: int
) -> None:
    data = {"chosen": chosen("notes"), "target": target}
    told = ada.post(pages.move, data)
    assert says in text(told)
    assertNotContains(told, 'name="confirmed"', status_code=422 if status == 422 else 200)
    assertContains(told, f'name="target" value="{target}"', status_code=422 if status == 422 else 200)

    pressed = ada.post(pages.move, data | {"confirmed": "yes"})
    assert pressed.status_code == status
    assert says in text(pressed)
    assert not Revision.objects.exclude(kind=RevisionKind.IMPORT).exists()


def test_a_removed_folder_is_restored_from_an_earlier_revision(ada: Client, project: Project, pages: Pages) -> None:
    before = read_whole(project.pk)
    publish_files(project, {"scans/day 1/a": b"newer", "scans/new": b"new"}, removed=["scans/day 2/c"])

    earlier = ada.get(f"{pages.files}?revision=1")
    assertContains(earlier, f'formaction="{pages.restore}"')
    assertNotContains(earlier, f'formaction="{pages.remove}"')
    assertContains(earlier, f'href="{pages.restore}?path=%2F&amp;revision=1"')
    told = ada.post(pages.restore, {"chosen": chosen("scans"), "revision": "1"})
    assert "Restore from revision 1" in text(told)
    assert "Come back 1 file Get their earlier content 1 file" in text(told)
    assert "Are the same already 1 file Have come since, and stay 1 file" in text(told)
    follow(ada, ada.post(pages.restore, {"chosen": chosen("scans"), "revision": "1", "confirmed": "yes"}))
    an_undo_is_carried_out()

    now = read_whole(project.pk)
    assert {path: what for path, what in now.items() if isinstance(what, str) and path != "scans/new"} == {
        path: what for path, what in before.items() if isinstance(what, str)
    }


def test_everything_is_restored_into_an_emptied_project(ada: Client, project: Project, pages: Pages) -> None:
    before = read_whole(project.pk)
    publish_files(project, {}, removed=list(TREE))

    told = ada.get(f"{pages.restore}?path=%2F&revision=1")
    assert "Everything in the project" in text(told)
    assert choices(told) == ["%2F"]
    back = ada.post(pages.restore, {"chosen": choices(told), "revision": "1", "confirmed": "yes"})
    an_undo_is_carried_out()

    assert back.headers["Location"].startswith(f"{pages.files}?change=")
    assert read_whole(project.pk) == before


def test_an_old_version_is_restored_from_the_files_page(ada: Client, project: Project, pages: Pages) -> None:
    publish_files(project, {"notes": b"newer"})
    page = ada.get(f"{pages.file}?path=notes")
    assertContains(page, f'href="{pages.restore}?path=notes&amp;revision=1"')
    assertContains(page, f'href="{pages.move}?path=notes"')

    told = ada.get(f"{pages.restore}?path=notes&revision=1")
    ada.post(pages.restore, {"chosen": choices(told), "revision": "1", "confirmed": "yes"})
    an_undo_is_carried_out()

    assert read_whole(project.pk)["notes"] == read_whole(project.pk, 1)["notes"]


def test_what_is_in_the_way_of_a_restore_is_named_and_there_is_no_button(
    ada: Client, project: Project, pages: Pages
) -> None:
    publish_files(project, {"notes/inside": b"x"}, removed=["notes"])

    told = ada.get(f"{pages.restore}?path=notes&revision=1")

    assert "“notes” was a file and is a folder now" in text(told)
    assertNotContains(told, 'name="confirmed"')
    same = ada.get(f"{pages.restore}?path=scans&revision=1")
    assert "Nothing was restored: what was at “scans” at revision 1 is there just so." in text(same)


def test_what_failed_is_told_with_the_path_and_the_next_step(ada: Client, project: Project, pages: Pages) -> None:
    back = ada.post(pages.move, {"chosen": chosen("scans"), "target": "runs", "confirmed": "yes"})
    publish_files(project, {"runs/x": b"came first"})

    an_undo_is_carried_out()

    assert Revision.objects.get(kind=RevisionKind.MOVE).state == RevisionState.FAILED
    page = text(follow(ada, back))
    assert "Moving “scans” to “runs” could not be done, and nothing was changed. There is a folder at “runs”" in page
    assert "Choose another target" in page


def test_history_says_who_moved_what_and_leads_to_what_changed(ada: Client, project: Project, pages: Pages) -> None:
    ada.post(pages.move, {"chosen": chosen("scans/day 1"), "target": "scans/night", "confirmed": "yes"})
    assert "Moving “scans/day 1” to “scans/night” by Ada Lovelace , asked for" in text(ada.get(pages.revisions))
    an_undo_is_carried_out()

    history = ada.get(pages.revisions)
    assert "Moved “scans/day 1” to “scans/night”" in text(history)
    assert "2 files moved (3 bytes)" in text(history)
    assertContains(history, f'href="{pages.compare}?from=1&amp;to=2"')
    compared = text(ada.get(f"{pages.compare}?from=1&to=2"))
    assert "From revision 1 to 2" in compared
    assert "scans/night/a added 1 byte" in compared
    assert "scans/day 1/b removed 2 bytes" in compared
    assert "No difference" in text(ada.get(f"{pages.compare}?from=2&to=2"))
    assert ada.get(f"{pages.compare}?from=2&to=3").status_code == 404
    assert ada.get(f"{pages.compare}?from=x").status_code == 404


def test_a_long_comparison_comes_in_pages(ada: Client, project: Project, pages: Pages) -> None:
    publish_files(project, {f"many/{number:03}": b"" for number in range(130)})

    first = ada.get(pages.compare)
    (following,) = re.findall(r'href="([^"]*cursor=[^"]*)"', first.content.decode())
    second = ada.get(unescape(following))

    assertContains(first, "many/098")
    assertNotContains(first, "many/129")
    assertContains(second, "many/129")


def test_names_come_back_from_the_form_as_they_were(ada: Client, project: Project, pages: Pages) -> None:
    names = ["a%2Fb+c &d", "ä\u202eö", "two\nlines", '<b>"']
    publish_files(project, dict.fromkeys(names, b"x"))

    folder = ada.get(pages.files)
    ada.post(
        pages.remove,
        {"chosen": [item for item in choices(folder) if item not in {"scans", "notes"}], "confirmed": "yes"},
    )
    an_undo_is_carried_out()

    assert {path for path in read_whole(project.pk) if "/" not in path} == {"", "scans", "notes"}


def test_viewers_see_no_buttons_and_may_not_press_them(client: Client, project: Project, pages: Pages) -> None:
    viewer, stranger = a_member(), a_member()
    a_membership(project, viewer, Role.VIEWER)
    publish_files(project, {"notes": b"newer"})
    data = {"chosen": chosen("notes"), "target": "x", "revision": "1", "confirmed": "yes"}

    client.force_login(viewer)
    for page in (pages.files, f"{pages.files}?revision=1", f"{pages.file}?path=notes"):
        response = client.get(page)
        buttons = set(re.findall(r'formaction="([^"]*)"', response.text))
        takes_along = {reverse(name, args=[project.pk]) for name in ("files-archive", "download-chosen")}
        assert buttons <= takes_along, "a viewer takes files along, and changes none"
        for act in (pages.move, pages.remove, pages.restore):
            assertNotContains(response, act)
    assert client.get(pages.compare).status_code == 200
    for member, status in ((viewer, 403), (stranger, 404)):
        client.force_login(member)
        assert [client.post(act, data).status_code for act in (pages.move, pages.remove, pages.restore)] == [status] * 3
    assert not Revision.objects.exclude(kind=RevisionKind.IMPORT).exists()


def test_nothing_chosen_and_what_is_gone_are_told(ada: Client, project: Project, pages: Pages) -> None:
    assert "Choose at least one file or folder" in text(ada.post(pages.remove))
    gone = ada.post(pages.move, {"chosen": chosen("gone"), "target": "x"})
    assert (gone.status_code, "There is nothing at “gone”" in text(gone)) == (404, True)
    assert ada.get(f"{pages.restore}?path=notes").status_code == 404
    assert ada.get(f"{pages.files}?change=nonsense").status_code == 200
    other = a_project()
    publish_files(other, {"x": b"x"})
    theirs = Revision.objects.get(project=other)
    assert ada.get(f"{pages.files}changes/{theirs.pk}/").status_code == 404
    assert ada.get(f"{pages.files}?change={theirs.pk}").status_code == 200


def a_form(ticks: int) -> dict[str, Any]:
    """As a browser sends it."""
    body = urlencode([("chosen", f"f{number}") for number in range(ticks)])
    return {"data": body, "content_type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("act", ["remove", "move"])
def test_more_than_may_be_chosen_at_once_is_told_in_words(ada: Client, pages: Pages, act: str) -> None:
    told = ada.post(getattr(pages, act), **a_form(5000))

    assertContains(told, "At most 1,000 paths can be named at once. Name their folder", status_code=422)


@pytest.mark.parametrize("act", ["archive", "remove/"])
def test_more_than_a_form_holds_is_told_by_a_page_of_ours(project: Project, pages: Pages, act: str) -> None:
    # With the check of its token, which is the first to read a form.
    ada = Client(enforce_csrf_checks=True)
    ada.force_login(project.created_by)
    ada.get(pages.files)

    told = ada.post(f"{pages.files}{act}", **a_form(20_001))

    assertContains(told, "Go back and choose the folder that holds it", status_code=422)
    assertContains(told, "Moorage", status_code=422)
