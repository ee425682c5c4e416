"""`/projects/{id}/revisions`: the changes of a project's files, newest first; files removed, moved, restored."""

from uuid import UUID

from django.http import HttpResponse
from ninja import Query, Router, Status

from moorage.api.authentication import ApiRequest
from moorage.api.finding import find_project
from moorage.api.idempotency import made_before, made_once
from moorage.api.paging import Page, PageQuery
from moorage.api.people import person
from moorage.api.revision_schemas import RevisionIn, RevisionOut
from moorage.api.schemas import FAILURES
from moorage.backends import backends
from moorage.files.change_requests import read_request
from moorage.files.changing import check_change, failure_of, note_change
from moorage.files.history import find_revision, revisions_of
from moorage.files.models import Revision, RevisionKind

router = Router(tags=["revisions"])


@router.get("/{uuid:project_id}/revisions", response={200: Page[RevisionOut], **FAILURES})
def list_revisions(request: ApiRequest, project_id: UUID, query: Query[PageQuery]) -> dict[str, object]:
    """Published revisions, newest first."""
    page = revisions_of(find_project(request.auth, project_id), cursor=query.cursor, limit=query.limit)
    return {"items": [revision_document(revision) for revision in page.items], "next": page.next}


@router.post("/{uuid:project_id}/revisions", response={202: RevisionOut, **FAILURES})
def post_revision(
    request: ApiRequest, project_id: UUID, body: RevisionIn, response: HttpResponse
) -> Status[dict[str, object]]:
    """Remove, move or restore files and folders, in a new revision; its `state` tells when it is done."""
    project = find_project(request.auth, project_id)
    revision = made_before(request, Revision)
    if revision is None:
        asked = read_request(RevisionKind(body.kind), body.paths, target=body.target, revision=body.revision)
        check_change(project=project, actor=request.auth, request=asked)
        at = backends().clock()
        revision, _ = made_once(
            request, Revision, lambda: note_change(project=project, actor=request.auth, request=asked, at=at)
        )
    response["Location"] = f"/api/v1/projects/{project.pk}/revisions/{revision.pk}"
    return Status(202, revision_document(revision))


@router.get("/{uuid:project_id}/revisions/{uuid:revision_id}", response={200: RevisionOut, **FAILURES})
def get_revision(request: ApiRequest, project_id: UUID, revision_id: UUID) -> dict[str, object]:
    """One revision, also one that waits or has failed."""
    return revision_document(find_revision(find_project(request.auth, project_id), revision_id))


def revision_document(revision: Revision) -> dict[str, object]:
    return {
        "id": revision.pk,
        "number": revision.number,
        "kind": revision.kind,
        "state": revision.state,
        "reason": _reason(revision),
        "by": person(revision.by),
        "at": revision.published_at or revision.asked_at,
        "upload": revision.upload_id,
        "undoes": revision.undoes.number if revision.undoes else None,
        "request": revision.request if revision.request.get("paths") else None,
        "files_added": revision.files_added,
        "files_changed": revision.files_changed,
        "files_removed": revision.files_removed,
        "bytes_added": revision.bytes_added,
        "left_alone": revision.left_alone,
        "left_named": [{"path": path, "code": code} for path, code in revision.left_named],
    }


def _reason(revision: Revision) -> dict[str, object] | None:
    if not revision.reason:
        return None
    message, path = failure_of(revision)
    return {
        "code": revision.reason,
        "message": message or "Nothing was changed. Those whom it concerns have been told why.",
        "path": path or None,
    }
