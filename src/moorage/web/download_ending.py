"""What a member decides of a download: more time, once more, DELETE."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_http_methods, require_POST

from moorage.backends import backends
from moorage.errors import ConflictError
from moorage.transfers.downloads.asking import ask_again, extend_download
from moorage.transfers.downloads.ending import delete_download
from moorage.transfers.downloads.overview import download_overview
from moorage.transfers.downloads.rules import check_may_decide
from moorage.transfers.downloads.states import DownloadState
from moorage.transfers.models import Download
from moorage.web.downloads import download_for
from moorage.web.requests import MemberRequest


@login_required
@require_POST
def extend(request: MemberRequest, download_id: UUID) -> HttpResponse:
    """Keep it as long from now as a new one is kept."""
    download = download_for(request, download_id)
    try:
        extend_download(download=download, actor=request.user, at=backends().clock())
        messages.success(request, f"The download is kept until {download.expires_at:%-d %B %Y}.")
    except ConflictError as error:
        messages.error(request, str(error))
    return redirect("download", download.pk)


@login_required
@require_POST
def again(request: MemberRequest, download_id: UUID) -> HttpResponse:
    """Ask again: the same files of the same revision."""
    download = download_for(request, download_id)
    try:
        ask_again(download=download, actor=request.user, at=backends().clock())
    except ConflictError as error:
        messages.error(request, str(error))
    return redirect("download", download.pk)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: MemberRequest, download_id: UUID) -> HttpResponse:
    """DELETE: what ends, and what stays."""
    download = download_for(request, download_id)
    check_may_decide(request.user, download)
    if request.method == "POST":
        delete_download(download=download, actor=request.user, at=backends().clock())
        messages.success(request, "The download is deleted. Your project is not touched.")
        return redirect("globus-downloads", download.project_id)
    if download.current_state is DownloadState.CANCELLED:
        return redirect("download", download.pk)
    others = Download.objects.live().filter(tree=download.tree_id).exclude(pk=download.pk)
    told = {
        "section": "globus-downloads",
        "project": download.project,
        "download": download,
        "shown": download_overview(download, viewer=request.user),
        "others_count": others.count(),
    }
    return render(request, "downloads/delete.html", told)


urlpatterns = [
    path("downloads/<uuid:download_id>/extend/", extend, name="download-extend"),
    path("downloads/<uuid:download_id>/again/", again, name="download-again"),
    path("downloads/<uuid:download_id>/delete/", delete, name="download-delete"),
]
