"""`/uploads/{id}/entries` and `/uploads/{id}/receipt`: what an import found, file by file, and what it did."""

from functools import partial
from typing import Literal
from uuid import UUID

from django.http import HttpResponseBase, StreamingHttpResponse
from ninja import Query, Router

from moorage.api.authentication import ApiRequest
from moorage.api.finding import find_upload
from moorage.api.paging import Page, PageQuery
from moorage.api.schemas import FAILURES, EntryOut, ReceiptOut
from moorage.api.upload_choices import choices_document
from moorage.files.cursors import decode_cursor, encode_cursor
from moorage.importer.lists.completeness import missing_files
from moorage.importer.shown.entries import EntryItem, entries_page
from moorage.importer.shown.receipt_csv import csv_lines
from moorage.importer.shown.receipts import Receipt, receipt
from moorage.importer.words.advice import advised
from moorage.transfers.models import Upload
from moorage.transfers.outcomes import delivered_files
from moorage.transfers.states import TAKES_FILES

router = Router(tags=["uploads"])


class EntryQuery(PageQuery):
    verdict: Literal["new", "new_version", "identical", "doubtful", "skipped", "rejected"] | None = None
    state: Literal["planned", "digested", "placed", "registered", "failed"] | None = None
    compared: Literal["matches", "differs", "extra"] | None = None


@router.get("/uploads/{uuid:upload_id}/entries", response={200: Page[EntryOut], **FAILURES})
def list_entries(request: ApiRequest, upload_id: UUID, query: Query[EntryQuery]) -> dict[str, object]:
    """The manifest, in its own order: parents before what is in them."""
    upload = find_upload(request.auth, upload_id)
    after = int(decode_cursor(query.cursor, int)[0]) if query.cursor else -1
    page = entries_page(
        upload.pk,
        verdict=query.verdict or "",
        state=query.state or "",
        compared=query.compared or "",
        after=after,
        limit=query.limit,
    )
    following = None if page.next is None else encode_cursor(page.next)
    return {"items": [_entry(item, upload) for item in page.items], "next": following}


def _entry(item: EntryItem, upload: Upload) -> dict[str, object]:
    is_open, is_gone = upload.current_state in TAKES_FILES, upload.remnants_gone_at is not None
    return {
        "path": item.path,
        "path_base64": item.path_base64 or None,
        "kind": item.kind,
        "verdict": item.verdict,
        "state": item.state,
        "reason": _reason(item.reason, advised(item.reason, item.reason_text, is_open=is_open, is_gone=is_gone)),
        "size_bytes": item.size_bytes,
        "digest": item.digest or None,
        "warning": item.warning or None,
        "compared": item.compared or None,
    }


def _reason(code: str, sentence: str) -> dict[str, str] | None:
    return {"code": code, "message": sentence} if code else None


@router.get("/uploads/{uuid:upload_id}/receipt", response={200: ReceiptOut, **FAILURES})
def get_receipt(
    request: ApiRequest, upload_id: UUID, revision: int | None = None, run: int | None = None
) -> HttpResponseBase | dict[str, object]:
    """The receipt of a published run, the newest by default, or of any run by its number: JSON, or CSV, file by file,
    by `Accept: text/csv`.
    """
    upload = find_upload(request.auth, upload_id)
    found = receipt(upload.pk, revision=revision, run=run)
    accepted = request.headers.get("Accept", "")
    if "text/csv" in accepted:
        lines = csv_lines(upload.pk, found, partial(missing_files, upload.pk, delivered_files(upload)))
        response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="receipt-{upload.pk}-{found.run}.csv"'
        response["X-Content-Type-Options"] = "nosniff"
        return response
    return _document(upload, found)


def _document(upload: Upload, found: Receipt) -> dict[str, object]:
    return {
        "upload": upload.pk,
        "run": found.run,
        "outcome": found.outcome,
        "revision": found.revision,
        "reason": _reason(found.reason, found.reason_text),
        "choices": choices_document(found.choices),
        "files": found.files,
        "bytes": found.bytes,
        "verdicts": found.verdicts,
        "problems": found.problems,
        "missing": found.missing,
        "warnings": [{"code": one["code"], "message": one["sentence"]} for one in found.warnings],
        "started_at": found.started_at,
        "ended_at": found.ended_at,
        "duration_seconds": found.duration.total_seconds(),
    }
