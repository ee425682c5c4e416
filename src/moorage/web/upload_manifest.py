"""An upload file by file: its manifest, and the problems of a run, with reason and next step."""

from functools import partial
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from moorage.files.cursors import CursorError, decode_cursor, encode_cursor
from moorage.importer.lists.completeness import missing_files
from moorage.importer.models import Compared, Verdict
from moorage.importer.shown.entries import entries_page
from moorage.importer.shown.receipt_csv import csv_lines
from moorage.importer.shown.receipts import CODES, ReceiptNotFoundError, problems, receipt, receipts
from moorage.importer.words.reasons import INCLUDED_ALTHOUGH_DOUBTFUL
from moorage.transfers.outcomes import delivered_files
from moorage.web.requests import MemberRequest
from moorage.web.uploads import upload_for

PER_PAGE = 100
LONGEST_NUMBER = 10  # digits


@login_required
@require_safe
def entries(request: MemberRequest, upload_id: UUID) -> HttpResponse:
    """Every staged path with its verdict; filtered by verdict, and to what one run has brought."""
    upload = upload_for(request, upload_id)
    verdict = request.GET.get("verdict", "")
    verdict = verdict if verdict in Verdict.values else ""
    after = place_after(request, first=-1)
    compared = request.GET.get("compared", "")
    compared = compared if compared in Compared.values else ""
    run = request.GET.get("run", "")
    number = int(run) if run.isdecimal() and len(run) < LONGEST_NUMBER else None
    warning = request.GET.get("warning", "")
    warning = warning if warning == INCLUDED_ALTHOUGH_DOUBTFUL else ""
    page = entries_page(
        upload.pk, verdict=verdict, compared=compared, warning=warning, run=number, after=after, limit=PER_PAGE
    )
    filters = {"verdict": verdict, "compared": "" if verdict else compared, "warning": warning, "run": number}
    told = {
        "section": "upload-status",
        "project": upload.project,
        "upload": upload,
        "verdict": verdict,
        "compared": Compared(compared).label if compared else "",
        "warning": warning,
        "run": number,
        "query": urlencode({name: value for name, value in filters.items() if value not in {"", None}}),
        "choices": Verdict.choices,
        "page": page,
        "next": encode_cursor(page.next) if page.next is not None else "",
        "is_first_page": after < 0,
    }
    return render(request, "uploads/entries.html", told)


@login_required
@require_safe
def run_problems(request: MemberRequest, upload_id: UUID, run: int) -> HttpResponse:
    """What one run did not import, and why; filtered by verdict."""
    upload = upload_for(request, upload_id)
    found = next((one for one in receipts(upload.pk) if one.run == run), None)
    if found is None:
        raise ReceiptNotFoundError("This upload has no such run that has ended.")
    after = place_after(request, first=0)
    verdict = request.GET.get("verdict", "")
    verdict = verdict if verdict in {*CODES, Verdict.REJECTED} else ""
    rows = list(problems(upload.pk, run, verdict=verdict, after=after, limit=PER_PAGE + 1))
    told = {
        "section": "upload-status",
        "project": upload.project,
        "upload": upload,
        "run": run,
        "verdict": verdict,
        "query": f"verdict={verdict}" if verdict else "",
        "receipt": found,
        "rows": rows[:PER_PAGE],
        "next": encode_cursor(rows[PER_PAGE - 1].id) if len(rows) > PER_PAGE else "",
        "is_first_page": after == 0,
    }
    return render(request, "uploads/problems.html", told)


@login_required
@require_safe
def receipt_csv(request: MemberRequest, upload_id: UUID, run: int) -> HttpResponseBase:
    """The receipt of a run, file by file."""
    upload = upload_for(request, upload_id)
    missing_after = partial(missing_files, upload.pk, delivered_files(upload))
    lines = csv_lines(upload.pk, receipt(upload.pk, run=run), missing_after)
    response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="receipt-{upload.pk}-{run}.csv"'
    return response


def place_after(request: MemberRequest, *, first: int) -> int:
    """The place in a list that the address names, to go on after."""
    cursor = request.GET.get("cursor")
    if not cursor:
        return first
    place = decode_cursor(cursor, int)[0]
    if not isinstance(place, int):
        raise CursorError
    return place


urlpatterns = [
    path("uploads/<uuid:upload_id>/entries/", entries, name="upload-entries"),
    path("uploads/<uuid:upload_id>/problems/<int:run>/", run_problems, name="upload-problems"),
    path("uploads/<uuid:upload_id>/receipts/<int:run>.csv", receipt_csv, name="upload-receipt"),
]
