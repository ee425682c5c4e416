"""Globus Downloads: the project's downloads, a download's own page, and its list of digests."""

from typing import get_args
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.views.decorators.http import require_safe

from moorage.accounts.models import Member
from moorage.backends import backends
from moorage.files.archives.response import ListFormat, list_response
from moorage.transfers.downloads.models import Download
from moorage.transfers.downloads.overview import DownloadOverview, download_overview, download_overviews
from moorage.transfers.downloads.states import DownloadState
from moorage.transfers.downloads.trees import question_of
from moorage.web.file_addresses import project_for, selection_address
from moorage.web.file_archives import asked_format
from moorage.web.requests import MemberRequest

PER_PAGE = 25
ON_DASHBOARD = 8


def download_for(request: MemberRequest, download_id: UUID) -> Download:
    """The download, for a member of its project; for everyone else it is not there."""
    visible = Download.objects.visible_to(request.user).select_related("tree", "project", "owner")
    return get_object_or_404(visible, pk=download_id)


@login_required
@require_safe
def globus_downloads(request: MemberRequest, project_id: UUID) -> HttpResponse:
    """All downloads of the project, the newest first, page by page."""
    project = project_for(request, project_id)
    downloads = Download.objects.visible_to(request.user).filter(project=project)
    page = Paginator(downloads.select_related("tree", "project", "owner"), PER_PAGE).get_page(request.GET.get("page"))
    rows = download_overviews(list(page), viewer=request.user)
    told = {
        "section": "globus-downloads",
        "project": project,
        "page": page,
        "rows": rows,
        "is_moving": any(shown.is_moving for shown in rows),
    }
    fragment = request.headers.get("HX-Request") == "true"
    return render(request, "downloads/list.html" + ("#rows" if fragment else ""), told)


@login_required
@require_safe
def download(request: MemberRequest, download_id: UUID) -> HttpResponse:
    """A download in any state: how far it is, the way into Globus, how to check what has arrived."""
    shown_download = download_for(request, download_id)
    is_preparing = shown_download.current_state is DownloadState.PREPARING
    told = {
        "section": "globus-downloads",
        "project": shown_download.project,
        "download": shown_download,
        "tree": shown_download.tree,
        "shown": download_overview(shown_download, viewer=request.user),
        "is_mine": shown_download.owner_id == request.user.pk,
        "percent": _percent(shown_download) if is_preparing else None,
        "extended_until": backends().clock() + backends().policies.downloads_kept,
        **_other_ways(shown_download),
    }
    fragment = request.headers.get("HX-Request") == "true"
    return render(request, "downloads/download.html" + ("#now" if fragment else ""), told)


@login_required
@require_safe
def manifest(request: MemberRequest, download_id: UUID) -> HttpResponseBase:
    """The digests, or the facts, of all its files, also before it is ready."""
    listed = download_for(request, download_id)
    form = asked_format(request.GET.get("format", "sha256sum"), get_args(ListFormat))
    question = question_of(listed.tree, believed_since=None)
    return list_response(listed.project, question.selection, form=form, wanted=question.wanted)


def _percent(shown_download: Download) -> int | None:
    """How far it is; None while it is not known how many files there are."""
    tree = shown_download.tree
    return min(100, tree.files_done * 100 // tree.files_total) if tree.files_total else None


def _other_ways(shown_download: Download) -> dict[str, str | None]:
    """The same files as one ZIP, and a form for the same once more; none where an address cannot name them."""
    tree, project = shown_download.tree, shown_download.project
    patterns = ", ".join(tree.filter.splitlines())
    zip_url = selection_address("files-archive", project, tree.paths, revision=tree.revision, format="zip")
    same_url = selection_address("download-new", project, tree.paths, revision=tree.revision, filter=patterns)
    return {"zip_url": None if patterns else zip_url, "same_url": same_url}


def dashboard_downloads(member: Member) -> list[DownloadOverview]:
    """Her own downloads that are prepared or can be fetched; the newest first."""
    own = Download.objects.visible_to(member).live().filter(owner=member).select_related("tree", "project", "owner")
    return download_overviews(list(own[:ON_DASHBOARD]), viewer=member)


urlpatterns = [
    path("projects/<uuid:project_id>/globus-downloads/", globus_downloads, name="globus-downloads"),
    path("downloads/<uuid:download_id>/", download, name="download"),
    path("downloads/<uuid:download_id>/manifest", manifest, name="download-manifest"),
]
