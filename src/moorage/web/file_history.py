"""Pages of what happened to a project's files: the list of revisions, and what differs between two."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import path
from django.views.decorators.http import require_safe

from moorage.files.change_words import done_words, going_on_words, is_change
from moorage.files.comparing import ChangedItem, changes_between
from moorage.files.history import pending_revisions, revisions_of
from moorage.files.models import Revision, RevisionKind
from moorage.projects.models import Project
from moorage.projects.rules import may_edit
from moorage.transfers.models import Upload
from moorage.web.file_addresses import address, asked_revision, files_frame, project_for
from moorage.web.requests import MemberRequest
from moorage.web.templatetags.words import count_of, size


@login_required
@require_safe
def revisions(request: MemberRequest, project_id: UUID) -> HttpResponse:
    """What changed the project's files, newest first."""
    project = project_for(request, project_id)
    cursor = request.GET.get("cursor")
    page = revisions_of(project, cursor=cursor)
    pending = [] if cursor else pending_revisions(project)
    context = files_frame(project, "", None) | {
        "rows": _revision_rows(project, page.items),
        "pending": [
            {"revision": revision, "words": going_on_words(revision) if is_change(revision) else ""}
            for revision in pending
        ],
        "is_first_page": not cursor,
        "first_url": address("revisions", project),
        "next_url": address("revisions", project, cursor=page.next) if page.next else "",
        "compare_url": address("file-compare", project),
        "may_edit": may_edit(request.user, project),
    }
    return render(request, "files/revisions.html", context)


@login_required
@require_safe
def compare(request: MemberRequest, project_id: UUID) -> HttpResponse:
    """What differs between two revisions; without numbers, what the newest changed."""
    project = project_for(request, project_id)
    page = changes_between(
        project,
        first=asked_revision(request, project, name="from"),
        second=asked_revision(request, project, name="to"),
        cursor=request.GET.get("cursor"),
    )
    numbers: dict[str, str | int | None] = {"from": page.first, "to": page.second}
    context = files_frame(project, "", None) | {
        "first": page.first,
        "second": page.second,
        "rows": [_changed_row(project, item, page.first, page.second) for item in page.items],
        "is_first_page": "cursor" not in request.GET,
        "first_url": address("file-compare", project, **numbers),
        "next_url": address("file-compare", project, **numbers, cursor=page.next) if page.next else "",
        "compare_url": address("file-compare", project),
    }
    return render(request, "files/compare.html", context)


def _changed_row(project: Project, item: ChangedItem, first: int, second: int) -> dict[str, Any]:
    """An item, with the way to where it can be looked at."""
    page = "file" if item.kind == "file" else "files"
    return {
        "item": item,
        "url": address(page, project, path=item.path, revision=first if item.change == "removed" else second),
    }


def _revision_rows(project: Project, shown: Sequence[Revision]) -> list[dict[str, Any]]:
    uploads = uploads_of(project, (revision.upload_id for revision in shown))
    return [
        {
            "revision": revision,
            "upload": uploads.get(revision.upload_id),
            "words": done_words(revision) if is_change(revision) else "",
            "changes": _changes(revision),
            "files_url": address("files", project, revision=revision.number),
            "compare_url": _compare_url(project, revision),
        }
        for revision in shown
    ]


def _compare_url(project: Project, revision: Revision) -> str:
    number = revision.number or 1
    return address("file-compare", project, **{"from": number - 1, "to": number})


def _changes(revision: Revision) -> str:
    """`12 added (3.4 MB), 1 changed`: what a revision did, in words."""
    if revision.kind == RevisionKind.MOVE:
        return f"{count_of(revision.files_added, 'file')} moved ({size(revision.bytes_added)})"
    added = f"{revision.files_added:,} added ({size(revision.bytes_added)})" if revision.files_added else ""
    changed = f"{revision.files_changed:,} changed" if revision.files_changed else ""
    removed = f"{revision.files_removed:,} removed" if revision.files_removed else ""
    return ", ".join(filter(None, (added, changed, removed))) or "nothing new"


def uploads_of(project: Project, upload_ids: Iterable[UUID | None]) -> dict[UUID | None, Upload]:
    """The uploads with these ids, for their names and links."""
    wanted = {upload_id for upload_id in upload_ids if upload_id is not None}
    uploads = Upload.objects.filter(project=project, pk__in=wanted).only("pk", "name") if wanted else ()
    return {upload.pk: upload for upload in uploads}


urlpatterns = [
    path("projects/<uuid:project_id>/revisions/", revisions, name="revisions"),
    path("projects/<uuid:project_id>/changes/", compare, name="file-compare"),
]
