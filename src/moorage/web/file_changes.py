"""Pages that remove, move and restore files: what will happen and what is in the way, a button, how far it is.

Items are chosen on the Files page, whose form posts them here; a link may name them, too. Nothing happens before
the button of the page that tells what will.
"""

from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import path
from django.views.decorators.http import require_http_methods, require_safe

from moorage.backends import backends
from moorage.files.change_effects import ChangeEffect
from moorage.files.change_requests import ChangeRequest, InvalidChangeError, read_request
from moorage.files.change_words import done_words, going_on_words, is_change
from moorage.files.changing import failure_of, foresee_change, note_change
from moorage.files.history import find_revision
from moorage.files.items import RevisionNotFoundError
from moorage.files.models import Revision, RevisionKind, RevisionState
from moorage.files.paths import parent_path
from moorage.files.registering import UNFINISHED
from moorage.files.standing import nearest_folder
from moorage.projects.models import Project
from moorage.projects.rules import check_may_edit
from moorage.web.file_addresses import address, files_frame, project_for
from moorage.web.requests import MemberRequest

PATHS_SHOWN: Final = 20


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def remove(request: MemberRequest, project_id: UUID) -> HttpResponse:
    """What removing the chosen items does; asked for by its button."""
    project = _project_to_edit(request, project_id)
    return _page(request, project, read_request(RevisionKind.REMOVE, _paths(request)))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def restore(request: MemberRequest, project_id: UUID) -> HttpResponse:
    """What restoring the chosen items as they were at a revision does; asked for by its button."""
    project = _project_to_edit(request, project_id)
    asked = request.POST.get("revision") or request.GET.get("revision", "")
    if not (asked.isascii() and asked.isdigit() and len(asked) < 20):
        raise RevisionNotFoundError(project)
    return _page(request, project, read_request(RevisionKind.RESTORE, _paths(request), revision=int(asked)))


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def move(request: MemberRequest, project_id: UUID) -> HttpResponse:
    """Where to move the chosen items, then what that does; asked for by its button."""
    project, paths = _project_to_edit(request, project_id), _paths(request)
    target = request.POST.get("target")
    # Before a target is named, the page tells of what is to be moved, which is what a remove would take.
    chosen = read_request(RevisionKind.REMOVE, paths)
    if target is None:
        return _page(request, project, chosen, form=TargetForm(_suggested_target(chosen.paths)))
    try:
        asked = read_request(RevisionKind.MOVE, paths, target=target)
    except InvalidChangeError as error:
        return _page(request, project, chosen, form=TargetForm(target, [str(error)]))
    return _page(request, project, asked, form=TargetForm(target))


@login_required
@require_safe
def change(request: MemberRequest, project_id: UUID, revision_id: UUID) -> HttpResponse:
    """How far a change is, as a part of the Files page; once it has ended that page is loaded anew."""
    project = project_for(request, project_id)
    revision = find_revision(project, revision_id)
    if revision.state in UNFINISHED:
        return render(request, "files/change_state.html", {"project": project, "change": change_state(revision)})
    return HttpResponse(status=204, headers={"HX-Refresh": "true"})


@dataclass
class TargetForm:
    """The field of a move's target, as the member left it."""

    value: str
    errors: list[str] = field(default_factory=list)


def _project_to_edit(request: MemberRequest, project_id: UUID) -> Project:
    project = project_for(request, project_id)
    check_may_edit(request.user, project)
    return project


def _paths(request: MemberRequest) -> list[str]:
    """What was chosen. A form names paths percent-encoded, because a browser changes line breaks in its values."""
    return [unquote(path) for path in request.POST.getlist("chosen")] or request.GET.getlist("path")


def _suggested_target(paths: tuple[str, ...]) -> str:
    """One item keeps its name until another is typed; several go to a folder."""
    return paths[0] if len(paths) == 1 else f"{parent_path(paths[0])}/"


def _page(
    request: MemberRequest, project: Project, asked: ChangeRequest, *, form: TargetForm | None = None
) -> HttpResponse:
    """The page before the button, or what follows on it."""
    effect = foresee_change(project, asked)
    may_confirm = not effect.refusals and (form is None or asked.kind == RevisionKind.MOVE)
    is_confirmed = request.POST.get("confirmed") == "yes"
    if is_confirmed and may_confirm:
        revision = note_change(project=project, actor=request.user, request=asked, at=backends().clock())
        folder = nearest_folder(project.pk, parent_path(asked.paths[0]), view=project.head)
        return redirect(address("files", project, path=folder, change=str(revision.pk)))
    told = _told(project, asked, effect) | {"form": form, "is_move": form is not None, "may_confirm": may_confirm}
    has_failed = bool(form and form.errors)
    return render(request, "files/change.html", told, status=422 if has_failed else 409 if is_confirmed else 200)


def _told(project: Project, asked: ChangeRequest, effect: ChangeEffect) -> dict[str, Any]:
    moves = asked.moves() if asked.kind == RevisionKind.MOVE else {}
    shown = asked.paths[:PATHS_SHOWN]
    earlier = asked.revision if asked.kind == RevisionKind.RESTORE else None
    folder = nearest_folder(project.pk, parent_path(asked.paths[0]), view=project.head if earlier is None else earlier)
    return files_frame(project, folder, earlier) | {
        "earlier": None,
        "asked": asked,
        "effect": effect,
        "items": [(where, moves.get(where, "")) for where in shown],
        "more": len(asked.paths) - len(shown),
        "back_url": address("files", project, path=folder, revision=earlier),
    }


@dataclass(frozen=True)
class ChangeState:
    """A change in words, for the Files page that it was asked from. `compare` are the revisions that show it."""

    revision: Revision
    words: str
    failure: str = ""

    @property
    def is_going_on(self) -> bool:
        return self.revision.state in UNFINISHED

    @property
    def is_done(self) -> bool:
        return self.revision.state == RevisionState.PUBLISHED


def change_state(revision: Revision) -> ChangeState | None:
    """How far a change is; None of a revision that is none of these."""
    if not is_change(revision):
        return None
    if revision.state == RevisionState.PUBLISHED:
        return ChangeState(revision, done_words(revision))
    return ChangeState(revision, going_on_words(revision), failure_of(revision)[0])


urlpatterns = [
    path("projects/<uuid:project_id>/files/remove/", remove, name="files-remove"),
    path("projects/<uuid:project_id>/files/move/", move, name="files-move"),
    path("projects/<uuid:project_id>/files/restore/", restore, name="files-restore"),
    path("projects/<uuid:project_id>/files/changes/<uuid:revision_id>/", change, name="files-change"),
]
