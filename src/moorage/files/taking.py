"""Taking the right to register: at once, early, or from a holder whose worker is gone. Whoever takes it clears first.

What stands above the head was left by somebody who has lost the right, whoever that was (design §4; early: ADR 0012).
"""

from collections.abc import Callable
from typing import Any, Final
from uuid import UUID

from django.db import models, transaction
from django.db.models import F

from moorage.files.models import DirectoryVersion, FileVersion, Revision, RevisionState
from moorage.files.registering import UNFINISHED, RegisterRight, RevisionEndedError, RightLostError, nothing
from moorage.projects.models import Project

CLEAR_ROWS: Final = 1000


def take_right(
    *, revision: Revision, may_take: Callable[[Revision], bool], also: Callable[[], None] = nothing
) -> RegisterRight | None:
    """Take the right to register for `revision`, and clear whatever stands above the head, whoever left it.

    The right is free, or its holder has ended, or only registers early, or is this very revision (a worker took it
    over), or `may_take(holder)` says that the holder's worker is gone. Afterwards the revision is REGISTERING and
    register begins at the first entry. `also` runs in the transaction of the taking: raise there what forbids it,
    such as a lost lease. Returns None when the holder still works, or another was quicker: ask again soon.

    Raises:
        RevisionEndedError: the revision is published or has failed.
        RightLostError: another took the right while this one was clearing.
    """
    project = Project.objects.get(pk=revision.project_id)
    if not _is_free_for(project, revision, may_take):
        return None
    with transaction.atomic():
        right = seize(project, revision.pk)
        if right is None:
            return None
        _change_places(project.registering_revision, revision)
        also()
    clear_above_head(right)
    revision.state = RevisionState.REGISTERING
    return right


def take_early(*, revision: Revision, head: int, also: Callable[[], None] = nothing) -> RegisterRight | None:
    """Take the right if nobody has it, to write above the head as long as nobody else wants it: anybody may take it.

    The revision still is WAITING; `keep_right` makes it REGISTERING. `also` runs in the transaction of the taking (see
    `take_right`). None: the right is another's, or the head is not `head` any more.
    """
    project = Project.objects.get(pk=revision.project_id)
    if project.head != head or is_held(project, other_than=revision):
        return None
    with transaction.atomic():
        right = seize(project, revision.pk)
        also()
    try:
        if right is not None:
            clear_above_head(right)
    except RightLostError:
        return None
    return right


def keep_right(early: RegisterRight, revision: Revision, *, also: Callable[[], None] = nothing) -> RegisterRight | None:
    """The right in the place of one that was taken early, with what was written under that; None if it was lost.

    The fence goes up, so that whoever has seen that it was only early does not take it any more. `also` runs in the
    same transaction, as in `take_right`.

    Raises:
        RevisionEndedError: the revision is published or has failed.
    """
    with transaction.atomic():
        if not early.rows().update(register_fence=F("register_fence") + 1):
            return None
        _change_places(None, revision)
        also()
    revision.state = RevisionState.REGISTERING
    return RegisterRight(early.project_id, early.revision_id, early.fence + 1, early.head)


def seize(project: Project, holder_id: UUID) -> RegisterRight | None:
    """The right for whoever it may be, if its place in the project's row still is as it was read. The fence goes up."""
    taken = Project.objects.filter(
        pk=project.pk,
        head=project.head,
        registering_revision=project.registering_revision,
        register_fence=project.register_fence,
    ).update(registering_revision=holder_id, register_fence=F("register_fence") + 1)
    return RegisterRight(project.pk, holder_id, project.register_fence + 1, project.head) if taken else None


def _is_free_for(project: Project, revision: Revision, may_take: Callable[[Revision], bool]) -> bool:
    holder = _holder(project, other_than=revision)
    # One that waits registers early, if at all.
    return holder is None or holder.state == RevisionState.WAITING or may_take(holder)


def is_held(project: Project, *, other_than: Revision | None = None) -> bool:
    """Whether a revision that has not ended holds a project's right, for good or early."""
    return _holder(project, other_than=other_than) is not None


def _holder(project: Project, *, other_than: Revision | None) -> Revision | None:
    holder_id = project.registering_revision
    if holder_id is None or (other_than is not None and holder_id == other_than.pk):
        return None
    return Revision.objects.filter(pk=holder_id, state__in=UNFINISHED).first()


def _change_places(holder_id: UUID | None, revision: Revision) -> None:
    if not Revision.objects.filter(pk=revision.pk, state__in=UNFINISHED).update(state=RevisionState.REGISTERING):
        raise RevisionEndedError(revision)
    if holder_id not in {None, revision.pk}:
        # It was interrupted, and registers again when its upload is taken over.
        Revision.objects.filter(pk=holder_id, state=RevisionState.REGISTERING).update(state=RevisionState.WAITING)


def clear_above_head(right: RegisterRight) -> None:
    """Take back what an interrupted register left: first what it began, then what it ended.

    In this order, because a path has at most one version without an end.
    """
    _take_back(right, FileVersion.objects.filter(project=right.project_id))
    _take_back(right, DirectoryVersion.objects.filter(project=right.project_id))


def _take_back(right: RegisterRight, versions: models.QuerySet[Any]) -> None:
    begun = versions.filter(since__gt=right.head)
    while begun.exists():
        with right.batch():
            versions.filter(pk__in=begun.values("pk")[:CLEAR_ROWS]).delete()
    ended = versions.filter(until__gt=right.head)
    while ended.exists():
        with right.batch():
            versions.filter(pk__in=ended.values("pk")[:CLEAR_ROWS]).update(until=None)
