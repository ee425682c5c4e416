"""The pages of a project's files, as a member walks through them."""

from __future__ import annotations

import re
from html import unescape

import pytest
from django.test import Client

from builders import a_member, a_project, publish_files
from moorage.projects.models import Project

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
