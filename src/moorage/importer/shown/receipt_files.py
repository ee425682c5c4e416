"""The files of a receipt: what a run brought into the project, or found there already. Made of the manifest."""

from dataclasses import dataclass
from uuid import UUID

from moorage.importer.ledger.runs import published_runs
from moorage.importer.models import ManifestEntry
from moorage.importer.words import paths
from moorage.importer.words.included import warning_text
from moorage.importer.words.verdicts import GOOD, EntryKind, EntryState


@dataclass(frozen=True)
class ReceiptFile:
    """A file that the run brought into the project, or found there already. `number` is the place to go on after."""

    number: int
    path: str
    verdict: str
    size_bytes: int
    digest: str
    warning: str
    warning_text: str


def imported_files(upload_id: UUID, revision: int, *, after: int = -1, limit: int = 1000) -> list[ReceiptFile]:
    """The files that this upload registered with a revision, in pages, in the order of its manifest."""
    runs = [run for run, number in published_runs(upload_id).items() if number == revision]
    rows = ManifestEntry.objects.filter(
        upload_id=upload_id,
        run__in=runs,
        kind=EntryKind.FILE,
        state=EntryState.PLACED,
        verdict__in=GOOD,
        number__gt=after,
    ).order_by("number")[:limit]
    return [
        ReceiptFile(
            row.number,
            paths.printable(bytes(row.path)),
            row.verdict,
            row.size_bytes,
            row.digest,
            row.warning,
            warning_text(row.warning, verdict=row.verdict, compared=row.compared),
        )
        for row in rows
    ]
