"""Undo this import, and redo it: what it would do to the project's files, and the button that asks for it."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_http_methods

from moorage.backends import backends
from moorage.files.undo_plan import WHY_LEFT
from moorage.files.undoing import UndoEffect, foresee_undo
from moorage.importer.shown.found_again import found_again_after
from moorage.transfers.rules import check_may_finish
from moorage.transfers.undoing import UndoStanding, redo_import, standing_of, undo_import, undo_standings
from moorage.web.requests import MemberRequest
from moorage.web.uploads import upload_for


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def undo(request: MemberRequest, upload_id: UUID, revision: int) -> HttpResponse:
    """What the undo of one of the upload's revisions would do; asked for by POST."""
    upload, at = upload_for(request, upload_id), backends().clock()
    if request.method == "POST":
        undo_import(upload=upload, actor=request.user, at=at, revision=revision)
        messages.success(request, "The import is being undone. You are told when it is done.")
        return redirect("upload", upload.pk)
    return _page(request, upload_id, revision, is_redo=False)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def redo(request: MemberRequest, upload_id: UUID, revision: int) -> HttpResponse:
    """What bringing an undone import back would do; asked for by POST."""
    upload, at = upload_for(request, upload_id), backends().clock()
    if request.method == "POST":
        redo_import(upload=upload, actor=request.user, at=at, revision=revision)
        messages.success(request, "The import is being brought back. You are told when it is done.")
        return redirect("upload", upload.pk)
    return _page(request, upload_id, revision, is_redo=True)


def _page(request: MemberRequest, upload_id: UUID, revision: int, *, is_redo: bool) -> HttpResponse:
    upload = upload_for(request, upload_id)
    check_may_finish(request.user, upload)
    standing = standing_of(undo_standings(upload, at=backends().clock()), revision)
    if not (standing.may_be_redone if is_redo else standing.may_be_undone):
        return redirect("upload", upload.pk)
    effect = _foreseen(standing)
    told = {
        "section": "upload-status",
        "project": upload.project,
        "upload": upload,
        "standing": standing,
        "is_redo": is_redo,
        "effect": effect,
        "named": [(where, WHY_LEFT[code]) for where, code in effect.named],
        "more": effect.left - len(effect.named),
    }
    return render(request, "uploads/undo.html", told)


def _foreseen(standing: UndoStanding) -> UndoEffect:
    tip = standing.chain.tip
    number = tip.number or 0
    return foresee_undo(tip.project, number, found_again=found_again_after(tip.project_id, number))


urlpatterns = [
    path("uploads/<uuid:upload_id>/undo/<int:revision>/", undo, name="upload-undo"),
    path("uploads/<uuid:upload_id>/redo/<int:revision>/", redo, name="upload-redo"),
]
