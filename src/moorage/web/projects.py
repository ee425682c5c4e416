"""Projects: the list, the form of a new one, and its settings."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.http import require_http_methods, require_safe

from moorage.accounts.models import Member
from moorage.audit.models import AuditRecord
from moorage.backends import backends
from moorage.projects import rules
from moorage.projects.models import Project
from moorage.projects.projects import DESCRIPTION_CHARS, NAME_CHARS, create_project, describe_project
from moorage.web.forms import told_in
from moorage.web.requests import MemberRequest

PER_PAGE = 48


class ProjectForm(forms.Form):
    """What a project is called, and what it is."""

    name = forms.CharField(max_length=NAME_CHARS, label="Name")
    description = forms.CharField(
        max_length=DESCRIPTION_CHARS,
        required=False,
        label="Description",
        widget=forms.Textarea(attrs={"rows": 5}),
        help_text="What the data are, and whose work they belong to.",
    )


def projects_of(member: Member) -> "QuerySet[Project]":
    """The member's projects with her `role` and when something last happened in each, that one first."""
    newest = AuditRecord.objects.filter(project_id=OuterRef("pk")).order_by("-id").values("at")[:1]
    return (
        Project.objects.visible_to(member)
        .annotate(role=F("memberships__role"), active_at=Subquery(newest))
        .order_by(F("active_at").desc(nulls_last=True), "name")
    )


@login_required
@require_safe
def projects(request: MemberRequest) -> HttpResponse:
    page = Paginator(projects_of(request.user), PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "projects/list.html", {"section": "projects", "page": page})


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def new_project(request: MemberRequest) -> HttpResponse:
    form = ProjectForm(request.POST or None)
    if form.is_valid():
        with told_in(form):
            project = create_project(**form.cleaned_data, by=request.user, at=backends().clock())
            return redirect("files", project.pk)
    status = 422 if form.errors else 200
    return render(request, "projects/new.html", {"section": "projects", "form": form}, status=status)


@login_required
@require_safe
def project_home(request: MemberRequest, project_id: UUID) -> HttpResponse:
    project = get_object_or_404(Project.objects.visible_to(request.user), pk=project_id)
    return redirect("files", project.pk)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def project_settings(request: MemberRequest, project_id: UUID) -> HttpResponse:
    project = get_object_or_404(Project.objects.visible_to(request.user), pk=project_id)
    now = {"name": project.name, "description": project.description}
    form = ProjectForm(request.POST or None, initial=now)
    if request.method == "POST":
        rules.check_may_own(request.user, project)
    if form.is_valid():
        with told_in(form):
            describe_project(project=project, actor=request.user, **form.cleaned_data, at=backends().clock())
            messages.success(request, "The project's name and description are saved.")
            return redirect("project-settings", project.pk)
    told = {
        "section": "settings",
        "project": project,
        "form": form,
        "may_own": rules.may_own(request.user, project),
        "role": rules.role_of(request.user, project),
    }
    return render(request, "projects/settings.html", told, status=422 if form.errors else 200)


urlpatterns = [
    path("projects/", projects, name="projects"),
    path("projects/new/", new_project, name="project-new"),
    path("projects/<uuid:project_id>/", project_home, name="project"),
    path("projects/<uuid:project_id>/settings/", project_settings, name="project-settings"),
]
