"""What lists of digests say of an upload as a whole: what is missing, what differs, what stands in none of them.

How a single file compares is in `expectations`, and stands on its entry.
"""

from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, QuerySet, Sum

from moorage.importer import paths
from moorage.importer.expected import whole_lists
from moorage.importer.models import ExpectedFile, ManifestEntry
from moorage.importer.verdicts import Compared, EntryKind

MISSING: Final = "list.missing"
SAID: Final = {
    Compared.DIFFERS: ("list.differs", "It is not what a list of digests says."),
    Compared.EXTRA: ("list.extra", "It stands in no list of digests."),
}


class MissingFile(NamedTuple):
    """A file that a list names and that is not staged. `id` is the place to go on after."""

    id: int
    path: str
    size_bytes: int | None
    digest: str
    source: str


def causes_by_lists(upload_id: UUID, entries: QuerySet[ManifestEntry]) -> list[dict[str, Any]]:
    """What the lists say of these entries, as a preview keeps it among its causes; nothing where there is no list."""
    if not whole_lists(upload_id):
        return []
    compared = entries.filter(kind=EntryKind.FILE, compared__in=list(SAID)).order_by()
    causes = [
        _cause(*SAID[Compared(said)], files, size)
        for said, files, size in compared.values_list("compared").annotate(files=Count("pk"), size=Sum("size_bytes"))
    ]
    absent = _missing(upload_id).aggregate(files=Count("pk"), size=Sum("size_bytes"))
    if absent["files"]:
        causes.append(_cause(MISSING, "A list of digests names it, and it has not arrived.", **absent))
    return causes


def missing_files(upload_id: UUID, *, after: int = 0, limit: int = 100) -> list[MissingFile]:
    """Files that a list names and that the last look did not see, in the order of the list, in pages."""
    if not whole_lists(upload_id):
        return []
    rows = _missing(upload_id).filter(pk__gt=after).order_by("pk")[:limit]
    return [
        MissingFile(row.pk, paths.printable(bytes(row.path)), row.size_bytes, row.digest, row.source) for row in rows
    ]


def _missing(upload_id: UUID) -> QuerySet[ExpectedFile]:
    sources = [one.source for one in whole_lists(upload_id)]
    staged = ManifestEntry.objects.filter(upload_id=OuterRef("upload_id"), path_key=OuterRef("path_digest"))
    return ExpectedFile.objects.filter(~Exists(staged), upload_id=upload_id, source__in=sources)


def _cause(code: str, sentence: str, files: int, size: int | None) -> dict[str, Any]:
    return {"code": code, "sentence": sentence, "verdict": "", "files": files, "bytes": size or 0}
