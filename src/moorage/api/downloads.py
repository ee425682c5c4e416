"""`/projects/{id}/downloads` and `/downloads/{id}`: asked for, listed, extended, deleted, asked for again, checked."""

from uuid import UUID

from django.http import HttpResponse, HttpResponseBase
from ninja import Query, Router, Schema, Status

from moorage.api.authentication import ApiRequest
from moorage.api.download_documents import download_document, download_documents
from moorage.api.download_schemas import DownloadChanges, DownloadIn, DownloadOut
from moorage.api.finding import find_download, find_project
from moorage.api.idempotency import made_once
from moorage.api.paging import Page, PageQuery, page_of
from moorage.api.schemas import FAILURES
from moorage.backends import backends
from moorage.files.archives.response import ListFormat, list_response
from moorage.transfers.downloads.asking import ask_again, extend_download, request_download
from moorage.transfers.downloads.ending import delete_download
from moorage.transfers.downloads.models import Download
from moorage.transfers.downloads.states import DownloadState
from moorage.transfers.downloads.trees import question_of

router = Router(tags=["downloads"])


class DownloadQuery(PageQuery):
    state: DownloadState | None = None


class ManifestQuery(Schema):
    format: ListFormat = "sha256sum"


@router.get("/projects/{uuid:project_id}/downloads", response={200: Page[DownloadOut], **FAILURES})
def list_downloads(request: ApiRequest, project_id: UUID, query: Query[DownloadQuery]) -> dict[str, object]:
    """A project's downloads, of all its members, the newest first."""
    project = find_project(request.auth, project_id)
    rows = Download.objects.visible_to(request.auth).filter(project=project)
    if query.state is not None:
        rows = rows.in_state([query.state])
    rows = rows.select_related("tree", "project", "owner")
    page = page_of(rows, query, by=("-created_at", "-id"), show=lambda download: download)
    return page | {"items": download_documents(page["items"], request.auth)}


@router.post("/projects/{uuid:project_id}/downloads", response={201: DownloadOut, **FAILURES})
def post_download(
    request: ApiRequest, project_id: UUID, body: DownloadIn, response: HttpResponse
) -> Status[dict[str, object]]:
    """Ask for files of the project in Globus. It is `ready` when all of them are there, and not before."""
    project = find_project(request.auth, project_id)
    made, _ = made_once(
        request,
        Download,
        lambda: request_download(
            project=project,
            actor=request.auth,
            name=body.name,
            description=body.description,
            paths=body.paths,
            filter_text=body.filter,
            revision=body.revision,
            verify_first=body.verify_first,
            at=backends().clock(),
        ),
    )
    response["Location"] = f"/api/v1/downloads/{made.pk}"
    return Status(201, download_document(find_download(request.auth, made.pk), request.auth))


@router.get("/downloads/{uuid:download_id}", response={200: DownloadOut, **FAILURES})
def get_download(request: ApiRequest, download_id: UUID) -> dict[str, object]:
    return download_document(find_download(request.auth, download_id), request.auth)


@router.patch("/downloads/{uuid:download_id}", response={200: DownloadOut, **FAILURES})
def patch_download(request: ApiRequest, download_id: UUID, body: DownloadChanges) -> dict[str, object]:
    """Extend: keep it until `expires_at`, by default as long from now as a new download is kept."""
    download = find_download(request.auth, download_id)
    extend_download(download=download, actor=request.auth, expires_at=body.expires_at, at=backends().clock())
    return download_document(download, request.auth)


@router.delete("/downloads/{uuid:download_id}", response={202: DownloadOut, **FAILURES})
def remove_download(request: ApiRequest, download_id: UUID) -> Status[dict[str, object]]:
    """End it: access ends, and its folder goes with its last download. The project is not touched."""
    download = find_download(request.auth, download_id)
    delete_download(download=download, actor=request.auth, at=backends().clock())
    return Status(202, download_document(find_download(request.auth, download_id), request.auth))


@router.post("/downloads/{uuid:download_id}/retry", response={202: DownloadOut, **FAILURES})
def post_retry(request: ApiRequest, download_id: UUID) -> Status[dict[str, object]]:
    """Ask again for one that failed or has expired: the same files of the same revision."""
    download = find_download(request.auth, download_id)
    ask_again(download=download, actor=request.auth, at=backends().clock())
    return Status(202, download_document(find_download(request.auth, download_id), request.auth))


@router.get("/downloads/{uuid:download_id}/manifest", response={200: None, **FAILURES})
def get_manifest(request: ApiRequest, download_id: UUID, query: Query[ManifestQuery]) -> HttpResponseBase:
    """All its files, also before it is ready: lines for `sha256sum -c`, or a JSON document a line."""
    download = find_download(request.auth, download_id)
    question = question_of(download.tree, believed_since=None)
    return list_response(download.project, question.selection, form=query.format, wanted=question.wanted)
