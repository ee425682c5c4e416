"""Globus tasks as the sweep saw them last, whose uploads they are, and what they delivered."""

from django.db import models


class Belonging(models.TextChoices):
    """How we know that a task is an upload's (design §6)."""

    PATH = "path", "its path lies in the staging area"
    CLAIMED = "claimed", "somebody told us so"
    ONLY = "only", "its owner has no other open upload on the collection"
    PERHAPS = "perhaps", "its owner has several open uploads"
    DENIED = "denied", "somebody told us that it is not"


class GlobusTask(models.Model):
    """A Globus task that writes to the collection, as last seen by the sweep. Pages read this table."""

    id = models.BigAutoField(primary_key=True)
    task_id = models.UUIDField(unique=True)
    collection_id = models.UUIDField()
    status = models.CharField(max_length=10)
    label = models.CharField(max_length=300, blank=True)
    destination_path = models.TextField(blank=True)  # empty where Globus hides it
    requested_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True)
    files = models.BigIntegerField(default=0)
    files_transferred = models.BigIntegerField(default=0)
    files_skipped = models.BigIntegerField(default=0)
    bytes_transferred = models.BigIntegerField(default=0)
    bytes_per_second = models.BigIntegerField(default=0)
    faults = models.BigIntegerField(default=0)
    nice_status = models.CharField(max_length=100, blank=True)
    was_cancelled = models.BooleanField(default=False)
    is_delete = models.BooleanField(default=False)
    as_of = models.DateTimeField()
    cancel_asked_at = models.DateTimeField(null=True)
    outcome_fetched_at = models.DateTimeField(null=True)  # final status and delivered files are stored

    class Meta:
        ordering = ["-requested_at"]
        indexes = [models.Index(fields=["collection_id", "status"], name="tasks_by_status")]

    def __str__(self) -> str:
        return f"{self.label or self.task_id} {self.status}"

    @property
    def is_final(self) -> bool:
        return self.status in {"SUCCEEDED", "FAILED"}


class UploadTask(models.Model):
    """That a Globus task is, perhaps is, or is not an upload's."""

    id = models.BigAutoField(primary_key=True)
    upload = models.ForeignKey("transfers.Upload", on_delete=models.CASCADE, related_name="upload_tasks")
    task = models.ForeignKey(GlobusTask, on_delete=models.CASCADE, related_name="upload_tasks")
    belonging = models.CharField(max_length=8, choices=Belonging.choices)
    was_active_at_seal = models.BooleanField(default=False)
    told_at = models.DateTimeField(null=True)  # the uploader was told that it failed

    class Meta:
        constraints = [models.UniqueConstraint(fields=["upload", "task"], name="task_once_per_upload")]

    def __str__(self) -> str:
        return f"{self.task} of {self.upload}: {self.belonging}"


class DeliveredFile(models.Model):
    """A file that Globus says a task delivered, kept because Globus forgets it.

    Path bytes are relative to the area of the upload: one task can write into several areas.
    """

    id = models.BigAutoField(primary_key=True)
    task = models.ForeignKey(GlobusTask, on_delete=models.CASCADE, related_name="delivered_files")
    upload = models.ForeignKey("transfers.Upload", on_delete=models.CASCADE, related_name="+")
    path_digest = models.BinaryField(max_length=32)  # see files.paths.path_key: long paths do not fit an index
    path = models.BinaryField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["task", "upload", "path_digest"], name="delivered_once")]

    def __str__(self) -> str:
        return bytes(self.path).decode(errors="replace")


class CollectionWatch(models.Model):
    """When somebody last looked at a page that shows a collection's tasks, and how fresh our list of them is."""

    collection_id = models.UUIDField(primary_key=True)
    watched_at = models.DateTimeField(null=True)
    tasks_as_of = models.DateTimeField(null=True)
    trouble = models.TextField(blank=True)  # why the last look at Globus failed; empty when it did not

    def __str__(self) -> str:
        return str(self.collection_id)
