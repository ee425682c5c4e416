"""New download: the form, filled in by the Files page or by an address; Create leads to the download's page."""

import re
import unicodedata
from typing import Any, Final
from urllib.parse import unquote
from uuid import UUID

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_http_methods, require_POST

from moorage.backends import backends
from moorage.files.filters import MAX_CHARACTERS
from moorage.files.items import RevisionNotFoundError
from moorage.files.paths import PathNotFoundError
from moorage.projects.models import Project
from moorage.transfers.downloads.asking import request_download
from moorage.transfers.naming import DESCRIPTION_LIMIT, NAME_LIMIT
from moorage.web.file_addresses import project_for, selection_address
from moorage.web.file_archives import NothingChosenError
from moorage.web.forms import told_in
from moorage.web.requests import MemberRequest

# What a browser changes, or nobody can see, in a field of lines.
_UNTYPED: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


class DownloadForm(forms.Form):
    """What is asked for. Paths that a line cannot hold are boxes to tick, `kept`, beside the field of lines."""

    name = forms.CharField(max_length=NAME_LIMIT, label="Name")
    description = forms.CharField(
        max_length=DESCRIPTION_LIMIT, required=False, label="Description", widget=forms.Textarea(attrs={"rows": 2})
    )
    paths = forms.CharField(
        required=False,
        strip=False,
        label="Folders and files",
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}),
        help_text="One path a line, as the Files page shows them. Left empty: the whole project.",
    )
    filter = forms.CharField(
        max_length=MAX_CHARACTERS,
        required=False,
        label="Only files like",
        help_text="Name patterns such as *.tif, several separated by commas. Upper and lower case differ. A pattern "
        "with a slash is for the whole path: day 1/*.tif, or raw/**/dark_*.tif for any folders in between.",
    )
    revision = forms.IntegerField(
        min_value=1, required=False, label="Revision", help_text="Left empty: the newest at the moment of Create."
    )
    verify_first = forms.BooleanField(
        required=False,
        label="Verify everything first",
        help_text="Every byte is read again before the download is ready. That takes as long as reading it.",
    )

    def __init__(self, sent: Any = None, *, kept: list[str], initial: dict[str, Any] | None = None) -> None:
        super().__init__(sent, initial=initial)
        self.kept = kept

    def wish(self) -> dict[str, Any]:
        """What `request_download` is asked with; call it when the form is valid."""
        told = self.cleaned_data
        lines = (line.strip() for line in re.split(r"\r\n|\r|\n", told["paths"]))
        return {
            "name": told["name"],
            "description": told["description"],
            "paths": [*(line for line in lines if line), *self.kept],
            "filter_text": told["filter"],
            "revision": told["revision"],
            "verify_first": told["verify_first"],
        }


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_download(request: MemberRequest, project_id: UUID) -> HttpResponse:
    """The form; an address may name `path`s, a `revision` and a `filter` to begin with."""
    project = project_for(request, project_id)
    if request.method != "POST":
        paths = request.GET.getlist("path")
        return _page(request, project, _filled(paths, request.GET.get("revision"), request.GET.get("filter")))
    form = DownloadForm(request.POST, kept=_chosen(request))
    if form.is_valid():
        try:
            with told_in(form):
                wish = form.wish()
                download = request_download(project=project, actor=request.user, at=backends().clock(), **wish)
                return redirect("download", download.pk)
        except PathNotFoundError as error:
            form.add_error("paths", str(error))
        except RevisionNotFoundError as error:
            form.add_error("revision", str(error))
    return _page(request, project, form)


@login_required
@require_POST
def chosen_for_download(request: MemberRequest, project_id: UUID) -> HttpResponse:
    """What was ticked on the Files page, filled into the form: by an address where that is short enough."""
    project, chosen = project_for(request, project_id), _chosen(request)
    if not chosen:
        raise NothingChosenError
    revision = request.POST.get("revision")
    short = selection_address("download-new", project, chosen, revision=revision)
    return redirect(short) if short else _page(request, project, _filled(chosen, revision, None))


def _chosen(request: MemberRequest) -> list[str]:
    """Forms name paths percent-encoded, because a browser changes line breaks in its values."""
    return [unquote(where) for where in request.POST.getlist("chosen")]


def _filled(paths: list[str], revision: str | None, filter_text: str | None) -> DownloadForm:
    named = list(dict.fromkeys(where for where in paths if where.strip("/")))
    lines = [where for where in named if _fits_a_line(where)]
    first = {"paths": "\n".join(lines), "revision": revision, "filter": filter_text}
    return DownloadForm(kept=[where for where in named if where not in set(lines)], initial=first)


def _fits_a_line(where: str) -> bool:
    return where == where.strip() and not any(unicodedata.category(char) in _UNTYPED for char in where)


def _page(request: MemberRequest, project: Project, form: DownloadForm) -> HttpResponse:
    told = {
        "section": "globus-downloads",
        "project": project,
        "form": form,
        "needs_globus": not request.user.globus_identities.exists(),
        "kept_days": backends().policies.downloads_kept.days,
    }
    return render(request, "downloads/new.html", told, status=422 if form.errors else 200)


urlpatterns = [
    path("projects/<uuid:project_id>/globus-downloads/new/", new_download, name="download-new"),
    path("projects/<uuid:project_id>/globus-downloads/chosen/", chosen_for_download, name="download-chosen"),
]
