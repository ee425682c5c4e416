"""Downloads from the Files page: a folder, or what was chosen in it, as one ZIP or TAR; and the list of its digests."""

from typing import Any, get_args
from urllib.parse import unquote
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponseBase
from django.shortcuts import redirect
from django.urls import path
from django.views.decorators.http import require_http_methods, require_safe

from moorage.backends import backends
from moorage.errors import InvalidInputError
from moorage.files.archives.response import ArchiveFormat, ListFormat, archive_response, list_response
from moorage.files.archives.selection import select
from moorage.files.items import RevisionNotFoundError
from moorage.projects.models import Project
from moorage.web.file_addresses import asked_revision, project_for, selection_address
from moorage.web.requests import MemberRequest


class NothingChosenError(InvalidInputError):
    """The form came without a tick."""

    code = "archive.nothing_chosen"

    def __init__(self) -> None:
        super().__init__("Nothing is chosen. Go back, tick files and folders, and press the button again.")


class UnknownFormatError(InvalidInputError):
    """The address asks for a format that we do not write."""

    code = "archive.unknown_format"

    def __init__(self, known: tuple[str, ...]) -> None:
        super().__init__(f"This format is not known. Ask for {' or '.join(known)}.", field="format")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def archive(request: MemberRequest, project_id: UUID) -> HttpResponseBase:
    """What the address names; or what a form chose, which leads to such an address where that is short enough.

    An address can be resumed and passed on. The answer to a form cannot, but has no bound.
    """
    project = project_for(request, project_id)
    if request.method != "POST":
        form = asked_format(request.GET.get("format", "zip"), get_args(ArchiveFormat))
        selection = select(project, request.GET.getlist("path"), revision=asked_revision(request, project))
        return archive_response(request, selection, form=form, store=backends().store)
    form = asked_format(request.POST.get("format", "zip"), get_args(ArchiveFormat))
    # The form names paths percent-encoded, because a browser changes line breaks in its values.
    chosen = [unquote(where) for where in request.POST.getlist("chosen")]
    if not chosen:
        raise NothingChosenError
    selection = select(project, chosen, revision=_posted_revision(request, project))
    short = selection_address("files-archive", project, chosen, revision=selection.revision, format=form)
    if short:
        return redirect(short)
    return archive_response(request, selection, form=form, store=backends().store)


@login_required
@require_safe
def list_of_files(request: MemberRequest, project_id: UUID) -> HttpResponseBase:
    """The digests, or the facts, of everything that the archive of the same address holds."""
    project = project_for(request, project_id)
    form = asked_format(request.GET.get("format", "sha256sum"), get_args(ListFormat))
    selection = select(project, request.GET.getlist("path"), revision=asked_revision(request, project))
    return list_response(project, selection, form=form)


def asked_format(asked: str, known: tuple[Any, ...]) -> Any:
    """The format that an address or a form names.

    Raises:
        UnknownFormatError: we do not write it.
    """
    if asked not in known:
        raise UnknownFormatError(known)
    return asked


def _posted_revision(request: MemberRequest, project: Project) -> int | None:
    asked = request.POST.get("revision", "")
    if not asked:
        return None
    if not (asked.isascii() and asked.isdigit() and len(asked) < 20):
        raise RevisionNotFoundError(project)
    return int(asked)


urlpatterns = [
    path("projects/<uuid:project_id>/files/archive", archive, name="files-archive"),
    path("projects/<uuid:project_id>/files/list", list_of_files, name="files-list"),
]
