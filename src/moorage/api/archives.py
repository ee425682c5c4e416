"""`/projects/{id}/archive` and `…/files/list`: a folder or a selection as one file, and the digests to check it by."""

from uuid import UUID

from django.http import HttpResponseBase
from ninja import Query, Router, Schema

from moorage.api.authentication import ApiRequest
from moorage.api.finding import find_project
from moorage.api.schemas import FAILURES
from moorage.backends import backends
from moorage.files.archives.response import ArchiveFormat, ListFormat, archive_response, list_response
from moorage.files.archives.selection import select

router = Router(tags=["files"])


class SelectionQuery(Schema):
    """`path` may be repeated; without one it is the whole project."""

    path: list[str] = []
    revision: int | None = None


class ArchiveQuery(SelectionQuery):
    format: ArchiveFormat = "zip"


class ListQuery(SelectionQuery):
    format: ListFormat = "sha256sum"


@router.api_operation(["HEAD"], "/{uuid:project_id}/archive", include_in_schema=False)
@router.get("/{uuid:project_id}/archive", response={200: None, 206: None, 304: None, 416: None, **FAILURES})
def archive(request: ApiRequest, project_id: UUID, query: Query[ArchiveQuery]) -> HttpResponseBase:
    """A folder or a selection as one ZIP or TAR. Ranges are served; the ETag is of revision and selection."""
    project = find_project(request.auth, project_id)
    selection = select(project, query.path, revision=query.revision)
    return archive_response(request, selection, form=query.format, store=backends().store)


@router.get("/{uuid:project_id}/files/list", response={200: None, **FAILURES})
def list_of_files(request: ApiRequest, project_id: UUID, query: Query[ListQuery]) -> HttpResponseBase:
    """All files of a folder or a selection: lines for `sha256sum -c`, or a JSON document a line."""
    project = find_project(request.auth, project_id)
    selection = select(project, query.path, revision=query.revision)
    return list_response(project, selection, form=query.format)
