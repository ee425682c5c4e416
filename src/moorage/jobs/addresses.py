"""Addresses of pages that notices lead to."""

from contextlib import suppress
from uuid import UUID

from django.urls import NoReverseMatch, reverse

from moorage.projects.models import Project
from moorage.transfers.models import Download, Upload


def load_addresses() -> None:
    """Load what addresses are made of, which is every page: the first to ask waits seconds for it on a busy machine."""
    with suppress(NoReverseMatch):
        reverse("upload", args=[UUID(int=0)])


def upload_path(upload: Upload) -> str:
    """The path of an upload's page, without the site's address; empty in a process that serves no such page."""
    try:
        return reverse("upload", args=[upload.pk])
    except NoReverseMatch:
        return ""


def download_path(download: Download) -> str:
    """The path of a download's page; empty in a process that serves no such page."""
    try:
        return reverse("download", args=[download.pk])
    except NoReverseMatch:
        return ""


def files_path(project: Project) -> str:
    """The path of a project's files; empty in a process that serves no such page."""
    try:
        return reverse("files", args=[project.pk])
    except NoReverseMatch:
        return ""
