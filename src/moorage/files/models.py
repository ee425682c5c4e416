"""What a project holds, and when (design §4). How revisions come about is in `files.registering`.

A file or directory version is visible at revision r when `since <= r` and (`until` is null or
`until > r`). Rows above a project's head cannot be seen by anyone.
"""

import uuid
from typing import Self, TypeVar

from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from moorage.accounts.models import Member
from moorage.files.fields import DigestBytesField, NameField
from moorage.leases import Leased
from moorage.projects.models import Project


class ObjectState(models.TextChoices):
    LIVE = "live", "live"
    DOOMED = "doomed", "doomed"  # nothing refers to it; may be set live again
    LEAVING = "leaving", "leaving"  # its file is going to the trash
    DAMAGED = "damaged", "damaged"


class StoredObject(models.Model):
    """Bytes in the object store: a file named by its digest, written once. (`Object` in the design.)

    `modified_ns` and `changed_ns` are the stat times that place left. A later `modified_ns` means that somebody
    touched the file; `changed_ns` also moves when one of the file's other names comes or goes.
    """

    id = models.BigAutoField(primary_key=True)
    digest = DigestBytesField(unique=True)
    size_bytes = models.BigIntegerField()
    crc32 = models.BigIntegerField()
    modified_ns = models.BigIntegerField()
    changed_ns = models.BigIntegerField()
    verified_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=10, choices=ObjectState.choices, default=ObjectState.LIVE)
    state_changed_at = models.DateTimeField(null=True)  # since when it is doomed, leaving or damaged
    damage_told_at = models.DateTimeField(null=True)  # damaged: when the owners of its files were told

    class Meta:
        indexes = [
            models.Index(fields=["state"], condition=~Q(state="live"), name="objects_not_live"),
            models.Index(fields=["verified_at", "id"], name="objects_by_check"),
        ]

    def __str__(self) -> str:
        return str(self.digest)


class Directory(models.Model):
    """The identity of a folder: made once, never renamed, moved or deleted. The root has no parent and no name."""

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="directories")
    parent = models.ForeignKey("self", null=True, on_delete=models.CASCADE, related_name="children")
    name = NameField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["parent", "name"], name="one_directory_per_name"),
            models.UniqueConstraint(fields=["project"], condition=Q(parent__isnull=True), name="one_root_per_project"),
        ]

    def __str__(self) -> str:
        return self.name or "/"


_Version = TypeVar("_Version", bound=models.Model)


class VersionQuerySet(models.QuerySet[_Version]):
    def at(self, revision: int) -> Self:
        """Only the versions that are visible at this revision."""
        return self.filter(Q(until__isnull=True) | Q(until__gt=revision), since__lte=revision)


class DirectoryVersion(models.Model):
    """A folder while it is there: `file_count` and `total_bytes` count everything below it."""

    id = models.BigAutoField(primary_key=True)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    directory = models.ForeignKey(Directory, on_delete=models.CASCADE, related_name="versions")
    since = models.BigIntegerField()
    until = models.BigIntegerField(null=True)
    file_count = models.BigIntegerField(default=0)
    total_bytes = models.BigIntegerField(default=0)

    objects = VersionQuerySet["DirectoryVersion"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["directory", "since"], name="directory_version_once"),
            models.UniqueConstraint(
                fields=["directory"], condition=Q(until__isnull=True), name="one_newest_directory_version"
            ),
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(until__gt=F("since")), name="directory_since_until"
            ),
        ]
        indexes = [
            models.Index(fields=["project", "since"], name="directory_by_since"),
            models.Index(fields=["project", "until"], name="directory_by_until"),
        ]

    def __str__(self) -> str:
        return f"{self.directory} {self.since}-{self.until or ''}"


class FileVersion(models.Model):
    """One content of one path, from one revision until another. Of a published row only `until` ever changes.

    Its foreign keys are kept by the code alone: PostgreSQL would check each of a million rows by a trigger
    (ADR 0008).
    """

    id = models.UUIDField(primary_key=True, editable=False)
    project = models.ForeignKey(
        Project, on_delete=models.CASCADE, related_name="+", db_index=False, db_constraint=False
    )
    directory = models.ForeignKey(
        Directory, on_delete=models.CASCADE, related_name="file_versions", db_index=False, db_constraint=False
    )
    name = NameField()
    stored_object = models.ForeignKey(
        StoredObject,
        on_delete=models.PROTECT,
        related_name="file_versions",
        db_column="object_id",
        db_constraint=False,
    )
    size_bytes = models.BigIntegerField()
    modified_at = models.DateTimeField()
    since = models.BigIntegerField()
    until = models.BigIntegerField(null=True)

    objects = VersionQuerySet["FileVersion"].as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["directory", "name", "since"], name="file_version_once"),
            models.UniqueConstraint(
                fields=["directory", "name"], condition=Q(until__isnull=True), name="one_newest_file_version"
            ),
            models.CheckConstraint(condition=Q(until__isnull=True) | Q(until__gt=F("since")), name="file_since_until"),
        ]
        indexes = [
            models.Index(fields=["project", "since"], name="file_by_since"),
            models.Index(fields=["project", "until"], condition=Q(until__isnull=False), name="file_by_until"),
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.since}-{self.until or ''}"


class RevisionKind(models.TextChoices):
    IMPORT = "import", "import"
    UNDO = "undo", "undo"
    REMOVE = "remove", "remove"
    MOVE = "move", "move"
    RESTORE = "restore", "restore"


class RevisionState(models.TextChoices):
    WAITING = "waiting", "waiting"
    REGISTERING = "registering", "registering"
    PUBLISHED = "published", "published"
    FAILED = "failed", "failed"


class Revision(Leased):
    """A change of a project's files, from the moment it is asked for; numbered once it is published.

    `upload_id` names the upload of an import or of its undo (`transfers` is above this package, so it
    is no foreign key). An import's revision uses its upload's lease.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="revisions")
    number = models.BigIntegerField(null=True)
    kind = models.CharField(max_length=10, choices=RevisionKind.choices)
    state = models.CharField(max_length=12, choices=RevisionState.choices, default=RevisionState.WAITING)
    by = models.ForeignKey(Member, null=True, on_delete=models.PROTECT, related_name="+")
    upload_id = models.UUIDField(null=True, db_index=True)
    request = models.JSONField(default=dict)  # what was asked of a remove, move or restore; see files.changing
    undoes = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="undone_by")
    asked_at = models.DateTimeField(default=timezone.now)
    published_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=60, blank=True)
    files_added = models.BigIntegerField(default=0)
    files_changed = models.BigIntegerField(default=0)
    files_removed = models.BigIntegerField(default=0)
    bytes_added = models.BigIntegerField(default=0)
    left_alone = models.BigIntegerField(default=0)  # of an undo: paths where it changed nothing; see files.undo_plan
    left_named = models.JSONField(default=list)  # some of them: [[path, code]]

    class Meta:
        ordering = ["-number", "-asked_at"]
        constraints = [
            models.UniqueConstraint(fields=["project", "number"], name="one_revision_per_number"),
            models.UniqueConstraint(
                fields=["undoes"], condition=~Q(state=RevisionState.FAILED), name="one_undo_per_revision"
            ),
            models.CheckConstraint(
                condition=Q(state=RevisionState.PUBLISHED, number__isnull=False)
                | (~Q(state=RevisionState.PUBLISHED) & Q(number__isnull=True)),
                name="numbered_when_published",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.project} r{self.number or '?'} ({self.kind})"
