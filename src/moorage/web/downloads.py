"""Globus Downloads: says that it comes, and how to get files meanwhile."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path
from django.views.decorators.http import require_safe

from moorage.projects.models import Project
from moorage.web.requests import MemberRequest


@login_required
@require_safe
def globus_downloads(request: MemberRequest, project_id: UUID) -> HttpResponse:
    project = get_object_or_404(Project.objects.visible_to(request.user), pk=project_id)
    return render(request, "downloads/coming.html", {"section": "globus-downloads", "project": project})


urlpatterns = [path("projects/<uuid:project_id>/globus-downloads/", globus_downloads, name="globus-downloads")]
