"""Remove, move and restore: asked for by an editor, foreseen for her, written by a worker.

Asking changes nothing of the project's files; a worker takes the revision that waits (`jobs.revisions`). How each
kind is foreseen and written is in `files.removing`, `files.moving` and `files.restoring`.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from moorage.accounts.models import Member
from moorage.files.change_effects import ChangeEffect
from moorage.files.change_requests import ChangeRequest, kept_request
from moorage.files.items import resolve_revision
from moorage.files.models import Revision, RevisionKind
from moorage.files.moving import foresee_move, write_move
from moorage.files.registering import RegisterRight, nothing
from moorage.files.removing import foresee_remove, write_remove
from moorage.files.restoring import foresee_restore, write_restore
from moorage.files.revisions import ask_revision
from moorage.projects.models import Project
from moorage.projects.rules import check_may_edit


class _Foresee(Protocol):
    def __call__(self, project_id: UUID, request: ChangeRequest, *, view: int) -> ChangeEffect: ...


class _Write(Protocol):
    def __call__(
        self, right: RegisterRight, request: ChangeRequest, *, between: Callable[[], None]
    ) -> ChangeEffect: ...


_FORESEE: Final[Mapping[RevisionKind, _Foresee]] = {
    RevisionKind.REMOVE: foresee_remove,
    RevisionKind.MOVE: foresee_move,
    RevisionKind.RESTORE: foresee_restore,
}
_WRITE: Final[Mapping[RevisionKind, _Write]] = {
    RevisionKind.REMOVE: write_remove,
    RevisionKind.MOVE: write_move,
    RevisionKind.RESTORE: write_restore,
}


def foresee_change(project: Project, request: ChangeRequest) -> ChangeEffect:
    """What a change would do to the project's files as they are now, and what stands in its way. Writes nothing.

    Raises:
        PathNotFoundError: nothing stands at one of the paths.
        RevisionNotFoundError: there is no such revision to restore from.
    """
    if request.kind == RevisionKind.RESTORE:
        resolve_revision(project, request.revision)
    return _FORESEE[request.kind](project.pk, request, view=project.head)


def ask_change(*, project: Project, actor: Member, request: ChangeRequest, at: datetime) -> Revision:
    """Ask for a remove, a move or a restore. Afterwards a revision of the project waits to be carried out.

    Raises: as `check_change` does.
    """
    check_change(project=project, actor=actor, request=request)
    return note_change(project=project, actor=actor, request=request, at=at)


def check_change(*, project: Project, actor: Member, request: ChangeRequest) -> None:
    """Raise what is known already to keep a change from being made. For a large restore this takes a second.

    Raises:
        ProjectNotFoundError, ProjectRoleError: the actor may not edit the project.
        PathNotFoundError, RevisionNotFoundError: what is named is not there.
        ChangeRefusedError: something is in the way.
    """
    check_may_edit(actor, project)
    effect = foresee_change(project, request)
    if effect.refusals:
        raise effect.refusals[0]


def note_change(*, project: Project, actor: Member, request: ChangeRequest, at: datetime) -> Revision:
    """Ask for a change that has been checked. It only writes rows, so it may be part of a transaction."""
    return ask_revision(project=project, kind=request.kind, by=actor, at=at, request=request.document())


def write_change(right: RegisterRight, revision: Revision, *, between: Callable[[], None] = nothing) -> ChangeEffect:
    """Write what was asked with `revision` above the head. It begins anew under every new right.

    `between` is called between batches; what it raises ends the work.

    Raises:
        PathNotFoundError: what was to be changed is no longer there.
        ChangeRefusedError: something has come into its way.
        RightLostError: the right is another's.
    """
    request = kept_request(revision.kind, revision.request)
    return _WRITE[request.kind](right, request, between=between)


def note_failure(revision: Revision, *, sentence: str, path: str) -> None:
    """Keep with a change why it failed; call it in the transaction that ends it. `path` is what was in the way."""
    kept = {**revision.request, "failure": {"message": sentence, "path": path}}
    Revision.objects.filter(pk=revision.pk).update(request=kept)
    revision.request = kept


def failure_of(revision: Revision) -> tuple[str, str]:
    """Why a change failed, as a sentence with the next step, and the path that was in the way; empty if it did not."""
    kept = revision.request.get("failure", {})
    return kept.get("message", ""), kept.get("path", "")
