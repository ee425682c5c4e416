"""The first page: what needs the member, her projects, what she was told lately."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from moorage.notices.models import Notice
from moorage.web.downloads import dashboard_downloads
from moorage.web.projects import projects_of
from moorage.web.requests import MemberRequest
from moorage.web.upload_status import dashboard_uploads

PROJECTS_SHOWN = 6
NOTICES_SHOWN = 5


@login_required
@require_safe
def dashboard(request: MemberRequest) -> HttpResponse:
    told = {
        "section": "dashboard",
        "projects": projects_of(request.user)[:PROJECTS_SHOWN],
        "notices": Notice.objects.filter(member=request.user)[:NOTICES_SHOWN],
        "my_uploads": dashboard_uploads(request)["my_uploads"](),
        "my_downloads": dashboard_downloads(request.user),
        "needs_globus": not request.user.globus_identities.exists(),
    }
    return render(request, "dashboard/dashboard.html", told)


urlpatterns = [path("", dashboard, name="dashboard")]
