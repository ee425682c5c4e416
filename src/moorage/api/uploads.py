"""`/projects/{id}/uploads` and `/uploads/{id}`: opened, listed, finished, cancelled, deleted, retried, undone."""

from uuid import UUID

from django.http import HttpResponse
from ninja import Query, Router, Status

from moorage.api.authentication import ApiRequest
from moorage.api.choice_schemas import DoneIn, RetryIn
from moorage.api.finding import find_project, find_upload
from moorage.api.idempotency import made_once
from moorage.api.paging import Page, PageQuery, page_of
from moorage.api.schemas import FAILURES, TaskClaimIn, UndoIn, UploadChanges, UploadIn, UploadOut
from moorage.api.upload_documents import upload_document
from moorage.backends import backends
from moorage.transfers.cancelling import cancel_import
from moorage.transfers.discarding import start_discarding
from moorage.transfers.models import Upload
from moorage.transfers.opening import open_upload, prepare_within_patience
from moorage.transfers.renaming import rename_upload
from moorage.transfers.retrying import retry_upload
from moorage.transfers.sealing import start_sealing
from moorage.transfers.states import UploadState
from moorage.transfers.tasks import claim_task
from moorage.transfers.undoing import redo_import, undo_import
from moorage.transfers.watching import note_watched
from moorage.transfers.wishing import take_wish_back, wish_quiet

router = Router(tags=["uploads"])


class UploadQuery(PageQuery):
    state: UploadState | None = None


@router.get("/projects/{uuid:project_id}/uploads", response={200: Page[UploadOut], **FAILURES})
def list_uploads(request: ApiRequest, project_id: UUID, query: Query[UploadQuery]) -> dict[str, object]:
    """A project's uploads, the newest first."""
    project = find_project(request.auth, project_id)
    rows = Upload.objects.visible_to(request.auth).filter(project=project).select_related("owner", "project")
    if query.state is not None:
        rows = rows.in_state(query.state)
    return page_of(rows, query, by=("-created_at", "-id"), show=lambda upload: upload_document(upload, request.auth))


@router.post("/projects/{uuid:project_id}/uploads", response={201: UploadOut, **FAILURES})
def post_upload(
    request: ApiRequest, project_id: UUID, body: UploadIn, response: HttpResponse
) -> Status[dict[str, object]]:
    """Open an upload. It is `requested` until its area and its access rule are there, then `open`."""
    project, at = find_project(request.auth, project_id), backends().clock()
    upload, _ = made_once(
        request,
        Upload,
        lambda: open_upload(project=project, actor=request.auth, name=body.name, description=body.description, at=at),
    )
    prepare_within_patience(upload, at=at)
    response["Location"] = f"/api/v1/uploads/{upload.pk}"
    return Status(201, upload_document(upload, request.auth))


@router.get("/uploads/{uuid:upload_id}", response={200: UploadOut, **FAILURES})
def get_upload(request: ApiRequest, upload_id: UUID) -> dict[str, object]:
    upload = find_upload(request.auth, upload_id)
    note_watched(upload.collection_id, at=backends().clock())
    return upload_document(upload, request.auth)


@router.patch("/uploads/{uuid:upload_id}", response={200: UploadOut, **FAILURES})
def patch_upload(request: ApiRequest, upload_id: UUID, body: UploadChanges) -> dict[str, object]:
    """Rename or describe an open upload; what is left out stays."""
    upload = find_upload(request.auth, upload_id)
    rename_upload(
        upload=upload,
        actor=request.auth,
        name=body.name,
        description=body.description,
        at=backends().clock(),
    )
    return upload_document(upload, request.auth)


@router.delete("/uploads/{uuid:upload_id}", response={202: UploadOut, **FAILURES})
def delete_upload(request: ApiRequest, upload_id: UUID) -> Status[dict[str, object]]:
    """Discard: access ends, transfers are cancelled, the files go to the trash. The project is not touched."""
    upload = find_upload(request.auth, upload_id)
    start_discarding(upload=upload, actor=request.auth, at=backends().clock())
    return Status(202, upload_document(upload, request.auth))


@router.post("/uploads/{uuid:upload_id}/done", response={202: UploadOut, **FAILURES})
def post_done(request: ApiRequest, upload_id: UUID, body: DoneIn) -> Status[dict[str, object]]:
    """Finish: `now` ends write access and queues the import; `quiet` does so when transfers have finished."""
    upload, at = find_upload(request.auth, upload_id), backends().clock()
    finish = wish_quiet if body.when == "quiet" else start_sealing
    finish(upload=upload, actor=request.auth, at=at, choices=body.choices())
    return Status(202, upload_document(upload, request.auth))


@router.delete("/uploads/{uuid:upload_id}/done", response={202: UploadOut, **FAILURES})
def delete_done(request: ApiRequest, upload_id: UUID) -> Status[dict[str, object]]:
    """Take "when transfers finish" back."""
    upload = find_upload(request.auth, upload_id)
    take_wish_back(upload=upload, actor=request.auth, at=backends().clock())
    return Status(202, upload_document(upload, request.auth))


@router.post("/uploads/{uuid:upload_id}/retry", response={202: UploadOut, **FAILURES})
def post_retry(request: ApiRequest, upload_id: UUID, body: RetryIn) -> Status[dict[str, object]]:
    """Import again what the last run did not import, with the same choices; a field that is given replaces one."""
    upload = find_upload(request.auth, upload_id)
    choices = body.choices_over(upload.import_choices)
    retry_upload(upload=upload, actor=request.auth, at=backends().clock(), choices=choices)
    return Status(202, upload_document(upload, request.auth))


@router.post("/uploads/{uuid:upload_id}/cancel", response={202: UploadOut, **FAILURES})
def post_cancel(request: ApiRequest, upload_id: UUID) -> Status[dict[str, object]]:
    """End an import that waits or runs; the project stays as it was. Then the upload is `failed` for `cancelled`."""
    upload = find_upload(request.auth, upload_id)
    cancel_import(upload=upload, actor=request.auth, at=backends().clock())
    return Status(202, upload_document(upload, request.auth))


@router.post("/uploads/{uuid:upload_id}/undo", response={202: UploadOut, **FAILURES})
def post_undo(request: ApiRequest, upload_id: UUID, body: UndoIn) -> Status[dict[str, object]]:
    """Take an import's effect back, in a new revision; `undone` tells when it is done."""
    upload = find_upload(request.auth, upload_id)
    undo_import(upload=upload, actor=request.auth, at=backends().clock(), revision=body.revision)
    return Status(202, upload_document(upload, request.auth))


@router.post("/uploads/{uuid:upload_id}/redo", response={202: UploadOut, **FAILURES})
def post_redo(request: ApiRequest, upload_id: UUID, body: UndoIn) -> Status[dict[str, object]]:
    """Bring an undone import back, in a new revision."""
    upload = find_upload(request.auth, upload_id)
    redo_import(upload=upload, actor=request.auth, at=backends().clock(), revision=body.revision)
    return Status(202, upload_document(upload, request.auth))


@router.post("/uploads/{uuid:upload_id}/globus-tasks", response={200: UploadOut, **FAILURES})
def post_globus_task(request: ApiRequest, upload_id: UUID, body: TaskClaimIn) -> dict[str, object]:
    """Say that a Globus task is, or is not, this upload's."""
    upload = find_upload(request.auth, upload_id)
    claim_task(upload=upload, task_id=body.task_id, mine=body.mine, actor=request.auth, at=backends().clock())
    return upload_document(upload, request.auth)
