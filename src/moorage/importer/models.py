"""The manifest: one entry per staged path, the ledger of an import. And runs, their problems, and previews. Lists of
digests are in `list_models`.

Progress, resume, per-file problems, retry of only what failed, receipts and undo all come from it.
"""

import uuid
from typing import Self, cast

from django.db import models
from django.db.models import Q
from django.utils import timezone

from moorage.accounts.models import Member
from moorage.files.fields import DigestBytesField, NameField
from moorage.files.models import Directory, Revision, StoredObject
from moorage.importer.list_models import KEPT_LISTS, MOST_NAMED, ExpectedFile, ExpectedList, ListState
from moorage.importer.words.verdicts import Compared, EntryKind, EntryState, Verdict
from moorage.leases import Leased
from moorage.projects.models import Project

__all__ = [
    "KEPT_LISTS",
    "MOST_NAMED",
    "Compared",
    "EntryKind",
    "EntryState",
    "ExpectedFile",
    "ExpectedList",
    "ImportProblem",
    "ImportRun",
    "ListState",
    "ManifestEntry",
    "Preview",
    "PreviewState",
    "Verdict",
]


class EntryQuerySet(models.QuerySet["ManifestEntry"]):
    """Entries that have an index of their own. Its condition is asked for in the words of the index: of a parameter
    SQLite cannot know that the index has all that is wanted, and it would look through the whole manifest.
    """

    def without_place(self) -> Self:
        """Those whose bytes have no place, or not yet."""
        return self._where("importer_manifestentry.state IN ('planned', 'digested', 'failed')")

    def not_new(self) -> Self:
        """Those that are not simply new."""
        return self._where("NOT (importer_manifestentry.verdict = 'new')")

    def _where(self, condition: str) -> Self:
        return cast("Self", self.extra(where=[condition]))  # noqa: S610 - only the conditions above


class ManifestEntry(models.Model):
    """One staged path of an upload. `path` is bytes, relative to the area, without a leading slash.

    `number` orders the entries, folders before what they hold: batches are ranges of it. `run` is the number of the
    import's run that saw the path last, or minus the fence of the preview that did. An entry that is placed is
    registered as soon as its run has published: nothing of it needs to be written again (ADR 0008).

    Because an entry holds all that a file version needs (`name`, times, the object, `directory`: where the file lies
    in the project, or the folder itself), ranges of entries become versions inside the database. Foreign keys are
    kept by the code alone, as in `files.models.FileVersion`.
    """

    number = models.BigAutoField(primary_key=True)
    upload = models.ForeignKey(
        "transfers.Upload", on_delete=models.CASCADE, related_name="entries", db_index=False, db_constraint=False
    )
    run = models.BigIntegerField(default=0)
    path = models.BinaryField()
    path_key = models.BinaryField(max_length=32)  # see files.paths.path_key
    name = NameField(blank=True)  # the last name of the path; empty where it is not a name that a project takes
    kind = models.CharField(max_length=9, choices=EntryKind.choices)
    size_bytes = models.BigIntegerField(default=0)
    modified_ns = models.BigIntegerField(default=0)
    changed_ns = models.BigIntegerField(default=0)  # as scan saw it, then as our own link and chmod left it
    arrived_ns = models.BigIntegerField(null=True)  # where a task is suspicious: changed_ns before our link and chmod
    inode = models.BigIntegerField(default=0)

    trouble = models.CharField(max_length=12, blank=True)  # what the scan could not do with it; see storage.walk
    verdict = models.CharField(max_length=11, choices=Verdict.choices, blank=True)
    state = models.CharField(max_length=10, choices=EntryState.choices, default=EntryState.PLANNED)
    reason = models.CharField(max_length=60, blank=True)  # dotted code
    reason_text = models.TextField(blank=True)
    # Code: e.g. names that differ only in case; of what is left out, and was not imported for another reason, why so.
    warning = models.CharField(max_length=60, blank=True)
    # [code, sentence]: why the last run that did more than leave it out did not import it. None: there is no such run.
    unsolved = models.JSONField(null=True)
    compared = models.CharField(max_length=9, choices=Compared.choices, blank=True)

    digest = DigestBytesField(blank=True, default="")
    crc32 = models.BigIntegerField(default=0)
    stored_object = models.ForeignKey(
        StoredObject,
        null=True,
        on_delete=models.PROTECT,
        related_name="+",
        db_column="object_id",
        db_constraint=False,
    )
    directory = models.ForeignKey(
        Directory, null=True, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False
    )

    objects = EntryQuerySet.as_manager()

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["upload", "path_key"], name="path_once_per_upload")]
        indexes = [
            models.Index(fields=["upload", "number"], name="entries_of_upload"),
            # Most entries are soon placed, and new: only the others are looked for by their state and verdict.
            models.Index(
                fields=["upload", "state", "number"],
                condition=Q(state__in=("planned", "digested", "failed")),
                name="entries_to_do",
            ),
            models.Index(fields=["upload", "verdict", "number"], condition=~Q(verdict="new"), name="entries_not_new"),
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
    choices = models.JSONField(default=dict)  # see projects.choices
    # What the project preferred when it began: projects.choices.ImportDefaults. None in runs of earlier versions.
    defaults = models.JSONField(null=True)
    scanned_at = models.DateTimeField(null=True)  # the manifest is complete
    planned_revision = models.BigIntegerField(null=True)  # the head that the plan was made against
    register_fence = models.BigIntegerField(null=True)  # of the right under which it published
    verdicts = models.JSONField(default=dict)  # {verdict: {"files": n, "bytes": n}}, written when it ends
    files = models.BigIntegerField(default=0)
    bytes = models.BigIntegerField(default=0)
    problem_count = models.BigIntegerField(default=0)
    left_out_count = models.BigIntegerField(default=0)  # how many of them have no other reason than a rule or a choice
    untried_count = models.BigIntegerField(default=0)  # how many of them a rule or a choice has left out this time
    missing_count = models.BigIntegerField(null=True)  # files that lists name and that were not there; null: not known
    warnings = models.JSONField(default=list)  # what it was given and could not use: [{"code", "sentence"}]
    outcome = models.CharField(max_length=12, blank=True)  # "imported", "failed"
    reason = models.CharField(max_length=60, blank=True, default="")  # code: why it published nothing
    reason_text = models.TextField(blank=True, default="")  # the sentence for it

    class Meta:
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["upload", "number"], name="run_once_per_upload")]

    def __str__(self) -> str:
        return f"run {self.number} of {self.upload_id}"


class ImportProblem(models.Model):
    """A staged path that one run did not import: what happened, what to do next, until when the bytes are kept."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="problems")
    path = models.BinaryField()
    kind = models.CharField(max_length=9, choices=EntryKind.choices, blank=True, default="")  # empty: not known
    size_bytes = models.BigIntegerField(null=True)  # of a file
    code = models.CharField(max_length=60)
    sentence = models.TextField()
    kept_until = models.DateTimeField(null=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{bytes(self.path).decode(errors='backslashreplace')}: {self.code}"


class PreviewState(models.TextChoices):
    WANTED = "wanted", "waits for a worker"
    RUNNING = "running", "is being made"
    READY = "ready", "ready"
    FAILED = "failed", "failed"


class Preview(Leased):
    """What an import would do: one row per upload, asked for, then filled by a worker (design §5).

    `planned_revision` is the project's head and `area_digest` the upload's `arrived_digest` that it was made
    against: when one of them has moved on, it no longer holds.
    """

    id = models.BigAutoField(primary_key=True)
    upload = models.OneToOneField("transfers.Upload", on_delete=models.CASCADE, related_name="preview")
    state = models.CharField(max_length=7, choices=PreviewState.choices, default=PreviewState.WANTED)
    asked_by = models.ForeignKey(Member, null=True, on_delete=models.SET_NULL, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)
    with_digests = models.BooleanField(default=False)
    choices = models.JSONField(default=dict)  # see projects.choices
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    planned_revision = models.BigIntegerField(null=True)
    area_digest = models.CharField(max_length=64, blank=True)
    step = models.CharField(max_length=12, blank=True)
    files_total = models.BigIntegerField(default=0)
    bytes_total = models.BigIntegerField(default=0)
    files_done = models.BigIntegerField(default=0)
    bytes_done = models.BigIntegerField(default=0)
    reason = models.CharField(max_length=60, blank=True)
    reason_text = models.TextField(blank=True)
    verdicts = models.JSONField(default=dict)  # {verdict: {"files": n, "bytes": n}}
    problems = models.JSONField(default=list)  # by cause: [{"code", "sentence", "files", "folders"?, "bytes"}]

    def __str__(self) -> str:
        return f"preview of {self.upload_id}: {self.state}"
