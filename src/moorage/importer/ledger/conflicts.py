"""What is said where an import is to bring nothing because files differ from those of the project."""

from typing import Any, Final

from django.db.models import Count, QuerySet, Sum

from moorage.importer.models import ManifestEntry
from moorage.importer.words.verdicts import EntryState, Verdict

CONFLICT: Final = "import.conflict"


def why_stopped(entries: QuerySet[ManifestEntry]) -> str:
    """The sentence of a run that published nothing because of one of these entries; empty where none is a conflict."""
    conflicts = entries.filter(verdict=Verdict.NEW_VERSION).order_by("number")
    if not (told := _told(conflicts, conflicts.count())):
        return ""
    return (
        f"The project has {told}, and this import was to stop then, so nothing was imported. "
        "Retry with new versions, or with those files skipped: with the same choices it stops again."
    )


def foreseen_conflict(entries: QuerySet[ManifestEntry]) -> list[dict[str, Any]]:
    """The same before an import, as a preview keeps it among its causes; nothing where none would be a conflict.

    A file whose digest is not known yet may turn out to be identical.
    """
    conflicts = entries.filter(verdict=Verdict.NEW_VERSION).exclude(state=EntryState.FAILED).order_by("number")
    counts = conflicts.order_by().aggregate(files=Count("pk"), bytes=Sum("size_bytes"))
    if not (told := _told(conflicts, counts["files"])):
        return []
    unless = "" if conflicts.exclude(digest="").exists() else ", unless their bytes turn out to be identical"
    sentence = (
        f"Nothing would be imported{unless}: the project has {told}, and this import is to stop then. "
        "Choose new versions, or to keep the project's files."
    )
    return [{"code": CONFLICT, "sentence": sentence, "verdict": Verdict.NEW_VERSION.value, **counts}]


def _told(conflicts: QuerySet[ManifestEntry], count: int) -> str:
    if not (first := conflicts.first()):
        return ""
    return f"other files at {first} and {count - 1:,} more" if count > 1 else f"another file at {first}"
