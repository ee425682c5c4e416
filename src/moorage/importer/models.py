"""The manifest: one entry per staged path, the ledger of an import. And runs, their problems, their receipts.

Progress, resume, per-file problems, retry of only what failed, receipts and undo all come from it.
"""

import uuid

from django.db import models
from django.utils import timezone

from moorage.files.fields import DigestField, NameField
from moorage.files.models import Directory, Revision, StoredObject
from moorage.importer.verdicts import EntryKind, EntryState, Verdict
from moorage.projects.models import Project

__all__ = ["EntryKind", "EntryState", "ImportProblem", "ImportRun", "ManifestEntry", "Verdict"]


class ManifestEntry(models.Model):
    """One staged path of an upload. `path` is bytes, relative to the area, without a leading slash.

    `number` orders the entries of an upload, parents before what they hold: batches are ranges of it.
    Because an entry holds all that a file version needs (`name`, `modified_at`, `version_id`, the object),
    ranges of them become versions inside the database.
    """

    id = models.BigAutoField(primary_key=True)
    upload = models.ForeignKey("transfers.Upload", on_delete=models.CASCADE, related_name="entries")
    number = models.BigIntegerField()
    path = models.BinaryField()
    path_digest = models.BinaryField(max_length=32)
    name = NameField(blank=True)  # the last name of the path; empty where it is not a name that a project takes
    folded = models.BigIntegerField(default=0)  # of the path without regard to case and normal form; see importer.paths
    kind = models.CharField(max_length=9, choices=EntryKind.choices)
    size_bytes = models.BigIntegerField(default=0)
    modified_ns = models.BigIntegerField(default=0)
    modified_at = models.DateTimeField(null=True)  # of modified_ns
    changed_ns = models.BigIntegerField(default=0)  # as scan saw it, then as our own link and chmod left it
    inode = models.BigIntegerField(default=0)

    trouble = models.CharField(max_length=12, blank=True)  # what the scan could not do with it; see storage.walk
    verdict = models.CharField(max_length=11, choices=Verdict.choices, blank=True)
    state = models.CharField(max_length=10, choices=EntryState.choices, default=EntryState.PLANNED)
    reason = models.CharField(max_length=60, blank=True)  # dotted code
    reason_text = models.TextField(blank=True)
    warning = models.CharField(max_length=60, blank=True)  # e.g. names that differ only in case
    remnant_until = models.DateTimeField(null=True)  # not imported: until when the bytes are kept

    digest = DigestField(blank=True, default="")
    crc32 = models.BigIntegerField(default=0)
    stored_object = models.ForeignKey(
        StoredObject, null=True, on_delete=models.PROTECT, related_name="+", db_column="object_id"
    )
    directory = models.ForeignKey(Directory, null=True, on_delete=models.PROTECT, related_name="+")
    version_id = models.UUIDField(null=True)  # the id that its file version gets (or got)
    registered_fence = models.BigIntegerField(null=True)
    registered_revision = models.BigIntegerField(null=True)

    class Meta:
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["upload", "path_digest"], name="path_once_per_upload"),
            models.UniqueConstraint(fields=["upload", "number"], name="number_once_per_upload"),
        ]
        indexes = [
            models.Index(fields=["upload", "state", "number"], name="entries_by_state"),
            models.Index(fields=["upload", "verdict", "number"], name="entries_by_verdict"),
        ]

    def __str__(self) -> str:
        return bytes(self.path).decode(errors="backslashreplace")


class ImportRun(models.Model):
    """One run of an upload's import: what it found, what it published. Its receipt never changes afterwards."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    upload = models.ForeignKey("transfers.Upload", on_delete=models.CASCADE, related_name="runs")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    revision = models.OneToOneField(Revision, on_delete=models.PROTECT, related_name="run")
    number = models.IntegerField()
    started_at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True)
    tries = models.IntegerField(default=0)  # how often a bug has stopped it
    not_before = models.DateTimeField(null=True)  # after a bug: when it is tried again
    scanned_at = models.DateTimeField(null=True)  # the manifest is complete
    planned_revision = models.BigIntegerField(null=True)  # the head that the plan was made against
    register_fence = models.BigIntegerField(null=True)  # of the right under which it published
    verdicts = models.JSONField(default=dict)  # {verdict: {"files": n, "bytes": n}}, written when it ends
    files = models.BigIntegerField(default=0)
    bytes = models.BigIntegerField(default=0)
    problem_count = models.BigIntegerField(default=0)
    outcome = models.CharField(max_length=12, blank=True)  # "imported", "failed"

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["upload", "number"], name="run_once_per_upload")]

    def __str__(self) -> str:
        return f"run {self.number} of {self.upload_id}"


class ImportProblem(models.Model):
    """A staged path that one run did not import: what happened, and what to do next."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="problems")
    entry = models.ForeignKey(ManifestEntry, on_delete=models.CASCADE, related_name="problems")
    code = models.CharField(max_length=60)
    sentence = models.TextField()

    class Meta:
        ordering = ["id"]
        constraints = [models.UniqueConstraint(fields=["run", "entry"], name="one_problem_per_entry_and_run")]

    def __str__(self) -> str:
        return f"{self.entry}: {self.code}"
