"""Undos and redos: a revision that waits is taken by its own lease, written under the right to register, published.

What an undo does is in `files.undoing`; here it is joined to the manifests of later imports, to its lease, and
to what people are told. A worker that takes an interrupted one over begins it anew.
"""

import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db import InterfaceError, OperationalError

from moorage.backends import backends
from moorage.errors import MoorageError
from moorage.files.models import Revision, RevisionKind
from moorage.files.registering import (
    UNFINISHED,
    RegisterRight,
    RightLostError,
    fail_revision,
    nothing,
    publish,
    take_right,
)
from moorage.files.undoing import UndoEffect, write_undo
from moorage.importer.found_again import found_again_after
from moorage.jobs.beating import kept
from moorage.jobs.imports import may_take_right
from moorage.jobs.undo_endings import tell_failed, tell_undone
from moorage.leases import Lease, LeaseLostError, LeaseWatch, take

ASK_AGAIN_SECONDS: Final = 0.3
TRIES: Final = 5
FIRST_DELAY: Final = timedelta(seconds=5)
NOTHING_LEFT: Final = "undo.nothing_left"

log = logging.getLogger(__name__)


class UndoStoppedError(Exception):
    """The worker is asked to stop; whoever takes the revision next begins it anew."""


@dataclass
class Setbacks:
    """How often something unforeseen stopped a revision in this process, and until when it rests."""

    monotonic: Callable[[], float] = time.monotonic
    _tries: dict[UUID, int] = field(default_factory=dict)
    _rests_until: dict[UUID, float] = field(default_factory=dict)

    def rests(self, revision_id: UUID) -> bool:
        return self._rests_until.get(revision_id, 0.0) > self.monotonic()

    def add(self, revision_id: UUID) -> int:
        """Note one more, and return how many there were; each makes the revision rest longer."""
        tries = self._tries[revision_id] = self._tries.get(revision_id, 0) + 1
        delay = FIRST_DELAY * 2 ** (tries - 1)
        self._rests_until[revision_id] = self.monotonic() + delay.total_seconds()
        return tries


def claim_next(watch: LeaseWatch, setbacks: Setbacks) -> Lease | None:
    """Take the undo that has waited longest, or one whose worker is gone. None: there is nothing to do."""
    for revision in Revision.objects.filter(kind=RevisionKind.UNDO, state__in=UNFINISHED).order_by("asked_at"):
        if not setbacks.rests(revision.pk) and watch.may_take(revision):
            lease = take(revision, where={"state__in": UNFINISHED})
            if lease is not None:
                return lease
    return None


def work(
    lease: Lease,
    setbacks: Setbacks,
    *,
    should_stop: Callable[[], bool] = lambda: False,
    between: Callable[[], None] = nothing,
) -> None:
    """Carry out the undo that a lease was taken on. Afterwards it has ended, or the lease is free for another try."""
    revision = Revision.objects.select_related("project", "undoes", "by").get(pk=lease.pk)

    def look_up() -> None:
        if should_stop():
            raise UndoStoppedError
        between()

    with kept(lease):
        try:
            _undo(revision, lease, between=look_up)
        except LeaseLostError:
            log.warning("undo %s: another worker has taken it over", revision.pk)
        except UndoStoppedError:
            lease.release()
        except MoorageError as error:
            log.warning("undo %s stopped: %s", revision.pk, error)
            _fail(revision, lease, code=error.code, sentence=str(error))
        except (OperationalError, InterfaceError):
            log.exception("undo %s: the database is in trouble; it goes on by itself", revision.pk)
            setbacks.add(revision.pk)
            lease.release()
        except Exception:
            reference = secrets.token_hex(4)
            log.exception("undo %s: unforeseen, reference %s", revision.pk, reference)
            _after_bug(revision, lease, setbacks, reference=reference)


def _undo(revision: Revision, lease: Lease, *, between: Callable[[], None]) -> None:
    """Write and publish, under one right after another until one was kept to the end."""
    assert revision.undoes is not None, "an undo is asked for with what it undoes"  # noqa: S101
    assert revision.undoes.number is not None, "only what is published is undone"  # noqa: S101
    may_take = may_take_right(LeaseWatch())
    while True:
        between()
        try:
            right = take_right(revision=revision, may_take=may_take, also=lease.check)
            if right is None:
                time.sleep(ASK_AGAIN_SECONDS)
                continue
            undone = revision.undoes.number
            found_again = found_again_after(revision.project_id, undone)
            effect = write_undo(right, undone, found_again=found_again, between=between)
            _end(revision, right, lease, effect)
        except RightLostError:
            continue
        return


def _end(revision: Revision, right: RegisterRight, lease: Lease, effect: UndoEffect) -> None:
    now = backends().clock()
    if effect.left and not effect.does_something:

        def also_failed() -> None:
            lease.update(held_by="")
            tell_failed(revision, effect=effect, at=now)

        fail_revision(right, NOTHING_LEFT, at=now, also=also_failed)
        return

    def also() -> None:
        lease.update(held_by="")
        tell_undone(revision, number=right.number, effect=effect, at=now)

    publish(right, at=now, counts=effect.counts, also=also)


def _fail(revision: Revision, lease: Lease, *, code: str, sentence: str) -> None:
    now = backends().clock()

    def also() -> None:
        lease.update(held_by="")
        tell_failed(revision, sentence=sentence, at=now)

    try:
        fail_revision(revision, code, at=now, also=also)
    except LeaseLostError:
        log.warning("undo %s: another worker has taken it over", revision.pk)


def _after_bug(revision: Revision, lease: Lease, setbacks: Setbacks, *, reference: str) -> None:
    """Try again later, and after some tries say that it is a bug."""
    if setbacks.add(revision.pk) < TRIES:
        lease.release()
        return
    told = f"Something unforeseen stopped it. Tell the operator this reference: {reference}. Then ask for it again."
    _fail(revision, lease, code="bug", sentence=told)
