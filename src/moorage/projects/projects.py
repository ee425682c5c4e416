"""Creating and describing projects. Who belongs to one is in `membership`."""

from datetime import datetime

from django.db import transaction

from moorage.accounts.models import Member
from moorage.audit.records import record
from moorage.errors import InvalidInputError
from moorage.projects import rules
from moorage.projects.models import Membership, Project, Role
from moorage.projects.texts import many_lines, one_line

NAME_CHARS = 200
DESCRIPTION_CHARS = 10_000


def create_project(*, name: str, description: str, by: Member, at: datetime) -> Project:
    """Create a project whose owner is `by`.

    Raises:
        InvalidInputError: no name, or one that is too long.
    """
    name, description = _checked(name, description)
    with transaction.atomic():
        project = Project.objects.create(name=name, description=description, created_by=by, created_at=at)
        Membership.objects.create(project=project, member=by, role=Role.OWNER, added_by=by, added_at=at)
        record("project.created", project, actor=by, at=at, project_id=project.pk, name=name)
    return project


def describe_project(*, project: Project, actor: Member, name: str, description: str, at: datetime) -> None:
    """Give a project another name and description.

    Raises:
        ProjectRoleError: `actor` is no owner.
        InvalidInputError: no name, or one that is too long.
    """
    rules.check_may_own(actor, project)
    name, description = _checked(name, description)
    with transaction.atomic():
        before = {"name": project.name, "description": project.description}
        project.name, project.description = name, description
        project.save(update_fields=["name", "description"])
        record("project.described", project, actor=actor, at=at, project_id=project.pk, before=before, name=name)


def _checked(name: str, description: str) -> tuple[str, str]:
    name, description = one_line(name), many_lines(description)
    if not name:
        raise InvalidInputError("Give the project a name.", field="name")
    if len(name) > NAME_CHARS:
        raise InvalidInputError(f"A project's name has at most {NAME_CHARS} characters.", field="name")
    if len(description) > DESCRIPTION_CHARS:
        raise InvalidInputError(f"A description has at most {DESCRIPTION_CHARS:,} characters.", field="description")
    return name, description
