"""Lists of digests: sent by a form, taken back, and the files that they name and that are not there."""

from functools import partial
from typing import BinaryIO, cast
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_POST, require_safe

from moorage.backends import backends
from moorage.errors import ConflictError, InvalidInputError, QuotaExceededError
from moorage.files.cursors import encode_cursor
from moorage.importer.asked.sent_lists import drop_sent_list, keep_sent_list
from moorage.importer.lists.completeness import count_missing, missing_files
from moorage.importer.shown.receipts import newest_missing, receipts
from moorage.transfers.checking import check_may_give_a_list, check_still_takes_a_list
from moorage.transfers.outcomes import delivered_files
from moorage.web.requests import MemberRequest
from moorage.web.templatetags.words import count_of
from moorage.web.upload_manifest import PER_PAGE, place_after
from moorage.web.uploads import upload_for


@login_required
@require_POST
def checksums(request: MemberRequest, upload_id: UUID) -> HttpResponse:
    """Compare with the list that was sent, or with none any more."""
    upload, at = upload_for(request, upload_id), backends().clock()
    check_may_give_a_list(request.user, upload)
    back = redirect("upload", upload.pk)
    if request.POST.get("remove"):
        drop_sent_list(
            upload_id=upload.pk,
            project_id=upload.project_id,
            by=request.user,
            at=at,
            check_wanted=partial(check_still_takes_a_list, upload),
        )
        messages.success(request, "The files are not compared with that list any more.")
        return back
    sent = request.FILES.get("list")
    if sent is None:
        messages.error(request, "Choose a list first: a file as sha256sum writes it, a bag's manifest, or CSV.")
        return back
    try:
        kept = keep_sent_list(
            upload_id=upload.pk,
            project_id=upload.project_id,
            stream=cast("BinaryIO", sent),
            name=sent.name or "",
            by=request.user,
            at=at,
            check_wanted=partial(check_still_takes_a_list, upload),
        )
    except (InvalidInputError, QuotaExceededError, ConflictError) as error:
        messages.error(request, str(error))
        return back
    told = "They are compared with it when their bytes are read: by the import, or by “Check the bytes too” before."
    messages.success(request, f"The list names {count_of(kept.files, 'file')}. {told}")
    return back


@login_required
@require_safe
def missing(request: MemberRequest, upload_id: UUID) -> HttpResponse:
    """What lists of digests name, or Globus delivered, and the last look did not see."""
    upload = upload_for(request, upload_id)
    after = place_after(request, first=0)
    delivered = delivered_files(upload)
    rows = missing_files(upload.pk, delivered, after=after, limit=PER_PAGE + 1)
    newest = newest_missing(receipts(upload.pk))
    has_changed = newest is not None and newest.missing != count_missing(upload.pk, delivered)
    told = {
        "section": "upload-status",
        "project": upload.project,
        "upload": upload,
        "newest": newest if has_changed else None,
        "rows": rows[:PER_PAGE],
        "next": encode_cursor(rows[PER_PAGE - 1].id) if len(rows) > PER_PAGE else "",
        "is_first_page": after == 0,
    }
    return render(request, "uploads/missing.html", told)


urlpatterns = [
    path("uploads/<uuid:upload_id>/missing/", missing, name="upload-missing"),
    path("uploads/<uuid:upload_id>/checksums/", checksums, name="upload-checksums"),
]
