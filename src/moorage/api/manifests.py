"""`/uploads/{id}/entries` and `/uploads/{id}/receipt`: what an import found, file by file, and what it did."""

import csv
from collections.abc import Iterator
from typing import Literal
from uuid import UUID

from django.http import HttpResponseBase, JsonResponse, StreamingHttpResponse
from ninja import Query, Router

from moorage.api.authentication import ApiRequest
from moorage.api.finding import find_upload
from moorage.api.paging import Page, PageQuery
from moorage.api.schemas import FAILURES, EntryOut, ReceiptOut
from moorage.files.cursors import decode_cursor, encode_cursor
from moorage.importer.lists.completeness import missing_files
from moorage.importer.shown.entries import EntryItem, entries_page
from moorage.importer.shown.receipts import Receipt, imported_files, newest_missing, problems, receipt, receipts
from moorage.transfers.models import Upload
from moorage.transfers.outcomes import delivered_files

router = Router(tags=["uploads"])
ROWS_A_QUERY = 1000


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
    return {"items": [_entry(item) for item in page.items], "next": following}


def _entry(item: EntryItem) -> dict[str, object]:
    return {
        "path": item.path,
        "path_base64": item.path_base64 or None,
        "kind": item.kind,
        "verdict": item.verdict,
        "state": item.state,
        "reason": _reason(item.reason, item.reason_text),
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
) -> HttpResponseBase:
    """The receipt of a published run, the newest by default, or of any run by its number: JSON, or CSV, file by file,
    by `Accept: text/csv`.
    """
    upload = find_upload(request.auth, upload_id)
    found = receipt(upload.pk, revision=revision, run=run)
    accepted = request.headers.get("Accept", "")
    if "text/csv" in accepted:
        return receipt_csv(upload, found)
    return JsonResponse(_document(upload, found))


def _document(upload: Upload, found: Receipt) -> dict[str, object]:
    return {
        "upload": str(upload.pk),
        "run": found.run,
        "outcome": found.outcome,
        "revision": found.revision,
        "reason": _reason(found.reason, found.reason_text),
        "files": found.files,
        "bytes": found.bytes,
        "verdicts": found.verdicts,
        "problems": found.problems,
        "missing": found.missing,
        "warnings": [{"code": one["code"], "message": one["sentence"]} for one in found.warnings],
        "started_at": found.started_at.isoformat(),
        "ended_at": found.ended_at.isoformat(),
        "duration_seconds": found.duration.total_seconds(),
    }


def receipt_csv(upload: Upload, found: Receipt) -> StreamingHttpResponse:
    """A line for why the run published nothing, for each file that it imported, for each path that it did not, and for
    what was not there.
    """
    response = StreamingHttpResponse(_lines(upload, found), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="receipt-{upload.pk}-{found.run}.csv"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


class _Echo:
    """What `csv` writes into: gives each line back."""

    def write(self, line: str) -> str:
        return line


def _lines(upload: Upload, found: Receipt) -> Iterator[str]:
    write = csv.writer(_Echo()).writerow
    yield write(["path", "verdict", "size_bytes", "sha256", "code", "reason", "kept_until"])
    if found.reason:
        yield write(["", found.outcome, "", "", found.reason, found.reason_text, ""])
    after = -1
    while found.revision is not None and (files := imported_files(upload.pk, found.revision, after=after)):
        for file in files:
            yield write([_harmless(file.path), file.verdict, file.size_bytes, file.digest, "", "", ""])
        after = files[-1].number
    last = 0
    while page := list(problems(upload.pk, found.run, after=last, limit=ROWS_A_QUERY)):
        for row in page:
            yield write([_harmless(row.path), "not imported", "", "", row.code, row.sentence, row.kept_until or ""])
        last = page[-1].id
    yield from (write(row) for row in _missing_rows(upload, found))


def _missing_rows(upload: Upload, found: Receipt) -> Iterator[list[str | int]]:
    """Which files are missing is known of the newest run that found it out: an earlier one may have been compared with
    other lists.
    """
    newest = newest_missing(receipts(upload.pk))
    if not found.missing or newest is None or found.run != newest.run:
        return
    after = 0
    while page := missing_files(upload.pk, delivered_files(upload), after=after, limit=ROWS_A_QUERY):
        for one in page:
            size = "" if one.size_bytes is None else one.size_bytes
            yield [_harmless(one.path), "missing", size, "", one.code, one.sentence, ""]
        after = page[-1].id


def _harmless(text: str) -> str:
    """A path that a spreadsheet does not take for a formula."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text
