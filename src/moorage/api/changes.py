"""`/projects/{id}/changes`: what differs between two revisions."""

from dataclasses import asdict
from uuid import UUID

from ninja import Field, Query, Router

from moorage.api.authentication import ApiRequest
from moorage.api.finding import find_project
from moorage.api.paging import PageQuery
from moorage.api.revision_schemas import ChangesPage
from moorage.api.schemas import FAILURES
from moorage.files.comparing import changes_between

router = Router(tags=["revisions"])


class ChangesQuery(PageQuery):
    first: int | None = Field(None, alias="from")
    second: int | None = Field(None, alias="to")


@router.get("/{uuid:project_id}/changes", response={200: ChangesPage, **FAILURES}, by_alias=True)
def list_changes(request: ApiRequest, project_id: UUID, query: Query[ChangesQuery]) -> dict[str, object]:
    """Files added, changed and removed, folders added and removed; `to` is the newest and `from` the one before it.

    In the order of a walk: each folder, its files by name, then its folders. A cursor keeps both revisions.
    """
    page = changes_between(
        find_project(request.auth, project_id),
        first=query.first,
        second=query.second,
        cursor=query.cursor,
        limit=query.limit,
    )
    return {
        "items": [asdict(item) for item in page.items],
        "next": page.next,
        "first": page.first,
        "second": page.second,
    }
