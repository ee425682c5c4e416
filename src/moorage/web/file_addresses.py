"""What all pages of a project's files share: their addresses, what an address asks for, the frame around a page."""

from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse

from moorage.files.browsing import breadcrumbs
from moorage.files.items import RevisionNotFoundError
from moorage.projects.models import Project
from moorage.web.requests import MemberRequest

# Longer addresses are refused by some servers (gunicorn takes a request line of 4,094 bytes).
_ADDRESS_BYTES: Final = 3500


def project_for(request: MemberRequest, project_id: UUID) -> Project:
    """The project, for its members; for everyone else it is not there."""
    return get_object_or_404(Project.objects.visible_to(request.user), pk=project_id)


def asked_revision(request: HttpRequest, project: Project, *, name: str = "revision") -> int | None:
    """The revision that the address names. One that is no number is one that is not there."""
    asked = request.GET.get(name, "")
    if not asked:
        return None
    if not (asked.isascii() and asked.isdigit() and len(asked) < 20):
        raise RevisionNotFoundError(project)
    return int(asked)


def unless_newest(project: Project, revision: int) -> int | None:
    """The revision that links must name. The newest is not named, so that a bookmark moves on with the project."""
    return None if revision == project.head else revision


def address(name: str, project: Project, **query: str | int | None) -> str:
    """The address of a page of the project's files; what is empty is left out of it."""
    named = {key: value for key, value in query.items() if value is not None and value != ""}
    place = reverse(name, args=(project.pk,))
    return f"{place}?{urlencode(named)}" if named else place


def selection_address(name: str, project: Project, paths: Sequence[str], **query: str | int | None) -> str | None:
    """The address that names these paths; None where it would be longer than every server takes."""
    named: list[tuple[str, str | int]] = [("path", where) for where in paths]
    named += [(key, value) for key, value in query.items() if value is not None and value != ""]
    place = reverse(name, args=(project.pk,))
    whole = f"{place}?{urlencode(named)}" if named else place
    return whole if len(whole) <= _ADDRESS_BYTES else None


def files_frame(project: Project, folder: str, earlier: int | None) -> dict[str, Any]:
    """What every page of files shows around what it is about; `folder` is where the way of crumbs ends."""
    crumbs = [
        {"name": crumb.name, "url": address("files", project, path=crumb.path, revision=earlier)}
        for crumb in breadcrumbs(folder)
    ]
    return {
        "section": "files",
        "project": project,
        "crumbs": crumbs,
        "root_url": address("files", project, revision=earlier),
        "earlier": earlier,
        "newest_url": address("files", project, path=folder),
    }
