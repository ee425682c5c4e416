"""Downloads, and the trees of links that serve them. Django finds them through `transfers.models`.

A download's state changes through `Download.transition_to`; a tree's under its lease, or by an UPDATE that names the
old state.
"""

import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from moorage.accounts.models import Member
from moorage.leases import Leased
from moorage.projects.models import Project
from moorage.transfers.downloads.states import (
    LIVE,
    MAY_BE_JOINED,
    DownloadState,
    DownloadTransitionError,
    TreeState,
    check_transition,
)


class DownloadTree(Leased):
    """A folder of links to objects, in which a selection of one revision lies as in the project.

    It is made out of Globus's reach and moved into the collection when it is complete.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+")
    revision = models.BigIntegerField()
    paths = models.JSONField(default=list)  # of the selection; none: the whole project
    filter = models.CharField(max_length=1000, blank=True)  # see files.filters
    selection_key = models.CharField(max_length=64)  # of revision, paths and filter
    collection_id = models.UUIDField()
    name = models.CharField(max_length=200, unique=True)  # the folder's name on the collection and on disk

    state = models.CharField(
        max_length=8, choices=[(s.value, s.value) for s in TreeState], default=TreeState.WANTED.value
    )
    state_changed_at = models.DateTimeField(default=timezone.now)
    joined = models.BigIntegerField(default=0)  # every joining and leaving of a download writes it: they take turns
    reason = models.CharField(max_length=60, blank=True)  # code: why it pauses, or why it goes
    reason_text = models.TextField(blank=True)
    tries = models.IntegerField(default=0)  # failures in a row
    not_before = models.DateTimeField(null=True)

    # Progress, written under the lease.
    step = models.CharField(max_length=8, blank=True)  # check, link, finish
    files_total = models.BigIntegerField(default=0)  # 0 while it is not known
    bytes_total = models.BigIntegerField(default=0)
    files_done = models.BigIntegerField(default=0)
    bytes_checked = models.BigIntegerField(default=0)  # read again before they are given out

    digests_name = models.CharField(max_length=255, blank=True)  # what our lists are called in its root
    facts_name = models.CharField(max_length=255, blank=True)
    fingerprint = models.CharField(max_length=64, blank=True)  # of the files' inodes, sizes and times when it was READY
    built_at = models.DateTimeField(null=True)
    readers = models.IntegerField(default=0)  # transfers that were reading from it when that was last asked
    readers_as_of = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["project", "selection_key", "collection_id"],
                condition=Q(state__in=sorted(state.value for state in MAY_BE_JOINED)),
                name="one_tree_per_selection",
            )
        ]
        indexes = [models.Index(fields=["state"], condition=~Q(state=TreeState.GONE.value), name="trees_not_gone")]

    def __str__(self) -> str:
        return self.name

    @property
    def current_state(self) -> TreeState:
        return TreeState(self.state)


class DownloadQuerySet(models.QuerySet["Download"]):
    def visible_to(self, member: Member) -> Self:
        """Downloads of the projects that the member belongs to; another's show no way into Globus."""
        return self.filter(project__memberships__member=member, project__memberships__member__is_active=True)

    def in_state(self, states: Iterable[DownloadState]) -> Self:
        return self.filter(state__in=sorted(state.value for state in states))

    def live(self) -> Self:
        return self.in_state(LIVE)


class Download(models.Model):
    """A member's intent to take files of a project at one revision out of it, from the form until it has ended."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="downloads")
    owner = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="downloads")
    tree = models.ForeignKey(DownloadTree, on_delete=models.PROTECT, related_name="downloads")
    name = models.CharField(max_length=200)
    description = models.TextField(max_length=10_000, blank=True)
    verify_first = models.BooleanField(default=False)  # every byte is read again before it is READY

    state = models.CharField(
        max_length=10, choices=[(s.value, s.value) for s in DownloadState], default=DownloadState.REQUESTED.value
    )
    state_changed_at = models.DateTimeField(default=timezone.now)
    reason = models.CharField(max_length=60, blank=True)  # code: why FAILED, EXPIRED or CANCELLED
    reason_text = models.TextField(blank=True)
    damaged_paths = models.JSONField(default=list)  # some of the files that stopped it
    requested_at = models.DateTimeField(default=timezone.now)  # when it was last asked for
    created_at = models.DateTimeField(default=timezone.now)
    ready_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField()
    expiry_warned_days = models.IntegerField(null=True)  # the smallest warning already sent
    overdue_since = models.DateTimeField(null=True)  # it is kept longer, because its member's transfer reads from it

    objects = DownloadQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["project", "-created_at"], name="downloads_of_project"),
            models.Index(fields=["state", "expires_at"], name="downloads_by_expiry"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def current_state(self) -> DownloadState:
        return DownloadState(self.state)

    def transition_to(self, wanted: DownloadState, *, at: datetime, **changes: Any) -> None:
        """Move this download, and write `changes` with it, unless another process has moved it already.

        Raises:
            DownloadTransitionError: the table has no such move, or another process was quicker.
        """
        current = self.current_state
        check_transition(current, wanted)
        as_read = Download.objects.filter(pk=self.pk, state=current.value, tree=self.tree_id)
        if not as_read.update(state=wanted.value, state_changed_at=at, **changes):
            self.refresh_from_db()
            raise DownloadTransitionError(self.current_state, wanted)
        self.state, self.state_changed_at = wanted.value, at
        for name, value in changes.items():
            setattr(self, name, value)
