"""Undo this import, and redo it: who may ask, until when, and what has been asked (design §3).

Nothing of the project changes here: a worker takes the revision that waits (`jobs.revisions`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from moorage.accounts.models import Member
from moorage.audit.records import record
from moorage.backends import backends
from moorage.errors import ConflictError, NotFoundError
from moorage.files.models import Revision, RevisionKind, RevisionState
from moorage.files.revisions import ask_revision
from moorage.files.undo_chains import UndoChain, undo_chains
from moorage.files.undo_plan import WHY_LEFT
from moorage.transfers.models import Upload
from moorage.transfers.rules import check_may_finish


class NotPublishedHereError(NotFoundError):
    """The upload published no such revision."""

    code = "upload.revision_not_found"

    def __init__(self, revision: int) -> None:
        super().__init__(f"This upload published no revision {revision}. Its own revisions are on its page.")
        self.revision = revision


class NothingToUndoError(ConflictError):
    """The upload has published nothing, or is being undone or redone the other way round just now."""

    code = "upload.nothing_to_undo"


class UndoTooLateError(ConflictError):
    """The time to undo has passed."""

    code = "upload.undo_too_late"

    def __init__(self, until: datetime) -> None:
        super().__init__(
            f"This could be undone until {until:%-d %B %Y}. What the project holds now stays; "
            "its earlier revisions can still be looked at."
        )
        self.until = until


@dataclass(frozen=True)
class UndoStanding:
    """One published revision of an upload: whether it is undone, what has been asked, and until when more can be."""

    chain: UndoChain
    until: datetime
    is_in_time: bool

    @property
    def number(self) -> int:
        return self.chain.first.number or 0

    @property
    def is_undone(self) -> bool:
        return self.chain.is_undone

    @property
    def is_being_undone(self) -> bool:
        return self.chain.pending is not None and not self.chain.is_undone

    @property
    def is_being_redone(self) -> bool:
        return self.chain.pending is not None and self.chain.is_undone

    @property
    def left_alone(self) -> int:
        """At how many paths the newest undo or redo changed nothing."""
        return self.chain.tip.left_alone

    @property
    def left_named(self) -> list[tuple[str, str]]:
        """Some of those paths, each with why."""
        return [(path, WHY_LEFT[code]) for path, code in self.chain.tip.left_named]

    @property
    def more_left(self) -> int:
        return self.left_alone - len(self.chain.tip.left_named)

    @property
    def may_be_undone(self) -> bool:
        return self.is_in_time and not self.chain.is_undone and self.chain.pending is None

    @property
    def may_be_redone(self) -> bool:
        return self.is_in_time and self.chain.is_undone and self.chain.pending is None


def undo_standings(upload: Upload, *, at: datetime) -> list[UndoStanding]:
    """What the upload published, the newest first. Each undo and redo counts its time from its own publishing."""
    kept = backends().policies.undo_kept
    found = []
    for chain in undo_chains(upload.pk):
        until = (chain.tip.published_at or chain.tip.asked_at) + kept
        found.append(UndoStanding(chain, until, at < until))
    return found


def undo_import(*, upload: Upload, actor: Member, at: datetime, revision: int | None = None) -> Revision:
    """Ask that the project's files be as if this import had not been; the newest that the upload published, or one.

    Asked again while it waits, or when it is done, it answers with the undo that there is.

    Raises:
        UploadNotFoundError, UploadRoleError: the actor may not decide on this upload.
        NotPublishedHereError: the upload published no such revision.
        NothingToUndoError: it published nothing, or is being redone.
        UndoTooLateError: the time to undo has passed.
    """
    check_may_finish(actor, upload)
    standing = standing_of(undo_standings(upload, at=at), revision)
    if standing.is_being_undone:
        return standing.chain.pending or standing.chain.tip
    if standing.is_being_redone:
        raise NothingToUndoError("The import is being brought back just now. Wait until that is done, then undo it.")
    if standing.is_undone:
        return standing.chain.tip
    return _ask(upload, standing, actor=actor, at=at, act="upload.undo_asked")


def redo_import(*, upload: Upload, actor: Member, at: datetime, revision: int | None = None) -> Revision:
    """Ask that an undone import be brought back: the undo of its undo. Repeatable as `undo_import` is.

    Raises:
        UploadNotFoundError, UploadRoleError: the actor may not decide on this upload.
        NotPublishedHereError: the upload published no such revision.
        NothingToUndoError: it is not undone, or is being undone just now.
        UndoTooLateError: the time has passed.
    """
    check_may_finish(actor, upload)
    standing = standing_of(undo_standings(upload, at=at), revision)
    if standing.is_being_redone:
        return standing.chain.pending or standing.chain.tip
    if standing.is_being_undone:
        raise NothingToUndoError("The import is being undone just now. Wait until that is done, then redo it.")
    if not standing.is_undone:
        if standing.chain.tip.kind == RevisionKind.UNDO:
            return standing.chain.tip
        raise NothingToUndoError("This import is not undone, so there is nothing to redo.")
    return _ask(upload, standing, actor=actor, at=at, act="upload.redo_asked")


def standing_of(standings: Sequence[UndoStanding], revision: int | None) -> UndoStanding:
    """The standing of one revision, or of the newest.

    Raises:
        NotPublishedHereError, NothingToUndoError: there is none.
    """
    if revision is not None:
        for standing in standings:
            if standing.number == revision:
                return standing
        raise NotPublishedHereError(revision)
    if not standings:
        raise NothingToUndoError(
            "This upload has published nothing, so there is nothing to undo. "
            "Look at Upload Status for what it waits for."
        )
    return standings[0]


def _ask(upload: Upload, standing: UndoStanding, *, actor: Member, at: datetime, act: str) -> Revision:
    if not standing.is_in_time:
        raise UndoTooLateError(standing.until)
    tip = standing.chain.tip
    try:
        with transaction.atomic():
            asked = ask_revision(
                project=upload.project, kind=RevisionKind.UNDO, by=actor, at=at, upload_id=upload.pk, undoes=tip
            )
            record(act, upload, actor=actor, at=at, project_id=upload.project_id, revision=standing.number)
    except IntegrityError:
        # Somebody has asked for the same at this very moment: it is undone once.
        return Revision.objects.exclude(state=RevisionState.FAILED).get(undoes=tip)
    return asked
