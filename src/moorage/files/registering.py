"""The right to register a project's next revision: checked before every batch, given back by publishing or failing.

One revision of a project registers at a time. Its right is a fence in the project's own row: every batch
begins with an UPDATE that names it, so a writer that lost the right without knowing writes nothing
(design §4). What a batch writes stands above the project's head, where no reader looks, until `publish`
moves the head. How the right is taken is in `files.taking`; what belongs above the head is written by
`files.directories` and the importer.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

from django.db import connection, models, transaction
from django.db.models import F

from moorage.audit.records import record
from moorage.errors import ConflictError
from moorage.files.models import Revision, RevisionState
from moorage.projects.models import Project

# SQLite's lock is not fair: without a pause between two write transactions others wait for long (design §5).
PAUSE_SECONDS: Final = 0.010

UNFINISHED: Final = (RevisionState.WAITING, RevisionState.REGISTERING)


def nothing() -> None:
    """Nothing more is to be done in this transaction."""


class RightLostError(ConflictError):
    """Another revision, or another worker with this one, has taken the right to register."""

    code = "register.right_lost"

    def __init__(self) -> None:
        super().__init__(
            "Another worker has taken over the right to register in this project; nothing more is written here. "
            "Take the right again and register from the first entry."
        )


class RevisionEndedError(ConflictError):
    """The revision is published or has failed: nothing can be registered in it any more."""

    code = "revision.ended"

    def __init__(self, revision: Revision) -> None:
        super().__init__("This revision has ended already. Ask for another one.")
        self.revision_id = str(revision.pk)


@dataclass(frozen=True)
class RevisionCounts:
    """What a revision did, as its row tells it."""

    files_added: int = 0
    files_changed: int = 0
    files_removed: int = 0
    bytes_added: int = 0


@dataclass(frozen=True)
class RegisterRight:
    """The right of one revision to write above a project's head. `number` is what the revision will be.

    `also` runs in the transaction of every batch: raise there what forbids it, such as a lost lease.
    """

    project_id: UUID
    revision_id: UUID
    fence: int
    head: int
    also: Callable[[], None] = field(default=nothing, compare=False, repr=False)
    _ended_at: list[float] = field(default_factory=lambda: [0.0], compare=False, repr=False)  # of its last batch

    @property
    def number(self) -> int:
        return self.head + 1

    def rows(self) -> models.QuerySet[Project]:
        """The project's row while this right holds, else nothing."""
        return Project.objects.filter(
            pk=self.project_id, registering_revision=self.revision_id, register_fence=self.fence, head=self.head
        )

    def hold(self) -> bool:
        """In a transaction: whether the right is ours, and stays so until the end of it."""
        return bool(self.rows().update(register_fence=F("register_fence")))

    @contextmanager
    def batch(self) -> Iterator[None]:
        """A transaction in which rows above the head may be written. Keep it below 50 ms.

        Its first statement names the fence and holds the project's row until the end, so whoever takes the
        right waits for this batch, and sees all of it when it clears. On SQLite there is a pause between two of them.

        Raises:
            RightLostError: the right is another's; nothing was written.
        """
        if not connection.in_atomic_block and connection.vendor == "sqlite":
            # What was done since the last transaction counts as its pause.
            time.sleep(max(0.0, self._ended_at[0] + PAUSE_SECONDS - time.monotonic()))
        with transaction.atomic():
            if not self.hold():
                raise RightLostError
            self.also()
            yield
        self._ended_at[0] = time.monotonic()


def publish(right: RegisterRight, *, at: datetime, counts: RevisionCounts, also: Callable[[], None] = nothing) -> int:
    """Let everyone see the revision, and give the right back. Returns the revision's number.

    One transaction moves the project's head, ends the revision, leaves an audit record, and then runs `also`
    (the upload's change of state): all of it, or nothing.

    Raises:
        RightLostError: the right is another's; nothing was published.
    """
    with transaction.atomic():
        if not right.rows().update(head=F("head") + 1, registering_revision=None):
            raise RightLostError
        published = Revision.objects.filter(pk=right.revision_id, state=RevisionState.REGISTERING).update(
            state=RevisionState.PUBLISHED,
            number=right.number,
            published_at=at,
            files_added=counts.files_added,
            files_changed=counts.files_changed,
            files_removed=counts.files_removed,
            bytes_added=counts.bytes_added,
        )
        if not published:
            raise RightLostError
        revision = Revision.objects.select_related("by").get(pk=right.revision_id)
        record(
            "revision.published",
            revision,
            actor=revision.by,
            at=at,
            project_id=right.project_id,
            number=right.number,
            kind=revision.kind,
        )
        also()
    return right.number


def give_back(right: RegisterRight) -> None:
    """Let other revisions go first; this one waits again. Harmless when the right was lost."""
    with transaction.atomic():
        if right.rows().update(registering_revision=None):
            Revision.objects.filter(pk=right.revision_id, state=RevisionState.REGISTERING).update(
                state=RevisionState.WAITING
            )


def fail_revision(
    failed: RegisterRight | Revision, reason: str, *, at: datetime, also: Callable[[], None] = nothing
) -> None:
    """End a revision that will not be published, and give its right back if it has it.

    `reason` is a dotted code. What it wrote stays above the head, unseen, until the next one clears it.
    Harmless when the revision has failed already. `also` runs in the same transaction.

    Raises:
        RightLostError: a right was given, and it is another's.
        RevisionEndedError: the revision is published.
    """
    with transaction.atomic():
        if isinstance(failed, RegisterRight):
            if not failed.rows().update(registering_revision=None):
                raise RightLostError
            revision = Revision.objects.select_related("by").get(pk=failed.revision_id)
        else:
            revision = failed
            Project.objects.filter(pk=revision.project_id, registering_revision=revision.pk).update(
                registering_revision=None
            )
        _end_as_failed(revision, reason, at)
        also()


def _end_as_failed(revision: Revision, reason: str, at: datetime) -> None:
    ended = Revision.objects.filter(pk=revision.pk, state__in=UNFINISHED).update(
        state=RevisionState.FAILED, reason=reason
    )
    if ended:
        record("revision.failed", revision, actor=revision.by, at=at, project_id=revision.project_id, reason=reason)
    elif not Revision.objects.filter(pk=revision.pk, state=RevisionState.FAILED).exists():
        raise RevisionEndedError(revision)
