"""What lists say of an upload as a whole: what is missing, what differs, what stands in none of them.

Lists of digests do, and Globus's of what it has delivered, which the caller hands in: rows that have an upload, a path
and its key, as those of `ExpectedFile` have.

How a single file compares is in `expectations`, and stands on its entry.
"""

import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db.models import Case, Count, Exists, F, Min, OuterRef, QuerySet, Subquery, Sum, When

from moorage.importer.lists.kept import FIRST_PLACE, lists_of, rows_of
from moorage.importer.lists.overlaps import said_of
from moorage.importer.models import ExpectedFile, ManifestEntry
from moorage.importer.words import paths
from moorage.importer.words.verdicts import GOOD, Compared, EntryKind

MISSING: Final = "list.missing"
NOT_THERE: Final = "delivered.missing"
NOT_READ: Final = "list.not_read"
BY_GLOBUS: Final = "globus"  # instead of a list's source; no list has such a name
_SENTENCES: Final = {
    MISSING: "A list of digests names it, and it has not arrived.",
    NOT_THERE: "Globus has delivered it, and it is not there.",
    NOT_READ: "It is compared with its list only when its bytes are read.",
}
SAID: Final = {
    Compared.DIFFERS: ("list.differs", "It is not what a list of digests says."),
    Compared.EXTRA: ("list.extra", "It stands in no list of digests."),
}
_NOT_SURE: Final = re.compile("[\ue000-\uf8ff\ufffd]")


class MissingFile(NamedTuple):
    """A file that a list names and that is not staged. `id` is the place to go on after.

    `source` is that of the list of digests, or BY_GLOBUS.
    """

    id: int
    path: str
    size_bytes: int | None
    digest: str
    source: str

    @property
    def sentence(self) -> str:
        return _SENTENCES[self.code]

    @property
    def code(self) -> str:
        return NOT_THERE if self.source == BY_GLOBUS else MISSING


def causes_by_lists(
    upload_id: UUID, entries: QuerySet[ManifestEntry], delivered: QuerySet[Any] | None = None
) -> list[dict[str, Any]]:
    """What the lists say of these entries, as a preview keeps it among its causes; nothing where there is no list."""
    undelivered = _count_undelivered(upload_id, delivered)
    not_there = [_cause(NOT_THERE, _SENTENCES[NOT_THERE], undelivered, 0)] if undelivered else []
    if not lists_of(upload_id).exists():
        return not_there
    compared = entries.filter(kind=EntryKind.FILE, compared__in=list(SAID)).order_by()
    causes = [
        _cause(*SAID[Compared(said)], files, size)
        for said, files, size in compared.values_list("compared").annotate(files=Count("pk"), size=Sum("size_bytes"))
    ]
    absent = _missing(upload_id).annotate(said=_size_said(upload_id)).aggregate(files=Count("pk"), size=Sum("said"))
    if absent["files"]:
        causes.append(_cause(MISSING, _SENTENCES[MISSING], **absent))
    unread = _unread(upload_id, entries).aggregate(files=Count("pk"), size=Sum("size_bytes"))
    if unread["files"]:
        causes.append(_cause(NOT_READ, _SENTENCES[NOT_READ], **unread))
    return causes + not_there


def count_missing(upload_id: UUID, delivered: QuerySet[Any] | None = None) -> int:
    """How many files the lists name that the last look did not see and no earlier import has brought."""
    by_lists = _missing(upload_id).count() if lists_of(upload_id).exists() else 0
    return by_lists + _count_undelivered(upload_id, delivered)


def missing_files(
    upload_id: UUID, delivered: QuerySet[Any] | None = None, *, after: int = 0, limit: int = 100
) -> list[MissingFile]:
    """Files that a list names and that the last look did not see, in pages: by lists of digests, then by Globus's."""
    found: list[MissingFile] = []
    if after >= 0 and lists_of(upload_id).exists():
        absent = list(_missing(upload_id).filter(pk__gt=after).order_by("pk")[:limit])
        said = said_of(rows_of(upload_id), [bytes(row.path_digest) for row in absent])
        for row in absent:
            of_all = said[bytes(row.path_digest)]
            path = paths.printable(bytes(row.path))
            found.append(MissingFile(row.pk, path, of_all.size_bytes, of_all.digest, of_all.source))
    if delivered is None or len(found) == limit:
        return found
    # Places among what Globus names are below zero.
    rows = islice(_undelivered(upload_id, delivered, after=max(0, -after)), limit - len(found))
    return found + [MissingFile(-place, paths.printable(path), None, "", BY_GLOBUS) for place, path in rows]


def _missing(upload_id: UUID) -> QuerySet[ExpectedFile]:
    """Of each file that is not staged the row that counts before others."""
    of_the_same = rows_of(upload_id).filter(path_digest=OuterRef("path_digest"))
    before = of_the_same.filter(expected_list__place__lt=OuterRef("expected_list__place"))
    return _not_staged(rows_of(upload_id).filter(~Exists(before)))


def _size_said(upload_id: UUID) -> Case:
    """The size that the lists say of the file of a row together; see `overlaps`."""
    sizes = rows_of(upload_id).filter(path_digest=OuterRef("path_digest"), size_bytes__isnull=False)
    first = Subquery(sizes.order_by("expected_list__place").values("size_bytes")[:1])
    return Case(When(expected_list__place=FIRST_PLACE, then=F("size_bytes")), default=first)


def _unread(upload_id: UUID, entries: QuerySet[ManifestEntry]) -> QuerySet[ManifestEntry]:
    """Those to be imported of which a list has a digest that they were not compared with."""
    digests = rows_of(upload_id).filter(path_digest=OuterRef("path_key")).exclude(digest="")
    return entries.filter(Exists(digests), kind=EntryKind.FILE, compared="", verdict__in=GOOD).order_by()


def _count_undelivered(upload_id: UUID, delivered: QuerySet[Any] | None) -> int:
    if delivered is None or not delivered.exists():
        return 0
    return sum(1 for _ in _undelivered(upload_id, delivered))


def _undelivered(upload_id: UUID, delivered: QuerySet[Any], *, after: int = 0) -> Iterator[tuple[int, bytes]]:
    """Place and path of what was delivered and is not there. What a list of digests names, too, is told by that."""
    absent = _not_staged(delivered.order_by())
    if lists_of(upload_id).exists():
        absent = absent.filter(~Exists(rows_of(upload_id).filter(path_digest=OuterRef("path_digest"))))
    # Several tasks may have delivered one file.
    once = absent.values_list("path_digest", "path").annotate(place=Min("pk")).filter(place__gt=after)
    for _, path, place in once.order_by("place").iterator():
        # A name that is not UTF-8 comes in characters that stand for its bytes: by which rule, Globus does not say.
        if not _NOT_SURE.search(bytes(path).decode(errors="replace")):
            yield place, bytes(path)


def _not_staged(rows: QuerySet[Any]) -> QuerySet[Any]:
    # Entries of what an earlier run has imported stay, although its names have left the area.
    staged = ManifestEntry.objects.filter(upload_id=OuterRef("upload_id"), path_key=OuterRef("path_digest"))
    return rows.filter(~Exists(staged))


def _cause(code: str, sentence: str, files: int, size: int | None) -> dict[str, Any]:
    return {"code": code, "sentence": sentence, "verdict": "", "files": files, "bytes": size or 0}
