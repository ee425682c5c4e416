"""What a member chooses for an import, and its preview: the parts of the DONE page and of the page before a retry."""

from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_POST, require_safe

from moorage.accounts.models import Member
from moorage.backends import backends
from moorage.files.targets import check_target
from moorage.importer.asked.previews import ask_preview
from moorage.importer.shown.preview import PreviewView, preview_of
from moorage.importer.words.verdicts import Verdict
from moorage.projects.choices import ImportChoices
from moorage.transfers.checking import check_may_preview, may_be_given_a_list, may_be_previewed
from moorage.transfers.models import Upload
from moorage.transfers.overview import overview
from moorage.transfers.states import UploadState
from moorage.transfers.suspects import suspects_of
from moorage.web.choices_form import ChoicesForm
from moorage.web.forms import told_in
from moorage.web.preview_rows import rows_of
from moorage.web.requests import MemberRequest
from moorage.web.uploads import told_lists, upload_for

LOOKED: Final = "looked"  # in the address of a page of choices: she has just looked what other choices would do


def current_preview(upload: Upload) -> PreviewView | None:
    """The preview that there is, and whether it holds."""
    return preview_of(upload.pk, head=upload.project.head, area_digest=upload.arrived_digest)


def chosen_before(upload: Upload, *, looked: bool) -> ImportChoices:
    """What stands in the form: what was chosen for a wish or an earlier run.

    Where nothing was chosen yet, or she has just `looked` what other choices would do, what the preview was made of.
    """
    shown = current_preview(upload)
    return shown.choices if shown and (looked or not _is_chosen(upload)) else upload.import_choices


def _is_chosen(upload: Upload) -> bool:
    return upload.wish_at is not None or upload.current_state is not UploadState.OPEN


def kept_choices(upload: Upload, sent: QueryDict) -> ImportChoices | None:
    """What one click retries with: as was chosen before, and `also`. None: a form of choices was sent."""
    if "target" in sent:
        return None
    own = upload.import_choices
    return replace(own, include=(*own.include, *sent.getlist("also")))


def fresh_preview(request: MemberRequest, upload: Upload, choices: ImportChoices) -> PreviewView | None:
    """The preview of these choices; asked for where there is none, or where it no longer holds.

    None: nothing has arrived yet.
    """
    shown = current_preview(upload)
    is_of_use = shown and shown.choices == choices and (shown.is_under_way or shown.holds or shown.reason)
    nothing_yet = upload.current_state is UploadState.OPEN and not upload.arrived_digest
    if is_of_use or nothing_yet or not may_be_previewed(upload):
        return shown
    _ask(request, upload, choices, with_digests=shown is not None and shown.with_digests)
    return current_preview(upload)


def _ask(request: MemberRequest, upload: Upload, choices: ImportChoices, *, with_digests: bool) -> None:
    ask_preview(
        upload_id=upload.pk,
        project_id=upload.project_id,
        by=request.user,
        at=backends().clock(),
        with_digests=with_digests,
        choices=choices,
    )


def _told(upload: Upload, form: ChoicesForm, preview: PreviewView | None, viewer: Member) -> dict[str, Any]:
    """What the parts of a page that show choices and preview need."""
    chosen, is_open = {name: form[name].value() for name in form.fields}, upload.current_state is UploadState.OPEN
    return {
        "section": "upload-status",
        "project": upload.project,
        "upload": upload,
        "form": form,
        "has_choices": any(chosen.values()),
        "includes": chosen["include"] or [],
        "preview": preview,
        "rows": rows_of(preview, is_open=is_open) if preview else [],
        "suspects": suspects_of(upload, viewer=viewer) if preview and preview.of(Verdict.DOUBTFUL).files else None,
        "warnings": preview.warnings_of(is_open=is_open) if preview else [],
        "may_be_previewed": may_be_previewed(upload),
        **told_lists(upload),
        "may_give_a_list": may_be_given_a_list(upload),
    }


@login_required
@require_safe
def preview(request: MemberRequest, upload_id: UUID) -> HttpResponse:
    """The preview as it is now: the part of its page that keeps itself fresh."""
    upload = upload_for(request, upload_id)
    if request.headers.get("HX-Request") != "true":
        return redirect(page_of_choices(upload), upload.pk)
    shown = current_preview(upload)
    told = _told(upload, ChoicesForm(upload.project, initial=shown.choices if shown else None), shown, request.user)
    return render(request, "uploads/preview.html", told)


@login_required
@require_POST
def check(request: MemberRequest, upload_id: UUID) -> HttpResponseBase:
    """Look again, with the choices that stand in the form; `also` adds one of them in one click."""
    upload = upload_for(request, upload_id)
    check_may_preview(request.user, upload)
    sent = request.POST.copy()
    if also := sent.get("also"):
        sent.setlist("include", [*sent.getlist("include"), also])
    form = ChoicesForm(upload.project, sent)
    if form.is_valid():
        with told_in(form):
            check_target(upload.project_id, form.choices())
            _ask(request, upload, form.choices(), with_digests=bool(sent.get("digest")))
            return redirect(looked_page(upload))
    return choices_page(request, upload, form, current_preview(upload))


def page_of_choices(upload: Upload) -> str:
    """The name of the page where an import of this upload is chosen."""
    return "upload-done" if upload.current_state is UploadState.OPEN else "upload-retry"


def looked_page(upload: Upload) -> str:
    """The address of that page with what she has looked at in its form."""
    address = reverse(page_of_choices(upload), args=[upload.pk])
    return f"{address}?{LOOKED}=1" if _is_chosen(upload) else address


def choices_page(
    request: MemberRequest, upload: Upload, form: ChoicesForm, preview: PreviewView | None
) -> HttpResponse:
    """That page: DONE of an open upload, else what comes before a retry."""
    told = _told(upload, form, preview, request.user) | {
        "shown": overview(upload, viewer=request.user),
        "quiet_seconds": int(backends().policies.quiet_time.total_seconds()),
    }
    template = "uploads/done.html" if upload.current_state is UploadState.OPEN else "uploads/retry.html"
    return render(request, template, told, status=422 if form.errors else 200)


urlpatterns = [
    path("uploads/<uuid:upload_id>/preview/", preview, name="upload-preview"),
    path("uploads/<uuid:upload_id>/check/", check, name="upload-check"),
]
