"""Pages of a project's files: folders, a file and its versions, its bytes.

What stands where at which revision is answered by `files.browsing` and `files.history`; here it only gets
addresses, and the names of the uploads that brought it. Revisions are listed in `file_history`; files are removed,
moved and restored in `file_changes`.
"""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_safe

from moorage.backends import backends
from moorage.files.browsing import find_file, find_item, find_version, list_folder
from moorage.files.history import VersionPage, find_revision, versions_of
from moorage.files.items import FileItem, Item, RevisionNotFoundError, resolve_revision
from moorage.files.paths import PathNotFoundError, parent_path
from moorage.files.serving import content_response
from moorage.importer.shown.included import doubts_of
from moorage.projects.models import Project
from moorage.projects.rules import may_edit
from moorage.web.file_addresses import address, asked_revision, files_frame, project_for, unless_newest
from moorage.web.file_changes import ChangeState, change_state
from moorage.web.file_history import uploads_of
from moorage.web.requests import MemberRequest


@login_required
@require_safe
def files(request: MemberRequest, project_id: UUID) -> HttpResponse:
    """A folder at a revision, page by page; what is no folder but a file leads to the file's page."""
    project = project_for(request, project_id)
    where, revision = request.GET.get("path", ""), asked_revision(request, project)
    try:
        page = list_folder(project, path=where, revision=revision, cursor=request.GET.get("cursor"))
    except PathNotFoundError:
        find_file(project, where, revision=revision)
        return redirect(address("file", project, path=where, revision=revision))
    earlier = unless_newest(project, page.revision)
    context = files_frame(project, where, earlier) | {
        "folder": page.folder,
        "rows": [_item_row(project, item, earlier) for item in page.items],
        "is_first_page": "cursor" not in request.GET,
        "first_url": address("files", project, path=where, revision=earlier),
        "next_url": address("files", project, path=where, cursor=page.next) if page.next else "",
        "may_edit": may_edit(request.user, project),
        "restore_url": address("files-restore", project, path=where or "/", revision=earlier),
        # An archive is of the revision that is shown, so that a download can be resumed when the project has moved on.
        "zip_url": address("files-archive", project, path=where, revision=page.revision, format="zip"),
        "tar_url": address("files-archive", project, path=where, revision=page.revision, format="tar"),
        "digests_url": address("files-list", project, path=where, revision=page.revision, format="sha256sum"),
        "globus_url": address("download-new", project, path=where, revision=earlier),
        "change": _asked_change(request, project),
    }
    return render(request, "files/folder.html", context)


@login_required
@require_safe
def file(request: MemberRequest, project_id: UUID) -> HttpResponse:
    """A file at a revision, and all its versions. A file that is gone keeps its page: its versions stay readable."""
    project = project_for(request, project_id)
    where = request.GET.get("path", "")
    revision = resolve_revision(project, asked_revision(request, project))
    earlier = unless_newest(project, revision)
    item = _item_or_none(project, where, revision)
    if item is not None and not isinstance(item, FileItem):
        return redirect(address("files", project, path=where, revision=earlier))
    versions = versions_of(project, where, cursor=request.GET.get("cursor"))
    if item is None and not versions.items:
        raise PathNotFoundError(where, revision=revision)
    doubts = doubts_of(project.pk, where, _revisions_shown(item, versions))
    context = files_frame(project, parent_path(where), earlier) | {
        "path": where,
        "name": where.rpartition("/")[2],
        "item": item,
        "doubt": doubts.get(item.revision, "") if item else "",
        "shown_revision": revision,
        "content_url": address("file-content", project, path=where, revision=earlier),
        "versions": _version_rows(project, where, versions, doubts),
        "move_url": address("files-move", project, path=where),
        "remove_url": address("files-remove", project, path=where),
        "restore_url": address("files-restore", project, path=where, revision=earlier),
        "may_edit": may_edit(request.user, project),
        "is_first_page": "cursor" not in request.GET,
        "first_url": address("file", project, path=where, revision=earlier),
        "next_url": address("file", project, path=where, revision=earlier, cursor=versions.next)
        if versions.next
        else "",
        "newest_url": address("file", project, path=where),
    }
    return render(request, "files/file.html", context)


@login_required
@require_safe
def file_content(request: MemberRequest, project_id: UUID) -> HttpResponseBase:
    """A file's bytes: of a version, or of what stands at a path at a revision."""
    project = project_for(request, project_id)
    if "version" in request.GET:
        version = find_version(project, _version_id(request))
    else:
        version = find_file(project, request.GET.get("path", ""), revision=asked_revision(request, project))
    return content_response(request, version, store=backends().store)


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


def _item_row(project: Project, item: Item, earlier: int | None) -> dict[str, Any]:
    page = "file" if isinstance(item, FileItem) else "files"
    return {"item": item, "url": address(page, project, path=item.path, revision=earlier)}


def _asked_change(request: HttpRequest, project: Project) -> ChangeState | None:
    """The change that a member asked for before she was sent here, where the address names one."""
    try:
        revision_id = UUID(request.GET.get("change", ""))
        return change_state(find_revision(project, revision_id))
    except (ValueError, RevisionNotFoundError):
        return None


def _revisions_shown(item: FileItem | None, versions: VersionPage) -> set[int]:
    return {version.revision for version in versions.items} | ({item.revision} if item else set())


def _version_rows(
    project: Project, where: str, versions: VersionPage, doubts: Mapping[int, str]
) -> list[dict[str, Any]]:
    uploads = uploads_of(project, (version.began.upload_id for version in versions.items if version.began))
    return [
        {
            "version": version,
            "doubt": doubts.get(version.revision, ""),
            "upload": uploads.get(version.began.upload_id) if version.began else None,
            "content_url": address("file-content", project, version=str(version.version)),
            "files_url": address("files", project, revision=version.revision),
            "restore_url": address("files-restore", project, path=where, revision=version.revision),
        }
        for version in versions.items
    ]


urlpatterns = [
    path("projects/<uuid:project_id>/files/", files, name="files"),
    path("projects/<uuid:project_id>/file/", file, name="file"),
    path("projects/<uuid:project_id>/files/content", file_content, name="file-content"),
]
