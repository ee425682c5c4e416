"""Uploads, the access grants on staging areas and download trees, and what reappeared of closed uploads.

Globus tasks and downloads have modules of their own; Django finds them here.
An upload's state changes through `Upload.transition_to` or under its lease only.
"""

import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Self

from django.db import models
from django.db.models import Q
from django.utils import timezone

from moorage.accounts.models import Member
from moorage.leases import Leased
from moorage.projects.choices import ImportChoices
from moorage.projects.models import Project
from moorage.projects.rules import MAY_EDIT
from moorage.transfers.downloads.models import Download, DownloadTree
from moorage.transfers.states import OUTSTANDING, UploadState, UploadTransitionError, check_transition
from moorage.transfers.task_models import Belonging, CollectionWatch, DeliveredFile, GlobusTask, UploadTask

__all__ = [
    "AccessGrant",
    "Belonging",
    "CollectionWatch",
    "DeliveredFile",
    "Download",
    "DownloadTree",
    "GlobusTask",
    "GrantState",
    "SealWhen",
    "StrayArea",
    "Upload",
    "UploadQuerySet",
    "UploadTask",
]


class SealWhen(models.TextChoices):
    NOW = "now", "Import now"
    QUIET = "quiet", "Import when transfers finish"


class UploadQuerySet(models.QuerySet["Upload"]):
    def visible_to(self, member: Member) -> Self:
        """Uploads of the projects that the member may edit: viewers see files, not uploads."""
        return self.filter(
            project__memberships__member=member,
            project__memberships__member__is_active=True,
            project__memberships__role__in=sorted(MAY_EDIT),
        )

    def outstanding(self) -> Self:
        return self.filter(state__in=sorted(OUTSTANDING))

    def in_state(self, *states: UploadState) -> Self:
        return self.filter(state__in=[state.value for state in states])


class Upload(Leased):
    """A member's intent to bring files into a project, from the form until its receipt."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="uploads")
    owner = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="uploads")
    name = models.CharField(max_length=200)
    description = models.TextField(max_length=10_000, blank=True)

    state = models.CharField(
        max_length=12,
        choices=[(s.value, s.value) for s in UploadState],
        default=UploadState.REQUESTED.value,
        db_index=True,
    )
    state_changed_at = models.DateTimeField(default=timezone.now)
    reason = models.CharField(max_length=60, blank=True)  # code: why FAILED, DISCARDED, paused, or waits in REQUESTED
    reason_text = models.TextField(blank=True)  # the sentence for it; IMPORTED: who cancelled a retry

    collection_id = models.UUIDField()
    area_name = models.CharField(max_length=200, unique=True)  # the folder's name on the collection and on disk

    # The wish "Import when transfers finish": the upload stays OPEN. `wish_by` must still be allowed to press DONE.
    wish_at = models.DateTimeField(null=True)
    wish_by = models.ForeignKey(Member, null=True, on_delete=models.SET_NULL, related_name="+")
    # How the running or last freeze was asked for: SealWhen, by whom.
    seal_when = models.CharField(max_length=5, choices=SealWhen.choices, blank=True)
    close_step = models.CharField(
        max_length=20, blank=True
    )  # where the freeze or the discarding stands; see transfers.closing
    choices = models.JSONField(default=dict)  # what she chose for its import; see projects.choices

    created_at = models.DateTimeField(default=timezone.now)
    opened_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    done_by = models.ForeignKey(Member, null=True, on_delete=models.SET_NULL, related_name="+")
    sealed_at = models.DateTimeField(null=True)
    # Cancel was pressed on an import that waited or ran: forgotten by the next DONE or retry.
    cancel_asked_at = models.DateTimeField(null=True)
    cancel_asked_by = models.ForeignKey(Member, null=True, on_delete=models.SET_NULL, related_name="+")
    import_started_at = models.DateTimeField(null=True)
    imported_at = models.DateTimeField(null=True)
    last_activity_at = models.DateTimeField(default=timezone.now)
    expires_at = models.DateTimeField()
    expiry_warned_days = models.IntegerField(null=True)  # the smallest warning already sent: 14, 7, 1
    trash_until = models.DateTimeField(null=True)  # discarded: until when the area can be brought back

    # What has arrived in the area, as the last look saw it.
    files_arrived = models.BigIntegerField(default=0)
    bytes_arrived = models.BigIntegerField(default=0)
    arrived_digest = models.CharField(
        max_length=64, blank=True
    )  # of (path, size, mtime) of the area; same = nothing changed
    arrived_changed_at = models.DateTimeField(null=True)
    arrived_as_of = models.DateTimeField(null=True)
    look_seconds = models.FloatField(default=0)  # how long the last look took: big trees are looked at less often

    # Progress of the import: written under the lease.
    step = models.CharField(max_length=12, blank=True)  # scan, plan, digest, place, register, publish
    files_total = models.BigIntegerField(default=0)
    bytes_total = models.BigIntegerField(default=0)
    files_done = models.BigIntegerField(default=0)
    bytes_done = models.BigIntegerField(default=0)
    progress_at = models.DateTimeField(null=True)
    problems = models.BigIntegerField(default=0)  # staged paths that are not imported, as the newest run counted them
    problem_folders = models.BigIntegerField(default=0)  # how many of them are folders
    left_out = models.BigIntegerField(default=0)  # how many of them have no other reason than a rule or a choice
    missing = models.BigIntegerField(default=0)  # files that lists name and that the newest run did not see
    warnings = models.JSONField(default=list)  # sentences: what the newest run was given and could not use
    published_revision = models.BigIntegerField(null=True)  # the newest revision that this upload published
    is_cleared = models.BooleanField(default=True)  # False from publishing until registered names left the sealed area
    remnants_gone_at = models.DateTimeField(
        null=True
    )  # what was not imported is (going) in the trash: no retry any more

    objects = UploadQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["project", "-created_at"], name="uploads_of_project")]

    def __str__(self) -> str:
        return self.name

    @property
    def current_state(self) -> UploadState:
        return UploadState(self.state)

    @property
    def import_choices(self) -> ImportChoices:
        return ImportChoices.from_json(self.choices)

    @property
    def has_published(self) -> bool:
        return self.published_revision is not None

    def transition_to(
        self, wanted: UploadState, *, at: datetime, where: Mapping[str, Any] | None = None, **changes: Any
    ) -> None:
        """Move this upload, and write `changes` with it, unless another process has moved it already.

        `where` names what else must still stand as it was read.

        Raises:
            UploadTransitionError: the table has no such move, or another process was quicker.
        """
        current = self.current_state
        check_transition(current, wanted)
        # One UPDATE that names the old state, and no row lock: SQLite has none.
        as_read = Upload.objects.filter(**(where or {}), pk=self.pk, state=current.value)
        moved = as_read.update(state=wanted.value, state_changed_at=at, **changes)
        if not moved:
            self.refresh_from_db()
            raise UploadTransitionError(self.current_state, wanted)
        self.state, self.state_changed_at = wanted.value, at
        for name, value in changes.items():
            setattr(self, name, value)


class GrantState(models.TextChoices):
    """What stands in the collection's rule list, as far as we know. `desired` uses GRANTED and REVOKED only."""

    NONE = "none", "none"  # never asked for
    GRANTED = "granted", "granted"
    REVOKED = "revoked", "revoked"
    UNKNOWN = "unknown", "unknown"  # asked, and the answer was lost: the sweep looks it up


class AccessGrant(models.Model):
    """A rule that an identity should, or should no longer, have on an upload's staging area or on a download tree.

    The row is committed before Globus is asked; a sweep reconciles it with the collection's rule list.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    upload = models.ForeignKey(Upload, null=True, on_delete=models.CASCADE, related_name="grants")
    tree = models.ForeignKey(DownloadTree, null=True, on_delete=models.CASCADE, related_name="grants")
    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="+")
    identity_id = models.UUIDField()
    username = models.CharField(max_length=300)  # as whom to sign in there
    collection_id = models.UUIDField()
    path = models.CharField(max_length=300)
    permissions = models.CharField(max_length=2, default="rw")
    desired = models.CharField(max_length=8, choices=GrantState.choices, default=GrantState.GRANTED)
    actual = models.CharField(max_length=8, choices=GrantState.choices, default=GrantState.NONE)
    rule_id = models.CharField(max_length=100, blank=True)
    expires_at = models.DateTimeField(null=True)
    trouble = models.CharField(max_length=60, blank=True)  # code of the last refusal, e.g. globus.no_rule_left
    tried_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField(null=True)  # when the rule was first seen in the collection's rule list
    tasks_as_of = models.DateTimeField(null=True)  # when the identity's task list was last read

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["upload", "identity_id"], name="one_grant_per_identity"),
            models.UniqueConstraint(fields=["tree", "identity_id"], name="one_grant_per_identity_on_a_tree"),
            models.CheckConstraint(
                condition=Q(upload__isnull=False, tree__isnull=True) | Q(upload__isnull=True, tree__isnull=False),
                name="grant_of_upload_or_tree",
            ),
        ]
        indexes = [models.Index(fields=["desired", "actual"], name="grants_to_reconcile")]

    def __str__(self) -> str:
        return f"{self.username} on {self.path}: {self.actual}, wanted {self.desired}"


class StrayArea(models.Model):
    """A name that reappeared after its upload was closed, and went to the trash; shown on the upload."""

    id = models.BigAutoField(primary_key=True)
    upload = models.ForeignKey(Upload, on_delete=models.CASCADE, related_name="stray_areas")
    found_at = models.DateTimeField()
    moved_at = models.DateTimeField(null=True)  # null: seen, and on its way to the trash
    files = models.BigIntegerField(default=0)
    trash_until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.upload} at {self.found_at:%Y-%m-%d %H:%M}"
