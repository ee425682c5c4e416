"""`/projects/{id}/revisions`: the changes of a project's files, newest first."""

from uuid import UUID

from ninja import Query, Router

from moorage.api.authentication import ApiRequest
from moorage.api.finding import find_project
from moorage.api.paging import Page, PageQuery
from moorage.api.people import person
from moorage.api.schemas import FAILURES, RevisionOut
from moorage.files.history import revisions_of
from moorage.files.models import Revision

router = Router(tags=["revisions"])


@router.get("/{uuid:project_id}/revisions", response={200: Page[RevisionOut], **FAILURES})
def list_revisions(request: ApiRequest, project_id: UUID, query: Query[PageQuery]) -> dict[str, object]:
    """Published revisions, newest first."""
    page = revisions_of(find_project(request.auth, project_id), cursor=query.cursor, limit=query.limit)
    return {"items": [revision_document(revision) for revision in page.items], "next": page.next}


def revision_document(revision: Revision) -> dict[str, object]:
    return {
        "number": revision.number,
        "kind": revision.kind,
        "state": revision.state,
        "by": person(revision.by),
        "at": revision.published_at or revision.asked_at,
        "upload": revision.upload_id,
        "files_added": revision.files_added,
        "files_changed": revision.files_changed,
        "files_removed": revision.files_removed,
        "bytes_added": revision.bytes_added,
    }
