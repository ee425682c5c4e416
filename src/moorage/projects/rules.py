"""Who may do what in a project. `check_…` raises the reason, `may_…` answers."""

from collections.abc import Collection
from uuid import UUID

from moorage.accounts.models import Member
from moorage.errors import NotFoundError, NotPermittedError
from moorage.projects.models import Membership, Project, Role

MAY_EDIT = frozenset({Role.OWNER, Role.EDITOR})


class ProjectRoleError(NotPermittedError):
    """The member's role in the project does not allow this."""

    code = "project.role"

    def __init__(self, project: Project, needed: str) -> None:
        super().__init__(f"Only an {needed} of {project.name} may do this. Ask an owner of the project for that role.")
        self.needed = needed


class ProjectNotFoundError(NotFoundError):
    code = "project.not_found"


def role_of(member: Member, project: Project) -> Role | None:
    """The member's role, or None for someone who does not belong to the project (or whose account has ended)."""
    if not member.is_active:
        return None
    role = Membership.objects.filter(project=project, member=member).values_list("role", flat=True).first()
    return Role(role) if role else None


def roles_of(member: Member, projects: Collection[UUID]) -> dict[UUID, Role]:
    """The member's roles in those of these projects that she belongs to, in one query."""
    if not member.is_active:
        return {}
    own = Membership.objects.filter(member=member, project__in=projects).values_list("project_id", "role")
    return {project: Role(role) for project, role in own}


def check_may_view(member: Member, project: Project) -> Role:
    """Raise ProjectNotFoundError for anyone who does not belong to the project."""
    role = role_of(member, project)
    if role is None:
        raise ProjectNotFoundError("There is no such project, or you are not a member of it. Ask its owner to add you.")
    return role


def check_may_edit(member: Member, project: Project) -> Role:
    """Raise unless the member is an editor or owner."""
    role = check_may_view(member, project)
    if role not in MAY_EDIT:
        raise ProjectRoleError(project, "editor or owner")
    return role


def check_may_own(member: Member, project: Project) -> Role:
    """Raise unless the member is an owner."""
    role = check_may_view(member, project)
    if role is not Role.OWNER:
        raise ProjectRoleError(project, "owner")
    return role


def may_edit(member: Member, project: Project) -> bool:
    return role_of(member, project) in MAY_EDIT


def may_own(member: Member, project: Project) -> bool:
    return role_of(member, project) is Role.OWNER
