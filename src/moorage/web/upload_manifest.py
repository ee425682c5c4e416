"""An upload file by file: its manifest, and the problems of a run, with reason and next step."""

from collections.abc import Collection
from functools import partial
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from moorage.errors import InvalidInputError
from moorage.files.cursors import CursorError, decode_cursor, encode_cursor
from moorage.importer.lists.completeness import missing_files
from moorage.importer.models import Compared, ImportRun, Verdict
from moorage.importer.shown.entries import entries_page
from moorage.importer.shown.receipt_csv import csv_lines
from moorage.importer.shown.receipts import CODES, ReceiptNotFoundError, problems, receipt, receipts
from moorage.importer.words.reasons import INCLUDED_ALTHOUGH_DOUBTFUL
from moorage.transfers.outcomes import delivered_files
from moorage.web.requests import MemberRequest
from moorage.web.uploads import upload_for

PER_PAGE = 100
LONGEST_NUMBER = 10  # digits


class UnknownFilterError(InvalidInputError):
    """The address asks for what no path of a list can be."""

    code = "filter.unknown"

    def __init__(self, name: str, value: str, known: Collection[str]) -> None:
        super().__init__(
            f"This list cannot be shown by {name} “{value}”: there are {', '.join(known)}. "
            "Go back, and choose one of the links above the list.",
            field=name,
        )


@login_required
@require_safe
def entries(request: MemberRequest, upload_id: UUID) -> HttpResponse:
    """Every staged path with its verdict; filtered by verdict, and to what one run has brought."""
    upload = upload_for(request, upload_id)
    verdict = _one_of(request, "verdict", Verdict.values)
    after = place_after(request, first=-1)
    compared = _one_of(request, "compared", Compared.values)
    warning = _one_of(request, "warning", [INCLUDED_ALTHOUGH_DOUBTFUL])
    number = _run_asked_for(request, upload.pk)
    page = entries_page(
        upload.pk, verdict=verdict, compared=compared, warning=warning, run=number, after=after, limit=PER_PAGE
    )
    filters = {
        "verdict": verdict,
        "compared": "" if verdict else compared,
        "warning": warning,
        "run": "" if number is None else number,
    }
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
    verdict = _one_of(request, "verdict", [verdict.value for verdict in (*CODES, Verdict.REJECTED)])
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


def _one_of(request: MemberRequest, name: str, known: Collection[str]) -> str:
    """What the list is to be shown by; empty where it is not asked for."""
    value = request.GET.get(name, "")
    if value and value not in known:
        raise UnknownFilterError(name, value, known)
    return value


def _run_asked_for(request: MemberRequest, upload_id: UUID) -> int | None:
    run = request.GET.get("run", "")
    if not run:
        return None
    known = ImportRun.objects.filter(upload_id=upload_id).order_by("number").values_list("number", flat=True)
    if not (run.isdecimal() and len(run) < LONGEST_NUMBER and int(run) in known):
        raise ReceiptNotFoundError(f"This upload has no run {run}. Go back to its page: that shows all of its runs.")
    return int(run)


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
