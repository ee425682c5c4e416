"""Globus Downloads on the pages: asking, following, fetching, ending; what is shown to whom."""

from __future__ import annotations

import os
from collections.abc import Callable
from urllib.parse import quote

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from builders import a_globus_member, a_member, a_membership
from downloading import Harbour
from moorage.accounts.models import Member
from moorage.accounts.tokens import create_token
from moorage.backends import backends
from moorage.projects.models import Project, Role
from moorage.transfers.downloads.states import DownloadState
from moorage.transfers.models import Download
from moorage.web.downloads import ON_DASHBOARD

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("fresh_cache")]

FILES = {"raw/a.tif": b"counts", "raw/deep/b.tif": b"more", "notes.txt": b"nothing\n"}
HOSTILE = "<script>alert(1)<"

ClientOf = Callable[[Member], Client]


@pytest.fixture
def project(harbour: Harbour) -> Project:
    return harbour.a_project(FILES)


@pytest.fixture
def client_of() -> ClientOf:
    def signed_in(member: Member) -> Client:
        client = Client()
        client.force_login(member)
        return client

    return signed_in


@pytest.fixture
def hers(project: Project, client_of: ClientOf) -> Client:
    return client_of(project.created_by)


def list_of(project: Project) -> str:
    return reverse("globus-downloads", args=[project.pk])


def form_of(project: Project) -> str:
    return reverse("download-new", args=[project.pk])


def page_of(download: Download) -> str:
    return reverse("download", args=[download.pk])


def another_member(harbour: Harbour, project: Project, role: Role) -> Member:
    member = a_globus_member(harbour.globus)
    a_membership(project, member, role)
    return member


def test_create_asks_for_what_the_form_says_and_leads_to_the_downloads_page(hers: Client, project: Project) -> None:
    wish = {
        "name": "For the cluster",
        "description": "Night 7",
        "paths": " /raw/ \r\n\r\nnotes.txt\r\n",
        "filter": "*.tif, *.txt",
        "revision": "1",
        "verify_first": "on",
    }

    answer = hers.post(form_of(project), wish)

    download = Download.objects.get()
    assert (answer.status_code, answer.headers["Location"]) == (302, f"/downloads/{download.pk}/")
    assert (download.name, download.description, download.verify_first) == ("For the cluster", "Night 7", True)
    assert (download.tree.paths, download.tree.filter, download.tree.revision) == (
        ["raw", "notes.txt"],
        "*.tif\n*.txt",
        1,
    )
    page = hers.get(page_of(download)).text
    assert "Waiting to be prepared" in page
    assert "2 files and folders, only *.tif, *.txt" in page
    assert "hx-get" in page


def test_nothing_but_a_name_asks_for_the_whole_project_as_it_is_now(
    harbour: Harbour, hers: Client, project: Project
) -> None:
    harbour.publish(project, {"late.txt": b"1"})

    hers.post(form_of(project), {"name": "All"})

    tree = Download.objects.get().tree
    assert (tree.paths, tree.filter, tree.revision) == ([], "", 2)


@pytest.mark.parametrize(
    ("wish", "told"),
    [
        ({"name": " "}, "This field is required"),
        ({"paths": "raw\nnowhere"}, "There is nothing at “nowhere”"),
        ({"paths": HOSTILE}, "There is nothing at “&lt;script&gt;alert(1)&lt;”"),
        ({"filter": "raw//*.tif"}, "No file can fit the pattern “raw//*.tif”"),
        ({"revision": "7"}, "This project has no such revision; its newest is 1"),
        ({"revision": "newest"}, "Enter a whole number"),
        ({"paths": "\n".join(f"f{number}" for number in range(501))}, "At most 500 paths"),
    ],
)
def test_a_form_that_is_refused_keeps_what_was_typed_and_says_why(
    hers: Client, project: Project, wish: dict[str, str], told: str
) -> None:
    answer = hers.post(form_of(project), {"name": "Kept name", "description": "Kept words", **wish})

    assert answer.status_code == 422
    assert told in answer.text
    assert "Kept words" in answer.text
    assert "<script>alert" not in answer.text
    assert not Download.objects.exists()


def test_an_address_fills_the_form(hers: Client, project: Project) -> None:
    page = hers.get(f"{form_of(project)}?path=raw&path={quote(HOSTILE)}&revision=1&filter=*.tif").text

    assert "raw\n&lt;script&gt;alert(1)&lt;</textarea>" in page
    assert 'name="revision" value="1"' in page
    assert 'name="filter" value="*.tif"' in page
    assert "<script>alert" not in page


def test_what_is_ticked_on_the_files_page_comes_into_the_form(hers: Client, project: Project) -> None:
    files = hers.get(f"/projects/{project.pk}/files/").text
    assert f'formaction="{reverse("download-chosen", args=[project.pk])}"' in files
    assert f'href="{form_of(project)}"' in files
    assert f'href="{form_of(project)}?path=raw' in hers.get(f"/projects/{project.pk}/files/?path=raw").text

    answer = hers.post(reverse("download-chosen", args=[project.pk]), {"chosen": ["raw", "notes.txt"], "revision": "1"})

    assert answer.headers["Location"] == f"{form_of(project)}?path=raw&path=notes.txt&revision=1"
    assert hers.post(reverse("download-chosen", args=[project.pk])).status_code == 422


def test_names_that_no_line_holds_are_ticked_beside_it(harbour: Harbour, hers: Client, project: Project) -> None:
    names = ["two\nlines", " blank ", "raw/\u202egnp.exe"]
    harbour.publish(project, dict.fromkeys(names, b"1"))
    chosen = [quote(name, safe="") for name in [*names, "notes.txt"]]

    form = hers.post(reverse("download-chosen", args=[project.pk]), {"chosen": chosen}, follow=True).text

    assert "notes.txt</textarea>" in form
    assert all(f'value="{one}"' in form for one in chosen[:3])
    assert "\u202e" not in form
    hers.post(form_of(project), {"name": "Odd", "paths": "notes.txt", "chosen": chosen[:3]})
    assert set(Download.objects.get().tree.paths) == {*names, "notes.txt"}


def test_more_than_an_address_holds_is_filled_in_at_once(harbour: Harbour, hers: Client, project: Project) -> None:
    names = [f"{number:03}{'x' * 60}.txt" for number in range(80)]
    harbour.publish(project, dict.fromkeys(names, b"1"))

    form = hers.post(reverse("download-chosen", args=[project.pk]), {"chosen": names})

    assert form.status_code == 200
    assert "\n".join(names) in form.text
    assert f'action="{form_of(project)}"' in form.text
    hers.post(form_of(project), {"name": "Many", "paths": "\r\n".join(names)})
    download = Download.objects.get()
    assert len(download.tree.paths) == 80
    assert "Download as ZIP" not in hers.get(page_of(download)).text


def test_a_ready_download_leads_its_member_into_globus(harbour: Harbour, hers: Client, project: Project) -> None:
    download = harbour.ready(project)

    page = hers.get(page_of(download)).text

    assert "Goto Globus" in page
    assert "origin_path" in page
    assert f"Sign in there as <strong><bdi>{download.owner.email}" in page
    assert f"/{download.tree.name}/" in page
    assert "View Globus Download Activity" in page
    assert "sha256sum --quiet -c manifest-sha256.txt" in page
    assert ">manifest.jsonl</span> beside it" in page
    assert "so ours has another name" not in page
    assert f"/projects/{project.pk}/files/archive?revision=1&amp;format=zip" in page
    assert "hx-get" not in page
    assert "Goto Globus" in hers.get(list_of(project)).text
    assert "For the cluster" in hers.get("/").text


@pytest.mark.parametrize(
    "taken", [("manifest-sha256.txt",), ("manifest.jsonl",), ("manifest-sha256.txt", "manifest.jsonl")]
)
def test_the_page_says_which_of_our_lists_has_another_name(
    harbour: Harbour, hers: Client, project: Project, taken: tuple[str, ...]
) -> None:
    harbour.publish(project, dict.fromkeys(taken, b"theirs"))
    download = harbour.ready(project)
    digests, facts = (
        f"moorage-{name}" if name in taken else name for name in ("manifest-sha256.txt", "manifest.jsonl")
    )

    page = hers.get(page_of(download)).text

    assert f"sha256sum --quiet -c {digests}" in page
    assert f">{facts}</span> beside it has all facts" in page
    assert page.count("so ours has another name") == len(taken)
    for name in taken:
        assert f'named <span class="mono">{name}</span> itself' in page
    assert {digests, facts, *taken} <= set(os.listdir(harbour.served(download)))


@pytest.mark.parametrize("role", Role)
def test_another_member_sees_it_and_neither_way_nor_name_of_the_folder(
    harbour: Harbour, project: Project, client_of: ClientOf, role: Role
) -> None:
    download = harbour.ready(project)
    other = client_of(another_member(harbour, project, role))

    pages = [other.get(page_of(download)), other.get(list_of(project)), other.get("/")]

    assert [page.status_code for page in pages] == [200] * 3
    assert all(download.tree.name not in page.text for page in pages)
    assert all("Goto Globus" not in page.text for page in pages)
    assert "For the cluster" in pages[1].text
    assert "Ask for the same files" in pages[0].text
    assert ("DELETE" in pages[0].text) is (role is Role.OWNER)


def test_a_viewer_asks_for_downloads_and_decides_on_none_but_hers(
    harbour: Harbour, project: Project, client_of: ClientOf
) -> None:
    download = harbour.ready(project)
    viewer = client_of(another_member(harbour, project, Role.VIEWER))

    assert viewer.post(form_of(project), {"name": "Mine"}).status_code == 302
    refused = [
        viewer.get(f"{page_of(download)}delete/"),
        viewer.post(f"{page_of(download)}delete/"),
        viewer.post(f"{page_of(download)}extend/"),
        viewer.post(f"{page_of(download)}again/"),
    ]

    assert [answer.status_code for answer in refused] == [403] * 4
    assert f"Only {download.owner}, who asked for this download" in refused[0].text
    download.refresh_from_db()
    assert download.current_state is DownloadState.READY


def test_for_a_stranger_nothing_is_there(harbour: Harbour, project: Project, client_of: ClientOf) -> None:
    download = harbour.asked(project)
    stranger = client_of(a_member())

    looks = [page_of(download), f"{page_of(download)}manifest", f"{page_of(download)}delete/", list_of(project)]
    acts = [f"{page_of(download)}extend/", f"{page_of(download)}again/", f"{page_of(download)}delete/"]
    acts += [form_of(project), reverse("download-chosen", args=[project.pk])]

    assert [stranger.get(address).status_code for address in [*looks, form_of(project)]] == [404] * 5
    assert [stranger.post(address, {"name": "x", "chosen": "raw"}).status_code for address in acts] == [404] * 5
    assert Client().get(page_of(download)).status_code == 302
    assert Download.objects.get().current_state is DownloadState.REQUESTED


def test_delete_tells_what_ends_and_ends_it_once(harbour: Harbour, hers: Client, project: Project) -> None:
    download = harbour.ready(project)
    address = f"{page_of(download)}delete/"

    page = hers.get(address).text
    answers = [hers.post(address), hers.post(address)]

    assert "a transfer of it that still runs loses its access" in page
    assert "all its files stay" in page
    assert [answer.headers["Location"] for answer in answers] == [list_of(project)] * 2
    download.refresh_from_db()
    assert download.current_state is DownloadState.CANCELLED
    assert hers.get(address).headers["Location"] == page_of(download)
    after = hers.get(page_of(download)).text
    assert "Goto Globus" not in after
    assert "Ask for the same files" in after
    late = hers.post(f"{page_of(download)}extend/", follow=True)
    assert "the download has been deleted" in late.text


def test_delete_says_that_the_folder_stays_for_others(harbour: Harbour, hers: Client, project: Project) -> None:
    download = harbour.ready(project)
    harbour.ready(project, another_member(harbour, project, Role.VIEWER))

    assert "stays for 1 other download of the same files" in hers.get(f"{page_of(download)}delete/").text


def test_extend_gives_it_its_whole_time_again(harbour: Harbour, hers: Client, project: Project) -> None:
    download = harbour.ready(project)
    before = download.expires_at

    answer = hers.post(f"{page_of(download)}extend/", follow=True)

    download.refresh_from_db()
    assert download.expires_at > before
    assert f"The download is kept until {download.expires_at:%-d %B %Y}." in answer.text


def test_a_damaged_one_names_its_files_and_can_be_asked_for_again(
    harbour: Harbour, hers: Client, project: Project
) -> None:
    harbour.publish(project, {f"raw/{HOSTILE}": b"touched"})
    download = harbour.asked(project)
    for stored in harbour.store.objects.glob("*/*"):
        if stored.read_bytes() == b"touched":
            stored.chmod(0o600)
            stored.write_bytes(b"broken!")
    assert harbour.work()

    page = hers.get(page_of(download)).text

    assert "Not prepared" in page
    assert "raw/&lt;script&gt;alert(1)&lt;" in page
    assert "<script>alert" not in page
    assert hers.post(f"{page_of(download)}again/").headers["Location"] == page_of(download)
    download.refresh_from_db()
    assert download.current_state is DownloadState.REQUESTED


def test_a_member_without_a_globus_account_is_led_to_the_account_page(project: Project, client_of: ClientOf) -> None:
    member = a_member()
    a_membership(project, member, Role.VIEWER)
    client = client_of(member)

    form = client.get(form_of(project)).text
    client.post(form_of(project), {"name": "Mine"})
    page = client.get(page_of(Download.objects.get())).text

    assert "#globus-account" in form
    assert "#globus-account" in page
    assert "this download then opens to you by itself" in page


def test_names_are_shown_and_do_nothing(harbour: Harbour, hers: Client, project: Project) -> None:
    harbour.publish(project, {f"{HOSTILE}/\u202egnp.exe": b"1"})
    download = harbour.asked(
        project, name=HOSTILE, description=HOSTILE, paths=[f"{HOSTILE}/\u202egnp.exe"], filter_text=HOSTILE + "*"
    )

    for address in (page_of(download), list_of(project), f"{page_of(download)}delete/", "/"):
        page = hers.get(address).text
        assert "&lt;script&gt;alert(1)&lt;" in page
        assert "<script>alert" not in page
        assert "\u202e" not in page


def test_the_list_comes_in_pages_and_moves_only_while_something_does(
    harbour: Harbour, hers: Client, project: Project
) -> None:
    first = harbour.ready(project, name="The first")
    assert "hx-get" not in hers.get(list_of(project)).text
    for number in range(25):
        harbour.asked(project, name=f"No {number}", paths=["raw"])

    newest = hers.get(list_of(project)).text
    older = hers.get(f"{list_of(project)}?page=2").text
    fragment = hers.get(list_of(project), headers={"HX-Request": "true"}).text

    assert "The first" not in newest
    assert "Page 1 of 2" in newest
    assert f'hx-get="{list_of(project)}?page=1"' in newest
    assert page_of(first) in older
    assert fragment.strip().startswith('<section id="downloads"')
    assert "<h1>" not in fragment


@pytest.mark.parametrize("where", ["list", "dashboard", "api"])
def test_ten_downloads_of_hers_cost_as_many_queries_as_one(
    harbour: Harbour, hers: Client, project: Project, where: str
) -> None:
    _, token = create_token(project.created_by, "test", at=backends().clock())
    address = {"list": list_of(project), "dashboard": "/", "api": f"/api/v1/projects/{project.pk}/downloads"}[where]

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            answer = hers.get(address, headers={"Authorization": f"Bearer {token}"} if where == "api" else {})
        assert answer.status_code == 200
        # The member's rule stands: each row leads into Globus.
        assert f"No {Download.objects.count()}" in answer.text
        assert answer.text.count("origin_path=") >= min(Download.objects.count(), ON_DASHBOARD)
        return len(captured)

    harbour.ready(project, name="No 1")
    queries()  # what is remembered from the first time on
    one = queries()
    for number in range(2, 11):
        harbour.ready(project, name=f"No {number}", filter_text="*" * number + ".tif")
    assert len(set(Download.objects.values_list("tree", flat=True))) == 10

    assert queries() == one


def test_progress_is_shown_while_it_is_prepared(harbour: Harbour, hers: Client, project: Project) -> None:
    counted, filtered = harbour.asked(project), harbour.asked(project, filter_text="*.tif")
    while harbour.work(should_stop=lambda: True):
        if Download.objects.filter(state="preparing").count() == 2:
            break

    assert "<progress" in hers.get(page_of(counted)).text
    assert "of 3 files" in hers.get(page_of(counted)).text
    assert "<progress" not in hers.get(page_of(filtered)).text
    assert "files so far" in hers.get(page_of(filtered)).text


def test_the_list_of_digests_can_be_had_before_the_folder_is_there(
    harbour: Harbour, hers: Client, project: Project
) -> None:
    download = harbour.asked(project, filter_text="*.tif")

    answer = hers.get(f"{page_of(download)}manifest")

    lines = b"".join(answer).decode().splitlines()
    assert [line.partition("  ")[2] for line in lines] == ["raw/a.tif", "raw/deep/b.tif"]
    assert hers.get(f"{page_of(download)}manifest?format=xml").status_code == 422
