"""How an undo or redo is carried out under the right to register, and how it ends.

What an undo does is in `files.undoing`; here it is joined to the manifests of later imports and to what people are
told. It is claimed and begun anew by `jobs.revisions`.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from moorage.backends import backends
from moorage.files.models import Revision
from moorage.files.registering import RegisterRight, fail_revision, publish
from moorage.files.undoing import UndoEffect, write_undo
from moorage.importer.shown.found_again import found_again_after
from moorage.jobs.undo_endings import tell_failed, tell_undone
from moorage.leases import Lease

NOTHING_LEFT: Final = "undo.nothing_left"


def carry_out_undo(revision: Revision, right: RegisterRight, lease: Lease, *, between: Callable[[], None]) -> None:
    """Write the undo and publish it; or end it as failed where nothing is left that could be undone."""
    assert revision.undoes is not None, "an undo is asked for with what it undoes"  # noqa: S101
    assert revision.undoes.number is not None, "only what is published is undone"  # noqa: S101
    undone = revision.undoes.number
    found_again = found_again_after(revision.project_id, undone)
    effect = write_undo(right, undone, found_again=found_again, between=between)
    _end(revision, right, lease, effect)


def _end(revision: Revision, right: RegisterRight, lease: Lease, effect: UndoEffect) -> None:
    now = backends().clock()
    if effect.left and not effect.does_something:

        def also_failed() -> None:
            lease.update(held_by="")
            _keep_left(revision, effect)
            tell_failed(revision, effect=effect, at=now)

        fail_revision(right, NOTHING_LEFT, at=now, also=also_failed)
        return

    def also() -> None:
        lease.update(held_by="")
        _keep_left(revision, effect)
        tell_undone(revision, number=right.number, effect=effect, at=now)

    publish(right, at=now, counts=effect.counts, also=also)


def _keep_left(revision: Revision, effect: UndoEffect) -> None:
    """What it left alone stays to be told after its notice has been read."""
    named = [list(named) for named in effect.named]
    Revision.objects.filter(pk=revision.pk).update(left_alone=effect.left, left_named=named)


def undo_failed(revision: Revision, *, sentence: str, path: str, at: datetime) -> None:  # noqa: ARG001 - none is named
    """What is told of an undo that ended without a change; in the transaction that ends it."""
    tell_failed(revision, sentence=sentence, at=at)
