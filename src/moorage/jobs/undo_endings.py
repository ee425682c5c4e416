"""What is recorded and told when an undo or a redo ends."""

from datetime import datetime

from moorage.accounts.models import Member
from moorage.audit.records import record
from moorage.files.models import Revision, RevisionKind
from moorage.files.undo_plan import WHY_LEFT
from moorage.files.undoing import UndoEffect
from moorage.jobs.addresses import upload_path
from moorage.notices.telling import tell
from moorage.transfers.models import Upload


def tell_undone(revision: Revision, *, number: int, effect: UndoEffect, at: datetime) -> None:
    """Record an undo and tell of it. Call it in the transaction that publishes it."""
    act = "redone" if _is_redo(revision) else "undone"
    upload = _upload_of(revision)
    if upload is None:
        return
    record(
        f"upload.{act}",
        upload,
        actor=revision.by,
        at=at,
        project_id=revision.project_id,
        revision=number,
        left=effect.left,
        named=[list(named) for named in effect.named],
    )
    partly = " in part" if effect.left else ""
    subject = f"{act.capitalize()}{partly}: {upload.name}"
    text = (
        f"The import of “{upload.name}” into {upload.project.name} has been {act}{partly}, "
        f"as the project's revision {number}. {what_it_did(effect)}{_what_was_left(effect)}"
    )
    _tell_both(revision, upload, kind=f"upload.{act}", subject=subject, text=text, at=at)


def tell_failed(revision: Revision, *, at: datetime, effect: UndoEffect | None = None, sentence: str = "") -> None:
    """Record that nothing was undone, and tell why. Call it in the transaction that ends the revision."""
    act = "redone" if _is_redo(revision) else "undone"
    upload = _upload_of(revision)
    if upload is None:
        return
    why = _what_was_left(effect) if effect else f" {sentence}"
    left = effect.left if effect else 0
    record(f"upload.not_{act}", upload, actor=revision.by, at=at, project_id=revision.project_id, left=left)
    text = f"The import of “{upload.name}” into {upload.project.name} could not be {act}: nothing was changed.{why}"
    _tell_both(
        revision, upload, kind=f"upload.not_{act}", subject=f"Could not be {act}: {upload.name}", text=text, at=at
    )


def what_it_did(effect: UndoEffect) -> str:
    """One sentence, such as `2 files are gone, and 1 file has its earlier content again.`"""
    parts = [
        f"{_files(count)} {one if count == 1 else several}"
        for count, one, several in (
            (effect.gone, "is gone", "are gone"),
            (effect.earlier, "has its earlier content again", "have their earlier content again"),
            (effect.back, "is there again", "are there again"),
        )
        if count
    ]
    return f"{', and '.join(parts)}." if parts else "No file had to be changed for it."


def _what_was_left(effect: UndoEffect) -> str:
    if not effect.left:
        return ""
    paths = "1 path is" if effect.left == 1 else f"{effect.left:,} paths are"
    named = "".join(f"\n- {path} ({WHY_LEFT[code]})" for path, code in effect.named)
    more = effect.left - len(effect.named)
    rest = f"\n- and {more:,} more" if more else ""
    return f" {paths} left alone, because others have changed or rely on what is there since:{named}{rest}"


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count:,} files"


def _is_redo(revision: Revision) -> bool:
    """Whether the revision brings an import back: every second undo of a chain does."""
    depth, undone = 0, revision.undoes
    while undone is not None and undone.kind == RevisionKind.UNDO:
        depth, undone = depth + 1, undone.undoes
    return depth % 2 == 1


def _upload_of(revision: Revision) -> Upload | None:
    if revision.upload_id is None:
        return None
    return Upload.objects.select_related("owner", "project").filter(pk=revision.upload_id).first()


def _tell_both(revision: Revision, upload: Upload, *, kind: str, subject: str, text: str, at: datetime) -> None:
    """Tell whoever asked for it, and whose upload it is."""
    told: dict[object, Member] = {upload.owner.pk: upload.owner}
    if revision.by is not None:
        told[revision.by.pk] = revision.by
    for member in told.values():
        tell(member, kind=kind, subject=subject, text=text, path=upload_path(upload), at=at)
