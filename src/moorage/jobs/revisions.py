"""Undos, removes, moves and restores: a revision that waits is taken by its own lease, written, published.

What is done under the right to register is in `jobs.undos` and `jobs.changes`; here is what is alike for all. A worker
that takes an interrupted one over begins it anew. In one project they are taken in the order in which they were
asked for.
"""

import logging
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final, Protocol
from uuid import UUID

from django.db.models import QuerySet

from moorage.backends import backends
from moorage.errors import MoorageError
from moorage.files.models import Revision, RevisionKind
from moorage.files.registering import (
    UNFINISHED,
    RegisterRight,
    RevisionEndedError,
    RightLostError,
    fail_revision,
    nothing,
)
from moorage.files.taking import take_right
from moorage.jobs.beating import kept
from moorage.jobs.changes import carry_out_change, change_failed
from moorage.jobs.imports import may_take_right
from moorage.jobs.setbacks import DATABASE_TROUBLE, Setbacks, after_database_trouble
from moorage.jobs.undos import carry_out_undo, undo_failed
from moorage.leases import Lease, LeaseLostError, LeaseWatch, take

ASK_AGAIN_SECONDS: Final = 0.3
TRIES: Final = 5

log = logging.getLogger(__name__)


class CarryOut(Protocol):
    """Writes a revision above the head, and ends it in one transaction with its lease.

    A MoorageError ends it as failed; the right is then given back for it.
    """

    def __call__(
        self, revision: Revision, right: RegisterRight, lease: Lease, *, between: Callable[[], None]
    ) -> None: ...


class TellFailed(Protocol):
    """Keeps and tells why a revision failed, in the transaction that ends it. `path` may be empty."""

    def __call__(self, revision: Revision, *, sentence: str, path: str, at: datetime) -> None: ...


@dataclass(frozen=True)
class Work:
    carry_out: CarryOut
    tell_failed: TellFailed


_CHANGE: Final = Work(carry_out_change, change_failed)
WORKS: Final[Mapping[RevisionKind, Work]] = {
    RevisionKind.UNDO: Work(carry_out_undo, undo_failed),
    RevisionKind.REMOVE: _CHANGE,
    RevisionKind.MOVE: _CHANGE,
    RevisionKind.RESTORE: _CHANGE,
}


class WorkStoppedError(Exception):
    """The worker is asked to stop; whoever takes the revision next begins it anew."""


def waiting() -> QuerySet[Revision]:
    """Revisions that are to be carried out, or are being carried out."""
    return Revision.objects.filter(kind__in=list(WORKS), state__in=UNFINISHED)


def claim_next(watch: LeaseWatch, setbacks: Setbacks) -> Lease | None:
    """Take the revision that has waited longest, or one whose worker is gone. None: there is nothing to do."""
    busy: set[UUID] = set()
    for revision in waiting().order_by("asked_at", "pk"):
        # What was asked for later in the same project may count on it: it waits its turn.
        if revision.project_id in busy:
            continue
        busy.add(revision.project_id)
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
    """Carry out the revision that a lease was taken on. Afterwards it has ended, or the lease is free again."""
    revision = Revision.objects.select_related("project", "undoes", "by").get(pk=lease.pk)

    def look_up() -> None:
        if should_stop():
            raise WorkStoppedError
        between()

    with kept(lease):
        try:
            _carry_out(revision, lease, between=look_up)
            setbacks.forget(revision.pk)
        except LeaseLostError:
            log.warning("%s %s: another worker has taken it over", revision.kind, revision.pk)
        except WorkStoppedError:
            lease.release()
        except MoorageError as error:
            log.warning("%s %s stopped: %s", revision.kind, revision.pk, error)
            _fail(revision, lease, code=error.code, sentence=str(error), path=str(getattr(error, "path", "")))
        except DATABASE_TROUBLE as error:
            after_database_trouble(f"{revision.kind} {revision.pk}", error)
            setbacks.rest(revision.pk)
            lease.release()
        except Exception:
            reference = secrets.token_hex(4)
            log.exception("%s %s: unforeseen, reference %s", revision.kind, revision.pk, reference)
            _after_bug(revision, lease, setbacks, reference=reference)


def _carry_out(revision: Revision, lease: Lease, *, between: Callable[[], None]) -> None:
    """Write and publish, under one right after another until one was kept to the end."""
    carry_out = WORKS[RevisionKind(revision.kind)].carry_out
    may_take = may_take_right(LeaseWatch())
    while True:
        between()
        try:
            right = take_right(revision=revision, may_take=may_take, also=lease.check)
            if right is None:
                time.sleep(ASK_AGAIN_SECONDS)
                continue
            # Whoever takes the revision over takes the right a moment later: in between nothing is written, either.
            carry_out(revision, replace(right, also=lease.check), lease, between=between)
        except RightLostError:
            continue
        return


def _fail(revision: Revision, lease: Lease, *, code: str, sentence: str, path: str = "") -> None:
    now = backends().clock()

    def also() -> None:
        lease.update(held_by="")
        WORKS[RevisionKind(revision.kind)].tell_failed(revision, sentence=sentence, path=path, at=now)

    try:
        fail_revision(revision, code, at=now, also=also)
    except (LeaseLostError, RevisionEndedError):  # the latter: the other has published it already
        log.warning("%s %s: another worker has taken it over", revision.kind, revision.pk)


def _after_bug(revision: Revision, lease: Lease, setbacks: Setbacks, *, reference: str) -> None:
    """Try again later, and after some tries say that it is a bug."""
    if setbacks.add_bug(revision.pk) < TRIES:
        lease.release()
        return
    setbacks.forget(revision.pk)
    told = f"Something unforeseen stopped it. Tell the operator this reference: {reference}. Then ask for it again."
    _fail(revision, lease, code="bug", sentence=told)
