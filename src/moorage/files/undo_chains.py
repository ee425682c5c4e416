"""What has been undone: a revision, the undo of it, the undo of that (a redo), and so on.

A chain is read from rows; how an undo is written is in `files.undoing`, who may ask for one in `transfers.undoing`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from moorage.files.models import Revision, RevisionKind, RevisionState


@dataclass(frozen=True)
class UndoChain:
    """A published revision and what became of it.

    `tip` is the newest published revision of the chain, the one that another undo or redo would undo;
    `pending` is the undo of the tip that has been asked for and has not ended.
    """

    first: Revision
    tip: Revision
    is_undone: bool
    pending: Revision | None


def undo_chain(first: Revision, undos: Iterable[Revision]) -> UndoChain:
    """The chain of a published revision, of `undos` that hold at least those of the chain. Pure."""
    by_undone: dict[UUID | None, Revision] = {
        undo.undoes_id: undo for undo in undos if undo.state != RevisionState.FAILED
    }
    tip, is_undone = first, False
    while (undo := by_undone.get(tip.pk)) is not None:
        if undo.state != RevisionState.PUBLISHED:
            return UndoChain(first, tip, is_undone, undo)
        tip, is_undone = undo, not is_undone
    return UndoChain(first, tip, is_undone, None)


def undo_chains(upload_id: UUID) -> list[UndoChain]:
    """The chains of what an upload published, the newest first. One query."""
    rows = list(Revision.objects.filter(upload_id=upload_id).select_related("by", "undoes"))
    undos = [row for row in rows if row.kind == RevisionKind.UNDO]
    published = [row for row in rows if row.kind == RevisionKind.IMPORT and row.state == RevisionState.PUBLISHED]
    return [undo_chain(row, undos) for row in sorted(published, key=lambda row: -(row.number or 0))]


def undone_among(project_id: UUID, revisions: Iterable[Revision]) -> set[UUID]:
    """The ids of those of these published revisions of a project that are undone now."""
    undos = list(Revision.objects.filter(project=project_id, kind=RevisionKind.UNDO))
    return {row.pk for row in revisions if undo_chain(row, undos).is_undone}
