"""`/projects/{id}/members`: who belongs to a project, in which role."""

from uuid import UUID

from django.http import HttpResponse
from ninja import Query, Router, Status

from moorage.accounts.models import Member
from moorage.api.authentication import ApiRequest
from moorage.api.finding import find_project
from moorage.api.paging import Page, PageQuery, page_of
from moorage.api.schemas import FAILURES, MembershipIn, MembershipOut
from moorage.backends import backends
from moorage.projects.membership import (
    MembershipNotFoundError,
    add_member,
    change_role,
    membership_of,
    remove_member,
)
from moorage.projects.models import Membership, Project, Role
from moorage.projects.texts import can_be_kept

router = Router(tags=["members"])


@router.get("/{uuid:project_id}/members", response={200: Page[MembershipOut], **FAILURES})
def list_members(request: ApiRequest, project_id: UUID, query: Query[PageQuery]) -> dict[str, object]:
    """Members in the order in which they came."""
    project = find_project(request.auth, project_id)
    rows = project.memberships.select_related("member")
    return page_of(rows, query, by=("added_at", "id"), show=_document)


@router.get("/{uuid:project_id}/members/{member}", response={200: MembershipOut, **FAILURES})
def get_member(request: ApiRequest, project_id: UUID, member: str) -> dict[str, object]:
    """One member's role, by id or e-mail address."""
    project = find_project(request.auth, project_id)
    return _document(membership_of(project, _found(project, member)))


@router.put("/{uuid:project_id}/members/{member}", response={200: MembershipOut, 201: MembershipOut, **FAILURES})
def put_member(request: ApiRequest, project_id: UUID, member: str, body: MembershipIn) -> Status[dict[str, object]]:
    """Give somebody a role: a member by id or e-mail, or anyone with an account by e-mail."""
    project = find_project(request.auth, project_id)
    role, at = Role(body.role), backends().clock()
    present = _find(project, member)
    if present is None:
        made = add_member(project=project, actor=request.auth, email=member, role=role, at=at)
        return Status(201, _document(made))
    changed = change_role(project=project, actor=request.auth, member=present, role=role, at=at)
    return Status(200, _document(changed))


@router.delete("/{uuid:project_id}/members/{member}", response={204: None, **FAILURES})
def delete_member(request: ApiRequest, project_id: UUID, member: str) -> HttpResponse:
    """Take somebody out of the project, or leave it. Access to staging areas ends at once."""
    project = find_project(request.auth, project_id)
    present = _found(project, member)
    remove_member(project=project, actor=request.auth, member=present, at=backends().clock())
    return HttpResponse(status=204)


def _found(project: Project, named: str) -> Member:
    """A member of the project, or MembershipNotFoundError."""
    member = _find(project, named)
    if member is None:
        raise MembershipNotFoundError(f"{project.name} has no such member. Look at its list of members.")
    return member


def _find(project: Project, named: str) -> Member | None:
    """A member of the project, by id or e-mail address."""
    if not can_be_kept(named):
        return None  # no database is to be asked for it
    members = Member.objects.filter(memberships__project=project)
    try:
        return members.filter(pk=UUID(named)).first()
    except ValueError:
        return members.filter(email__iexact=named).first()


def _document(membership: Membership) -> dict[str, object]:
    return {"member": membership.member, "role": membership.role, "added_at": membership.added_at}
