"""Globus Uploads: the form of a new upload, what it shows after Create, and an upload's own page."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_http_methods, require_safe

from moorage.backends import backends
from moorage.importer.ledger.conflicts import CONFLICT
from moorage.importer.lists.kept import lists_of, whole_lists
from moorage.importer.shown.receipts import Receipt, newest_counted, newest_missing, receipts
from moorage.importer.words.verdicts import NOT_GOOD
from moorage.projects.models import Project
from moorage.projects.rules import may_edit
from moorage.transfers.checking import may_be_given_a_list
from moorage.transfers.models import Upload
from moorage.transfers.naming import DESCRIPTION_LIMIT, NAME_LIMIT
from moorage.transfers.opening import open_upload, prepare_within_patience
from moorage.transfers.overview import overview
from moorage.transfers.room import room_left
from moorage.transfers.rules import may_finish
from moorage.transfers.states import OUTSTANDING, TAKES_FILES
from moorage.transfers.suspects import suspects_of
from moorage.transfers.undoing import undo_standings
from moorage.transfers.watching import note_watched
from moorage.web.chosen import chosen_for
from moorage.web.forms import told_in
from moorage.web.requests import MemberRequest
from moorage.web.upload_progress import progress_of


class UploadForm(forms.Form):
    """The seed's form: a name, and a description that helps to tell several uploads apart."""

    name = forms.CharField(max_length=NAME_LIMIT, label="Name")
    description = forms.CharField(
        max_length=DESCRIPTION_LIMIT,
        required=False,
        label="Description",
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="You can have more than one upload open. Name and description tell them apart.",
    )


def upload_for(request: MemberRequest, upload_id: UUID) -> Upload:
    """The upload, for an editor of its project; for everyone else it is not there."""
    visible = Upload.objects.visible_to(request.user).select_related("project", "owner", "done_by", "wish_by")
    return get_object_or_404(visible, pk=upload_id)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def globus_uploads(request: MemberRequest, project_id: UUID) -> HttpResponse:
    """The form; after Create the same page shows the new upload and Goto Globus."""
    project = get_object_or_404(Project.objects.visible_to(request.user), pk=project_id)
    form = UploadForm(request.POST or None)
    if form.is_valid():
        with told_in(form):
            at = backends().clock()
            upload = open_upload(project=project, actor=request.user, **form.cleaned_data, at=at)
            prepare_within_patience(upload, at=at)
            return redirect(f"{reverse('globus-uploads', args=[project.pk])}?upload={upload.pk}")
    told = {"section": "globus-uploads", "project": project, "may_edit": may_edit(request.user, project)}
    if "upload" in request.GET:
        upload = get_object_or_404(Upload.objects.visible_to(request.user), project=project, pk=_id(request))
        told |= {"upload": upload, "shown": overview(upload, viewer=request.user)}
        fragment = request.headers.get("HX-Request") == "true"
        return render(request, "uploads/created.html" + ("#way" if fragment else ""), told)
    outstanding = Upload.objects.visible_to(request.user).filter(project=project, state__in=sorted(OUTSTANDING))
    told |= {"form": form, "room": room_left(), "outstanding_count": outstanding.count()}
    return render(request, "uploads/new.html", told, status=422 if form.errors else 200)


def _id(request: MemberRequest) -> str | None:
    try:
        return str(UUID(request.GET["upload"]))
    except ValueError:
        return None


@login_required
@require_safe
def upload(request: MemberRequest, upload_id: UUID) -> HttpResponse:
    """An upload in any state: what goes on, what has arrived, how the import goes, its receipts."""
    shown_upload = upload_for(request, upload_id)
    state = shown_upload.current_state
    if state in TAKES_FILES:
        note_watched(shown_upload.collection_id, at=backends().clock())
    found = receipts(shown_upload.pk)
    counted, missing = newest_counted(found), newest_missing(found)
    standings = {standing.number: standing for standing in undo_standings(shown_upload, at=backends().clock())}
    told = {
        "section": "upload-status",
        "project": shown_upload.project,
        "upload": shown_upload,
        "shown": overview(shown_upload, viewer=request.user),
        "progress": progress_of(shown_upload, at=backends().clock()),
        "receipts": found,
        "is_retry_in_vain": bool(found) and _is_in_vain(found[0], shown_upload),
        # With the same choices it would be stopped again.
        "stopped_by_conflict": bool(found) and found[0].reason == CONFLICT,
        "has_doubtful": counted is not None and "doubtful" in counted.verdicts,
        "suspects": suspects_of(shown_upload, viewer=request.user)
        if counted and "doubtful" in counted.verdicts
        else None,
        "only_doubtful": counted is not None and _is_only_doubtful(counted),
        "not_good": [verdict.value for verdict in NOT_GOOD],
        "newest_missing": missing.run if missing else None,
        "runs": [(receipt, standings.get(receipt.revision or 0)) for receipt in found],
        "may_decide": may_finish(request.user, shown_upload),
        "takes_files": state in TAKES_FILES,
        "chosen": chosen_for(shown_upload, found),
        **told_lists(shown_upload),
        "may_give_a_list": may_be_given_a_list(shown_upload),
    }
    fragment = request.headers.get("HX-Request") == "true"
    return render(request, "uploads/upload.html" + ("#now" if fragment else ""), told)


def told_lists(upload: Upload) -> dict[str, Any]:
    """Lists that its files are compared with, and how many more there are, for a page."""
    lists = whole_lists(upload.pk)
    return {"lists": lists, "more_lists": lists_of(upload.pk).count() - len(lists)}


def _is_in_vain(newest: Receipt, upload: Upload) -> bool:
    """Whether a retry, chosen as it is, would leave out again what its newest run left out: only other choices help."""
    return newest.is_in_vain_again and newest.choices == upload.import_choices


def _is_only_doubtful(newest: Receipt) -> bool:
    """Whether a retry could import nothing but what a failed transfer may have left incomplete."""
    doubtful = newest.verdicts.get("doubtful", {}).get("files", 0)
    return 0 < newest.problems == doubtful


urlpatterns = [
    path("projects/<uuid:project_id>/globus-uploads/", globus_uploads, name="globus-uploads"),
    path("uploads/<uuid:upload_id>/", upload, name="upload"),
]
