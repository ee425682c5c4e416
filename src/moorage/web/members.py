"""A project's members page: who belongs to it; owners add, invite, change roles and remove."""

from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from moorage.accounts.models import Member
from moorage.backends import backends
from moorage.projects import membership as memberships
from moorage.projects import rules
from moorage.projects.membership import NoSuchAccountError
from moorage.projects.models import InvitedMembership, Project, Role
from moorage.web.forms import told_in
from moorage.web.requests import MemberRequest

ROLE_WORDS = [
    (Role.VIEWER, "viewer: sees and downloads files"),
    (Role.EDITOR, "editor: uploads files as well"),
    (Role.OWNER, "owner: finishes every upload, adds members"),
]


class AddMemberForm(forms.Form):
    """Whom to add, as what."""

    email = forms.EmailField(label="E-mail address", widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    role = forms.ChoiceField(choices=ROLE_WORDS, initial=Role.EDITOR, label="Role")


class RoleForm(forms.Form):
    """Another role."""

    role = forms.ChoiceField(choices=Role.choices)


@login_required
@require_safe
def members(request: MemberRequest, project_id: UUID) -> HttpResponse:
    project = get_object_or_404(Project.objects.visible_to(request.user), pk=project_id)
    return _page(request, project, AddMemberForm())


@login_required
@require_POST
def add(request: MemberRequest, project_id: UUID) -> HttpResponse:
    project = get_object_or_404(Project.objects.visible_to(request.user), pk=project_id)
    form = AddMemberForm(request.POST)
    if form.is_valid():
        email, role = form.cleaned_data["email"], Role(form.cleaned_data["role"])
        with told_in(form):
            messages.success(request, _add_or_invite(project, request.user, email, role))
            return redirect("members", project.pk)
    return _page(request, project, form)


def _add_or_invite(project: Project, actor: Member, email: str, role: Role) -> str:
    at = backends().clock()
    try:
        added = memberships.add_member(project=project, actor=actor, email=email, role=role, at=at)
    except NoSuchAccountError:
        if settings.SIGN_UP != "invitation":
            raise
        memberships.invite_member(project=project, actor=actor, email=email, role=role, at=at)
        return f"{email} has no account yet: an invitation is on its way by mail."
    return f"{added.member} is now {added.get_role_display()} of this project."


@login_required
@require_POST
def change_role(request: MemberRequest, project_id: UUID, member_id: UUID) -> HttpResponse:
    project = get_object_or_404(Project.objects.visible_to(request.user), pk=project_id)
    member = get_object_or_404(Member, memberships__project=project, pk=member_id)
    form = RoleForm(request.POST)
    if form.is_valid():
        role = Role(form.cleaned_data["role"])
        memberships.change_role(project=project, actor=request.user, member=member, role=role, at=backends().clock())
        messages.success(request, f"{member} is now {role.label} of this project.")
    return redirect("members", project.pk)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: MemberRequest, project_id: UUID, member_id: UUID) -> HttpResponse:
    """Ask, and then take a member out of the project; members leave by the same page."""
    project = get_object_or_404(Project.objects.visible_to(request.user), pk=project_id)
    member = get_object_or_404(Member, memberships__project=project, pk=member_id)
    if member != request.user:
        rules.check_may_own(request.user, project)
    if request.method == "POST":
        memberships.remove_member(project=project, actor=request.user, member=member, at=backends().clock())
        if member == request.user:
            messages.success(request, f"You have left {project.name}.")
            return redirect("projects")
        messages.success(request, f"{member} is no longer a member of this project.")
        return redirect("members", project.pk)
    told = {"section": "members", "project": project, "member": member, "is_self": member == request.user}
    return render(request, "members/remove.html", told)


@login_required
@require_POST
def take_back(request: MemberRequest, project_id: UUID, invited_id: int) -> HttpResponse:
    project = get_object_or_404(Project.objects.visible_to(request.user), pk=project_id)
    invited = get_object_or_404(InvitedMembership.objects.select_related("invitation"), project=project, pk=invited_id)
    memberships.take_back_invitation(invited=invited, actor=request.user, at=backends().clock())
    messages.success(request, f"The invitation of {invited.invitation.email} is taken back.")
    return redirect("members", project.pk)


def _page(request: MemberRequest, project: Project, form: AddMemberForm) -> HttpResponse:
    may_own = rules.may_own(request.user, project)
    told = {
        "section": "members",
        "project": project,
        "memberships": project.memberships.select_related("member", "added_by").order_by("member__name", "pk"),
        "invited": project.invited.select_related("invitation") if may_own else [],
        "roles": Role.choices,
        "may_own": may_own,
        "by_invitation": settings.SIGN_UP == "invitation",
        "form": form,
    }
    return render(request, "members/list.html", told, status=422 if form.errors else 200)


_at = "projects/<uuid:project_id>/members/"
urlpatterns = [
    path(_at, members, name="members"),
    path(_at + "add/", add, name="member-add"),
    path(_at + "<uuid:member_id>/role/", change_role, name="member-role"),
    path(_at + "<uuid:member_id>/remove/", remove, name="member-remove"),
    path(_at + "invited/<int:invited_id>/take-back/", take_back, name="invitation-take-back"),
]
