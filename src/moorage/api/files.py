"""`/projects/{id}/files`: one folder's items, and the bytes of a file, at the newest revision or an older one."""

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

from django.http import HttpResponseBase
from ninja import Query, Router

from moorage.api.authentication import ApiRequest
from moorage.api.finding import find_project
from moorage.api.paging import PageQuery
from moorage.api.schemas import FAILURES, ItemPage
from moorage.backends import backends
from moorage.files.browsing import find_file, list_folder
from moorage.files.items import Item
from moorage.files.serving import content_response

router = Router(tags=["files"])


class FolderQuery(PageQuery):
    path: str = ""
    revision: int | None = None


@router.get("/{uuid:project_id}/files", response={200: ItemPage, **FAILURES})
def list_files(request: ApiRequest, project_id: UUID, query: Query[FolderQuery]) -> dict[str, object]:
    """One folder's items: folders first, in the byte order of names. A cursor keeps the revision of its first page."""
    project = find_project(request.auth, project_id)
    page = list_folder(
        project, path=query.path.strip("/"), revision=query.revision, cursor=query.cursor, limit=query.limit
    )
    return {"items": [_document(item) for item in page.items], "next": page.next, "revision": page.revision}


def _document(item: Item) -> dict[str, object]:
    fields = asdict(item)
    fields.pop("changed", None)
    return fields


@router.api_operation(["HEAD"], "/{uuid:project_id}/files/content", include_in_schema=False)
@router.get("/{uuid:project_id}/files/content", response={200: None, 206: None, 304: None, 416: None, **FAILURES})
def file_content(
    request: ApiRequest, project_id: UUID, path: Annotated[str, Query(...)], revision: int | None = None
) -> HttpResponseBase:
    """The bytes of a file. Ranges are served; the ETag is the digest."""
    project = find_project(request.auth, project_id)
    version = find_file(project, path.strip("/"), revision=revision)
    return content_response(request, version, store=backends().store)
