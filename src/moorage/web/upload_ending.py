"""What ends an upload: DONE (now, or when transfers finish), taking that back, DELETE, retry, cancel; its renaming."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_http_methods, require_POST

from moorage.backends import backends
from moorage.errors import ConflictError
from moorage.projects.choices import ImportChoices
from moorage.transfers.cancelling import cancel_import
from moorage.transfers.discarding import start_discarding
from moorage.transfers.models import Upload
from moorage.transfers.naming import DESCRIPTION_LIMIT, NAME_LIMIT
from moorage.transfers.overview import overview
from moorage.transfers.renaming import rename_upload
from moorage.transfers.retrying import may_be_retried, retry_upload
from moorage.transfers.rules import check_may_finish
from moorage.transfers.sealing import start_sealing
from moorage.transfers.states import UploadState
from moorage.transfers.tasks import claim_task
from moorage.transfers.watching import note_watched
from moorage.transfers.wishing import take_wish_back, wish_quiet
from moorage.web.choices_form import ChoicesForm, as_fields
from moorage.web.forms import told_in
from moorage.web.requests import MemberRequest
from moorage.web.upload_choices import (
    LOOKED,
    choices_page,
    chosen_before,
    current_preview,
    fresh_preview,
    kept_choices,
)
from moorage.web.uploads import upload_for


class RenameForm(forms.Form):
    name = forms.CharField(max_length=NAME_LIMIT, label="Name")
    description = forms.CharField(
        max_length=DESCRIPTION_LIMIT,
        required=False,
        label="Description",
        widget=forms.Textarea(attrs={"rows": 3}),
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def done(request: MemberRequest, upload_id: UUID) -> HttpResponse:
    """Mark Done: what has arrived, what an import would do, what can be chosen, and the two ways to go on."""
    upload, at = upload_for(request, upload_id), backends().clock()
    form = _choices_form(request, upload)
    if request.method == "POST" and form.is_valid():
        finish = wish_quiet if request.POST.get("when") == "quiet" else start_sealing
        try:
            with told_in(form):
                finish(upload=upload, actor=request.user, at=at, choices=form.choices())
                return redirect("upload", upload.pk)
        except ConflictError as error:
            return _told(request, error, "upload-done", upload.pk)
    check_may_finish(request.user, upload)
    if upload.current_state is not UploadState.OPEN:
        return redirect("upload", upload.pk)
    note_watched(upload.collection_id, at=at)
    if request.headers.get("HX-Request") == "true":
        told = {"upload": upload, "project": upload.project, "shown": overview(upload, viewer=request.user)}
        return render(request, "uploads/done.html#arrived", told)
    return _choices_page(request, upload, form)


@login_required
@require_POST
def take_back(request: MemberRequest, upload_id: UUID) -> HttpResponse:
    upload = upload_for(request, upload_id)
    take_wish_back(upload=upload, actor=request.user, at=backends().clock())
    messages.success(request, "The upload stays open. Press DONE when you want it imported.")
    return redirect("upload", upload.pk)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def delete(request: MemberRequest, upload_id: UUID) -> HttpResponse:
    """DELETE: what would be deleted, and until when the trash keeps it."""
    upload, at = upload_for(request, upload_id), backends().clock()
    if request.method == "POST":
        try:
            start_discarding(upload=upload, actor=request.user, at=at)
        except ConflictError as error:
            return _told(request, error, "upload", upload.pk)
        messages.success(request, "The upload is being deleted. Your project is not touched.")
        return redirect("upload", upload.pk)
    shown = overview(upload, viewer=request.user)
    if upload.current_state in {UploadState.DISCARDING, UploadState.DISCARDED}:
        return redirect("upload", upload.pk)
    told = {
        "section": "upload-status",
        "project": upload.project,
        "upload": upload,
        "shown": shown,
        "kept_until": at + backends().policies.trash_kept,
    }
    return render(request, "uploads/delete.html", told)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def retry(request: MemberRequest, upload_id: UUID) -> HttpResponse:
    """Retry what was not imported; the page before it shows what that would do, and what can be chosen."""
    upload = upload_for(request, upload_id)
    kept = kept_choices(upload, request.POST) if request.method == "POST" else None
    form = ChoicesForm(upload.project, as_fields(kept)) if kept else _choices_form(request, upload)
    if request.method == "POST" and form.is_valid():
        choices = kept or form.choices()
        try:
            with told_in(form):
                retry_upload(upload=upload, actor=request.user, at=backends().clock(), choices=choices)
                return redirect("upload", upload.pk)
        except ConflictError as error:
            return _told(request, error, "upload", upload.pk)
    check_may_finish(request.user, upload)
    if not may_be_retried(upload):
        return redirect("upload", upload.pk)
    return _choices_page(request, upload, form)


@login_required
@require_POST
def cancel(request: MemberRequest, upload_id: UUID) -> HttpResponse:
    """Cancel import: of one that waits, or runs."""
    upload = upload_for(request, upload_id)
    try:
        cancel_import(upload=upload, actor=request.user, at=backends().clock())
    except ConflictError as error:
        return _told(request, error, "upload", upload.pk)
    messages.success(request, "The import is being cancelled. The project stays as it is.")
    return redirect("upload", upload.pk)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def rename(request: MemberRequest, upload_id: UUID) -> HttpResponse:
    upload = upload_for(request, upload_id)
    form = RenameForm(request.POST or None, initial={"name": upload.name, "description": upload.description})
    if form.is_valid():
        with told_in(form):
            rename_upload(upload=upload, actor=request.user, at=backends().clock(), **form.cleaned_data)
            return redirect("upload", upload.pk)
    told = {"section": "upload-status", "project": upload.project, "upload": upload, "form": form}
    return render(request, "uploads/rename.html", told, status=422 if form.errors else 200)


@login_required
@require_POST
def claim(request: MemberRequest, upload_id: UUID, task_id: UUID) -> HttpResponse:
    """The member's answer to "does this transfer belong here?"."""
    upload = upload_for(request, upload_id)
    mine = request.POST.get("mine") == "yes"
    claim_task(upload=upload, task_id=task_id, mine=mine, actor=request.user, at=backends().clock())
    return redirect("upload-done" if upload.current_state is UploadState.OPEN else "upload", upload.pk)


def _choices_form(request: MemberRequest, upload: Upload) -> ChoicesForm:
    if request.method == "POST":
        return ChoicesForm(upload.project, request.POST)
    return ChoicesForm(upload.project, initial=_chosen_before(request, upload))


def _chosen_before(request: MemberRequest, upload: Upload) -> ImportChoices:
    return chosen_before(upload, looked=LOOKED in request.GET)


def _choices_page(request: MemberRequest, upload: Upload, form: ChoicesForm) -> HttpResponse:
    if request.method == "POST":  # it was refused: what she sees beside the reason is what she has looked at
        return choices_page(request, upload, form, current_preview(upload))
    return choices_page(request, upload, form, fresh_preview(request, upload, _chosen_before(request, upload)))


def _told(request: MemberRequest, error: ConflictError, page: str, upload_id: UUID) -> HttpResponse:
    """Back to the page where she pressed, with what stood in the way: the upload is in another state than it showed."""
    messages.error(request, str(error))
    return redirect(page, upload_id)


urlpatterns = [
    path("uploads/<uuid:upload_id>/done/", done, name="upload-done"),
    path("uploads/<uuid:upload_id>/take-back/", take_back, name="upload-take-back"),
    path("uploads/<uuid:upload_id>/delete/", delete, name="upload-delete"),
    path("uploads/<uuid:upload_id>/retry/", retry, name="upload-retry"),
    path("uploads/<uuid:upload_id>/cancel/", cancel, name="upload-cancel"),
    path("uploads/<uuid:upload_id>/rename/", rename, name="upload-rename"),
    path("uploads/<uuid:upload_id>/tasks/<uuid:task_id>/", claim, name="upload-task"),
]
