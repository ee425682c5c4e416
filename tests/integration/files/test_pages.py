"""The pages of a project's files, as a member walks through them."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import quote

import pytest
from django.test import Client
from django.urls import reverse

from builders import NOON, a_member, a_membership, a_project, an_open_upload, publish_files
from fakes.globus import InMemoryTransferService
from moorage.files.models import FileVersion, RevisionKind
from moorage.files.revisions import ask_revision
from moorage.projects.models import Project, Role

pytestmark = pytest.mark.django_db


@pytest.fixture
def project() -> Project:
    return a_project(a_member("Ada Lovelace"))


@pytest.fixture
def ada(client: Client, project: Project) -> Client:
    client.force_login(project.created_by)
    return client


def links(page: str) -> set[str]:
    return {unescape(link) for link in re.findall(r'href="([^"]*)"', page)}


def text(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split())


def title(page: str) -> str:
    found = re.search(r"<title>(.*?)</title>", page, re.DOTALL)
    return found[1] if found else ""


def get(client: Client, address: str) -> str:
    response = client.get(address)
    assert response.status_code == 200, response.content.decode()
    return response.content.decode()


def test_a_member_walks_from_the_projects_files_to_a_file_and_its_bytes(ada: Client, project: Project) -> None:
    publish_files(project, {"scans/day 1/a.tif": b"12345"}, by=project.created_by)
    top = f"/projects/{project.pk}/files/"

    assert f"{top}?path=scans" in links(get(ada, top))
    assert f"{top}?path=scans%2Fday+1" in links(get(ada, f"{top}?path=scans"))
    folder = get(ada, f"{top}?path=scans%2Fday+1")
    file = f"/projects/{project.pk}/file/?path=scans%2Fday+1%2Fa.tif"
    assert file in links(folder)
    assert "5 bytes" in text(folder)
    assert "Ada Lovelace" in text(folder)

    page = get(ada, file)
    assert f"/projects/{project.pk}/files/content?path=scans%2Fday+1%2Fa.tif" in links(page)
    assert "5994471abb01112afcc18159f6cc74b4f511b99806da59b3caf5a9c173cacfc5" in page


def test_hostile_names_are_shown_and_do_nothing(ada: Client, project: Project) -> None:
    publish_files(project, {"<script>alert(1)<.txt": b"1", "line\nbreak": b"2", "\u202egnp.exe": b"3"})

    page = get(ada, f"/projects/{project.pk}/files/")

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;.txt" in page
    assert "line\u240abreak" in text(page)
    assert "\u202e" not in page
    for name in ("<script>alert(1)<.txt", "line\nbreak", "\u202egnp.exe"):
        address = f"/projects/{project.pk}/file/?path={quote(name, safe='')}"
        assert address in links(page)
        assert "<script>alert" not in get(ada, address)


def test_an_earlier_revision_says_so_and_leads_back(ada: Client, project: Project) -> None:
    publish_files(project, {"a/1.txt": b"1"})
    publish_files(project, {"a/2.txt": b"2"})
    here = f"/projects/{project.pk}/files/"

    page = get(ada, f"{here}?path=a&revision=1")

    assert "You are looking at revision 1 ; the newest is 2." in text(page)
    assert f"{here}?path=a" in links(page)
    assert f"{here}?revision=1" in links(page)
    assert f"/projects/{project.pk}/file/?path=a%2F1.txt&revision=1" in links(page)
    assert "2.txt" not in page
    assert "You are looking at" not in text(get(ada, f"{here}?path=a&revision=2"))


def test_a_long_folder_comes_in_pages_that_stay_at_their_revision(ada: Client, project: Project) -> None:
    publish_files(project, {f"{number:03}.txt": b"" for number in range(130)})
    first = get(ada, f"/projects/{project.pk}/files/")
    publish_files(project, {"zzz.txt": b""})

    (following,) = {link for link in links(first) if "cursor=" in link}
    second = get(ada, following)

    assert "099.txt" in first
    assert "100.txt" not in first
    assert "100.txt" in second
    assert "129.txt" in second
    assert "zzz.txt" not in second
    assert "You are looking at revision 1" in text(second)
    assert f"/projects/{project.pk}/files/?revision=1" in links(second)


def test_the_address_of_a_file_as_a_folder_leads_to_the_file_and_the_other_way_round(
    ada: Client, project: Project
) -> None:
    publish_files(project, {"a/1.txt": b"1"})

    to_file = ada.get(f"/projects/{project.pk}/files/?path=a/1.txt")
    to_folder = ada.get(f"/projects/{project.pk}/file/?path=a")

    assert to_file.headers["Location"] == f"/projects/{project.pk}/file/?path=a%2F1.txt"
    assert to_folder.headers["Location"] == f"/projects/{project.pk}/files/?path=a"


def test_a_files_page_lists_its_versions_with_who_and_from_which_upload(
    ada: Client, project: Project, globus: InMemoryTransferService
) -> None:
    upload = an_open_upload(globus, project=project, owner=project.created_by, name="Night shift")
    publish_files(project, {"a.txt": b"1"}, by=project.created_by, upload_id=upload.pk)
    publish_files(project, {"a.txt": b"22"}, by=project.created_by)
    old = FileVersion.objects.get(name="a.txt", since=1)

    page = get(ada, f"/projects/{project.pk}/file/?path=a.txt")

    assert f"/projects/{project.pk}/files/content?version={old.pk}" in links(page)
    assert f"/projects/{project.pk}/files/?revision=1" in links(page)
    assert "until revision 2" in text(page)
    assert "Night shift" in text(page)
    assert text(page).count("Ada Lovelace") >= 3


def test_a_file_that_is_gone_keeps_its_page(ada: Client, project: Project) -> None:
    publish_files(project, {"a.txt": b"1"})
    publish_files(project, {}, removed=["a.txt"])

    page = get(ada, f"/projects/{project.pk}/file/?path=a.txt")

    assert "At revision 2 this file is not in the project." in text(page)
    assert f"/projects/{project.pk}/files/content?path=a.txt" not in links(page)
    assert any("content?version=" in link for link in links(page))


def test_the_revisions_tell_what_changed_and_lead_to_the_files_as_they_were(
    ada: Client, project: Project, globus: InMemoryTransferService
) -> None:
    upload = an_open_upload(globus, project=project, owner=project.created_by, name="Night shift")
    publish_files(project, {"a.txt": b"12345"}, by=project.created_by, upload_id=upload.pk)
    publish_files(project, {}, removed=["a.txt"], by=project.created_by)
    ask_revision(project=project, kind=RevisionKind.IMPORT, by=project.created_by, at=NOON)

    page = get(ada, f"/projects/{project.pk}/revisions/")

    assert "1 added (5 bytes)" in text(page)
    assert "1 removed" in text(page)
    assert "Night shift" in text(page)
    assert {f"/projects/{project.pk}/files/?revision={number}" for number in (1, 2)} <= links(page)
    assert "its changes appear here, all at once, when it is published" in text(page)


def test_an_empty_project_says_what_to_do_next(ada: Client, project: Project, client: Client) -> None:
    page = get(ada, f"/projects/{project.pk}/files/")
    assert "No files yet" in text(page)
    assert reverse("globus-uploads", args=(project.pk,)) in links(page)
    assert "No revisions yet" in text(get(ada, f"/projects/{project.pk}/revisions/"))

    viewer = a_member()
    a_membership(project, viewer, Role.VIEWER)
    client.force_login(viewer)
    page = get(client, f"/projects/{project.pk}/files/")
    assert "Ask an owner of the project" in text(page)
    assert "Start a Globus upload" not in text(page)


def test_each_page_has_one_heading_and_its_title(ada: Client, project: Project) -> None:
    publish_files(project, {"a/<b>.txt": b"1"})
    here = f"/projects/{project.pk}"

    for address in (
        f"{here}/files/",
        f"{here}/files/?path=a",
        f"{here}/file/?path=a/<b>.txt",
        f"{here}/revisions/",
    ):
        page = get(ada, address)
        assert page.count("<h1") == 1, address
        assert project.name in re.findall(r"<title>(.*?)</title>", page, re.DOTALL)[0]
    assert (
        "&lt;b&gt;.txt" in re.findall(r"<title>(.*?)</title>", get(ada, f"{here}/file/?path=a/<b>.txt"), re.DOTALL)[0]
    )


@pytest.mark.parametrize(
    "address",
    [
        "files/?path=nothing",
        "files/?path=..",
        "files/?path=a%00b",
        "files/?path=%FF%FE",
        "files/?revision=2",
        "files/?revision=x",
        "file/",
        "file/?path=nothing",
        "file/?path=../../etc/passwd",
    ],
)
def test_what_is_not_there_is_a_page_that_says_so(ada: Client, project: Project, address: str) -> None:
    publish_files(project, {"a/1.txt": b"1"})

    response = ada.get(f"/projects/{project.pk}/{address}")

    # The page of a file without a path is the page of the first folder.
    assert response.status_code == (302 if address == "file/" else 404)


def test_a_cursor_of_another_list_is_told(ada: Client, project: Project) -> None:
    publish_files(project, {"a/1.txt": b"1"})

    for page in ("files", "revisions"):
        response = ada.get(f"/projects/{project.pk}/{page}/?cursor=nonsense")
        assert response.status_code == 422
        assert "Begin again with its first page" in text(response.content.decode())


def test_strangers_find_nothing_and_nobody_can_post(client: Client, project: Project) -> None:
    publish_files(project, {"a.txt": b"1"})
    addresses = [f"/projects/{project.pk}/{page}" for page in ("files/", "file/?path=a.txt", "revisions/")]

    assert {client.get(address).status_code for address in addresses} == {302}
    client.force_login(a_member())
    assert {client.get(address).status_code for address in addresses} == {404}
    client.force_login(project.created_by)
    assert {client.post(address).status_code for address in addresses} == {405}
