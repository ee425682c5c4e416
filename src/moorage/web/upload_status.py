"""Upload Status: the project's uploads, the outstanding ones first, and what needs a member on her dashboard."""

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.views.decorators.http import require_safe

from moorage.accounts.models import Member
from moorage.backends import backends
from moorage.importer.shown.receipts import imported_totals
from moorage.projects.models import Project
from moorage.projects.rules import may_edit
from moorage.transfers.models import Upload
from moorage.transfers.overview import overview
from moorage.transfers.states import OUTSTANDING, TAKES_FILES
from moorage.transfers.watching import note_watched
from moorage.transfers.wording import Turn, whose_turn
from moorage.web.requests import MemberRequest

FINISHED_PER_PAGE = 25
ON_DASHBOARD = 8


@login_required
@require_safe
def upload_status(request: MemberRequest, project_id: UUID) -> HttpResponse:
    """All outstanding uploads with their actions, then the finished ones, the last to end first, page by page."""
    project = get_object_or_404(Project.objects.visible_to(request.user), pk=project_id)
    uploads = Upload.objects.visible_to(request.user).filter(project=project).select_related("owner", "project")
    outstanding = list(uploads.outstanding())
    _note_watched(outstanding)
    told: dict[str, Any] = {
        "section": "upload-status",
        "project": project,
        "may_edit": may_edit(request.user, project),
        "outstanding": [overview(upload, viewer=request.user) for upload in outstanding],
    }
    if request.headers.get("HX-Request") == "true":
        return render(request, "uploads/status.html#outstanding", told)
    finished = uploads.exclude(state__in=sorted(OUTSTANDING)).order_by("-state_changed_at", "-id")
    page = Paginator(finished, FINISHED_PER_PAGE).get_page(request.GET.get("page"))
    totals = imported_totals([upload.pk for upload in page])
    told |= {
        "page": page,
        "finished": [(overview(upload, viewer=request.user), *totals.get(upload.pk, (0, 0))) for upload in page],
    }
    return render(request, "uploads/status.html", told)


def _note_watched(uploads: list[Upload]) -> None:
    for collection_id in {upload.collection_id for upload in uploads if upload.current_state in TAKES_FILES}:
        note_watched(collection_id, at=backends().clock())


def dashboard_uploads(request: HttpRequest) -> dict[str, Any]:
    """Context of every page: the member's own uploads that wait for her or are at work; asked only when shown."""
    member = getattr(request, "user", None)
    if not isinstance(member, Member):
        return {}
    return {"my_uploads": lambda: _needing(member)}


def _needing(member: Member) -> list[Any]:
    own = Upload.objects.visible_to(member).filter(owner=member).select_related("owner", "project")
    rows = [upload for upload in own[:100] if whose_turn(upload) is not Turn.NOBODY]
    return [overview(upload, viewer=member) for upload in rows[:ON_DASHBOARD]]


urlpatterns = [path("projects/<uuid:project_id>/upload-status/", upload_status, name="upload-status")]
