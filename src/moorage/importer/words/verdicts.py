"""The words of the manifest: what is staged, what the planner says of it, how far it has come."""

from typing import Final

from django.db.models import TextChoices


class Verdict(TextChoices):
    """What the planner says of a staged path, against the project at a revision."""

    NEW = "new", "new"
    NEW_VERSION = "new_version", "new version"
    IDENTICAL = "identical", "identical"
    DOUBTFUL = "doubtful", "doubtful"
    SKIPPED = "skipped", "skipped"
    REJECTED = "rejected", "rejected"


# What an import brings into the project (or finds there already).
GOOD: Final = (Verdict.NEW, Verdict.NEW_VERSION, Verdict.IDENTICAL)
NOT_GOOD: Final = (Verdict.REJECTED, Verdict.DOUBTFUL, Verdict.SKIPPED)


class EntryState(TextChoices):
    """How far an entry has come. REGISTERED stands in no row: it is what a run has placed that has published."""

    PLANNED = "planned", "planned"
    DIGESTED = "digested", "digested"
    PLACED = "placed", "placed"
    REGISTERED = "registered", "registered"
    FAILED = "failed", "failed"


class EntryKind(TextChoices):
    FILE = "file", "file"
    DIRECTORY = "directory", "directory"
    SYMLINK = "symlink", "symbolic link"
    OTHER = "other", "device, socket or pipe"


class Compared(TextChoices):
    """What a list of digests that came along says of a staged file; see importer.lists.completeness."""

    MATCHES = "matches", "as the list says"
    DIFFERS = "differs", "not as the list says"
    EXTRA = "extra", "not in the list"
