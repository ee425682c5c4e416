"""`/uploads/{id}/check` and `/uploads/{id}/checksums`: what an import would do, and what the files should be."""

from functools import partial
from typing import BinaryIO, cast
from uuid import UUID

from ninja import Query, Router, Status

from moorage.api.authentication import ApiRequest
from moorage.api.choice_schemas import CheckIn, MissingOut
from moorage.api.finding import find_upload
from moorage.api.paging import Page, PageQuery
from moorage.api.schemas import FAILURES, UploadOut
from moorage.api.upload_documents import upload_document
from moorage.backends import backends
from moorage.files.cursors import decode_cursor, encode_cursor
from moorage.files.targets import check_target
from moorage.importer.asked.previews import ask_preview
from moorage.importer.asked.sent_lists import drop_sent_list, keep_sent_list
from moorage.importer.lists.completeness import missing_files
from moorage.transfers.checking import check_may_give_a_list, check_may_preview, check_still_takes_a_list
from moorage.transfers.outcomes import delivered_files
from moorage.transfers.states import UploadState

router = Router(tags=["uploads"])


@router.post("/uploads/{uuid:upload_id}/check", response={202: UploadOut, **FAILURES})
def post_check(request: ApiRequest, upload_id: UUID, body: CheckIn) -> Status[dict[str, object]]:
    """Make the preview, or renew it; `preview` of the upload tells how far it is, and what it found."""
    upload = find_upload(request.auth, upload_id)
    check_may_preview(request.auth, upload)
    is_before_done = upload.current_state is UploadState.OPEN
    choices = body.choices() if is_before_done else body.choices_over(upload.import_choices)
    check_target(upload.project_id, choices)
    ask_preview(
        upload_id=upload.pk,
        project_id=upload.project_id,
        by=request.auth,
        at=backends().clock(),
        with_digests=body.digest,
        choices=choices,
    )
    return Status(202, upload_document(upload, request.auth))


_LIST = {
    "requestBody": {
        "required": True,
        "content": {kind: {"schema": {"type": "string"}} for kind in ("text/plain", "text/csv")},
    }
}


@router.put("/uploads/{uuid:upload_id}/checksums", response={200: UploadOut, **FAILURES}, openapi_extra=_LIST)
def put_checksums(request: ApiRequest, upload_id: UUID, name: str = "") -> dict[str, object]:
    """Compare the files with the list that is the body: as `sha256sum` writes it, a bag's manifest, or CSV; 64 MiB.

    `name` is what the list is called, such as `manifest-md5.txt`; only a bag's manifest needs it.
    """
    upload = find_upload(request.auth, upload_id)
    check_may_give_a_list(request.auth, upload)
    keep_sent_list(
        upload_id=upload.pk,
        project_id=upload.project_id,
        stream=cast("BinaryIO", request),
        name=name,
        by=request.auth,
        at=backends().clock(),
        check_wanted=partial(check_still_takes_a_list, upload),
    )
    return upload_document(upload, request.auth)


@router.get("/uploads/{uuid:upload_id}/checksums/missing", response={200: Page[MissingOut], **FAILURES})
def list_missing(request: ApiRequest, upload_id: UUID, query: Query[PageQuery]) -> dict[str, object]:
    """What lists of digests name, or Globus delivered, and the last look at the files did not see.

    `entries?compared=` has what else lists of digests say.
    """
    upload = find_upload(request.auth, upload_id)
    after = int(decode_cursor(query.cursor, int)[0]) if query.cursor else 0
    found = missing_files(upload.pk, delivered_files(upload), after=after, limit=query.limit + 1)
    shown = found[: query.limit]
    items = [
        {"path": one.path, "size_bytes": one.size_bytes, "digest": one.digest or None, "source": one.source or None}
        for one in shown
    ]
    return {"items": items, "next": encode_cursor(shown[-1].id) if len(found) > len(shown) else None}


@router.delete("/uploads/{uuid:upload_id}/checksums", response={200: UploadOut, **FAILURES})
def delete_checksums(request: ApiRequest, upload_id: UUID) -> dict[str, object]:
    """Compare the files with the list that was sent no more."""
    upload = find_upload(request.auth, upload_id)
    check_may_give_a_list(request.auth, upload)
    drop_sent_list(
        upload_id=upload.pk,
        project_id=upload.project_id,
        by=request.auth,
        at=backends().clock(),
        check_wanted=partial(check_still_takes_a_list, upload),
    )
    return upload_document(upload, request.auth)
