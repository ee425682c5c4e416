"""`/projects`: the member's projects."""

from uuid import UUID

from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.http import HttpResponse
from ninja import Query, Router, Status

from moorage.api.authentication import ApiRequest
from moorage.api.finding import find_project
from moorage.api.idempotency import made_once
from moorage.api.paging import Page, PageQuery, page_of
from moorage.api.schemas import FAILURES, ProjectChanges, ProjectIn, ProjectOut
from moorage.backends import backends
from moorage.importer.asked.defaults import save_import_defaults
from moorage.projects.models import Membership, Project
from moorage.projects.projects import create_project, describe_project
from moorage.projects.rules import role_of

router = Router(tags=["projects"])


@router.get("", response={200: Page[ProjectOut], **FAILURES})
def list_projects(request: ApiRequest, query: Query[PageQuery]) -> dict[str, object]:
    """The member's projects, by name."""
    own = Membership.objects.filter(project=OuterRef("pk"), member=request.auth)
    rows = Project.objects.visible_to(request.auth).annotate(own_role=Subquery(own.values("role")))
    return page_of(rows, query, by=("name", "id"), show=_with_own_role)


@router.post("", response={201: ProjectOut, **FAILURES})
def post_project(request: ApiRequest, body: ProjectIn, response: HttpResponse) -> Status[dict[str, object]]:
    """Create a project; the member becomes its owner."""
    project, _ = made_once(
        request,
        Project,
        lambda: create_project(name=body.name, description=body.description, by=request.auth, at=backends().clock()),
    )
    response["Location"] = f"/api/v1/projects/{project.pk}"
    return Status(201, _document(project, role_of(request.auth, project)))


@router.get("/{uuid:project_id}", response={200: ProjectOut, **FAILURES})
def get_project(request: ApiRequest, project_id: UUID) -> dict[str, object]:
    project = find_project(request.auth, project_id)
    return _document(project, role_of(request.auth, project))


@router.patch("/{uuid:project_id}", response={200: ProjectOut, **FAILURES})
def patch_project(request: ApiRequest, project_id: UUID, body: ProjectChanges) -> dict[str, object]:
    """Give the project another name, description, or defaults for its imports; what is left out stays."""
    project, at = find_project(request.auth, project_id), backends().clock()
    with transaction.atomic():
        describe_project(
            project=project,
            actor=request.auth,
            name=project.name if body.name is None else body.name,
            description=project.description if body.description is None else body.description,
            at=at,
        )
        if body.model_fields_set & {"on_conflict", "ignore_rules"}:
            save_import_defaults(
                project=project,
                actor=request.auth,
                on_conflict=body.on_conflict or project.on_conflict,
                ignore_rules=project.ignore_rules if body.ignore_rules is None else body.ignore_rules,
                at=at,
            )
    return _document(project, role_of(request.auth, project))


def _with_own_role(project: Project) -> dict[str, object]:
    # Annotated by the list: not a role query for each of its rows.
    role: str = project.own_role  # type: ignore[attr-defined]
    return _document(project, role)


def _document(project: Project, role: str | None) -> dict[str, object]:
    return {
        "id": project.pk,
        "name": project.name,
        "description": project.description,
        "role": role,
        "head": project.head,
        "on_conflict": project.on_conflict,
        "ignore_rules": project.ignore_rules,
        "created_at": project.created_at,
    }
