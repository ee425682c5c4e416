"""Pages of a project's files: folders, a file and its versions, its bytes, the list of revisions.

What stands where at which revision is answered by `files.browsing` and `files.history`; here it only gets
addresses, and the names of the uploads that brought it.
"""

from collections.abc import Iterable, Sequence
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import path, reverse
from django.views.decorators.http import require_safe

from moorage.backends import backends
from moorage.files.browsing import breadcrumbs, find_file, find_item, find_version, list_folder
from moorage.files.history import VersionPage, pending_revisions, revisions_of, versions_of
from moorage.files.items import FileItem, Item, RevisionNotFoundError, resolve_revision
from moorage.files.models import Revision
from moorage.files.paths import PathNotFoundError, parent_path
from moorage.files.serving import content_response
from moorage.projects.models import Project
from moorage.projects.rules import may_edit
from moorage.transfers.models import Upload
from moorage.web.requests import MemberRequest
from moorage.web.templatetags.words import size


@login_required
@require_safe
def files(request: MemberRequest, project_id: UUID) -> HttpResponse:
    """A folder at a revision, page by page; what is no folder but a file leads to the file's page."""
    project = _project(request, project_id)
    where, revision = request.GET.get("path", ""), _revision(request, project)
    try:
        page = list_folder(project, path=where, revision=revision, cursor=request.GET.get("cursor"))
    except PathNotFoundError:
        find_file(project, where, revision=revision)
        return redirect(_address("file", project, path=where, revision=revision))
    earlier = _unless_newest(project, page.revision)
    context = _frame(project, where, earlier) | {
        "folder": page.folder,
        "rows": [_item_row(project, item, earlier) for item in page.items],
        "is_first_page": "cursor" not in request.GET,
        "first_url": _address("files", project, path=where, revision=earlier),
        "next_url": _address("files", project, path=where, cursor=page.next) if page.next else "",
        "may_edit": may_edit(request.user, project),
    }
    return render(request, "files/folder.html", context)


@login_required
@require_safe
def file(request: MemberRequest, project_id: UUID) -> HttpResponse:
    """A file at a revision, and all its versions. A file that is gone keeps its page: its versions stay readable."""
    project = _project(request, project_id)
    where = request.GET.get("path", "")
    revision = resolve_revision(project, _revision(request, project))
    earlier = _unless_newest(project, revision)
    item = _item_or_none(project, where, revision)
    if item is not None and not isinstance(item, FileItem):
        return redirect(_address("files", project, path=where, revision=earlier))
    versions = versions_of(project, where, cursor=request.GET.get("cursor"))
    if item is None and not versions.items:
        raise PathNotFoundError(where, revision=revision)
    context = _frame(project, parent_path(where), earlier) | {
        "path": where,
        "name": where.rpartition("/")[2],
        "item": item,
        "shown_revision": revision,
        "content_url": _address("file-content", project, path=where, revision=earlier),
        "versions": _version_rows(project, versions),
        "is_first_page": "cursor" not in request.GET,
        "first_url": _address("file", project, path=where, revision=earlier),
        "next_url": _address("file", project, path=where, revision=earlier, cursor=versions.next)
        if versions.next
        else "",
        "newest_url": _address("file", project, path=where),
    }
    return render(request, "files/file.html", context)


@login_required
@require_safe
def file_content(request: MemberRequest, project_id: UUID) -> HttpResponseBase:
    """A file's bytes: of a version, or of what stands at a path at a revision."""
    project = _project(request, project_id)
    if "version" in request.GET:
        version = find_version(project, _version_id(request))
    else:
        version = find_file(project, request.GET.get("path", ""), revision=_revision(request, project))
    return content_response(request, version, store=backends().store)


@login_required
@require_safe
def revisions(request: MemberRequest, project_id: UUID) -> HttpResponse:
    """What changed the project's files, newest first."""
    project = _project(request, project_id)
    cursor = request.GET.get("cursor")
    page = revisions_of(project, cursor=cursor)
    pending = [] if cursor else pending_revisions(project)
    context = _frame(project, "", None) | {
        "rows": _revision_rows(project, page.items),
        "pending": pending,
        "is_first_page": not cursor,
        "first_url": _address("revisions", project),
        "next_url": _address("revisions", project, cursor=page.next) if page.next else "",
        "may_edit": may_edit(request.user, project),
    }
    return render(request, "files/revisions.html", context)


def _project(request: MemberRequest, project_id: UUID) -> Project:
    return get_object_or_404(Project.objects.visible_to(request.user), pk=project_id)


def _revision(request: HttpRequest, project: Project) -> int | None:
    """The revision that the address names. One that is no number is one that is not there."""
    asked = request.GET.get("revision", "")
    if not asked:
        return None
    if not (asked.isascii() and asked.isdigit() and len(asked) < 20):
        raise RevisionNotFoundError(project)
    return int(asked)


def _version_id(request: HttpRequest) -> UUID:
    asked = request.GET["version"]
    try:
        return UUID(asked)
    except ValueError as error:
        raise PathNotFoundError(f"version {asked}") from error


def _item_or_none(project: Project, where: str, revision: int) -> Item | None:
    try:
        return find_item(project, where, revision=revision)
    except PathNotFoundError:
        return None


def _unless_newest(project: Project, revision: int) -> int | None:
    """The revision that links must name. The newest is not named, so that a bookmark moves on with the project."""
    return None if revision == project.head else revision


def _address(name: str, project: Project, **query: str | int | None) -> str:
    named = {key: value for key, value in query.items() if value is not None and value != ""}
    address = reverse(name, args=(project.pk,))
    return f"{address}?{urlencode(named)}" if named else address


def _frame(project: Project, folder: str, earlier: int | None) -> dict[str, Any]:
    """What every page of files shows around what it is about; `folder` is where the way of crumbs ends."""
    crumbs = [
        {"name": crumb.name, "url": _address("files", project, path=crumb.path, revision=earlier)}
        for crumb in breadcrumbs(folder)
    ]
    return {
        "section": "files",
        "project": project,
        "crumbs": crumbs,
        "root_url": _address("files", project, revision=earlier),
        "earlier": earlier,
        "newest_url": _address("files", project, path=folder),
    }


def _item_row(project: Project, item: Item, earlier: int | None) -> dict[str, Any]:
    page = "file" if isinstance(item, FileItem) else "files"
    return {"item": item, "url": _address(page, project, path=item.path, revision=earlier)}


def _version_rows(project: Project, versions: VersionPage) -> list[dict[str, Any]]:
    uploads = _uploads(project, (version.began.upload_id for version in versions.items if version.began))
    return [
        {
            "version": version,
            "upload": uploads.get(version.began.upload_id) if version.began else None,
            "content_url": _address("file-content", project, version=str(version.version)),
            "files_url": _address("files", project, revision=version.revision),
        }
        for version in versions.items
    ]


def _revision_rows(project: Project, shown: Sequence[Revision]) -> list[dict[str, Any]]:
    uploads = _uploads(project, (revision.upload_id for revision in shown))
    return [
        {
            "revision": revision,
            "upload": uploads.get(revision.upload_id),
            "changes": _changes(revision),
            "files_url": _address("files", project, revision=revision.number),
        }
        for revision in shown
    ]


def _changes(revision: Revision) -> str:
    """`12 added (3.4 MB), 1 changed`: what a revision did, in words."""
    added = f"{revision.files_added:,} added ({size(revision.bytes_added)})" if revision.files_added else ""
    changed = f"{revision.files_changed:,} changed" if revision.files_changed else ""
    removed = f"{revision.files_removed:,} removed" if revision.files_removed else ""
    return ", ".join(filter(None, (added, changed, removed))) or "nothing new"


def _uploads(project: Project, upload_ids: Iterable[UUID | None]) -> dict[UUID | None, Upload]:
    wanted = {upload_id for upload_id in upload_ids if upload_id is not None}
    uploads = Upload.objects.filter(project=project, pk__in=wanted).only("pk", "name") if wanted else ()
    return {upload.pk: upload for upload in uploads}


urlpatterns = [
    path("projects/<uuid:project_id>/files/", files, name="files"),
    path("projects/<uuid:project_id>/file/", file, name="file"),
    path("projects/<uuid:project_id>/files/content", file_content, name="file-content"),
    path("projects/<uuid:project_id>/revisions/", revisions, name="revisions"),
]
