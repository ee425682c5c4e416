"""The queue: what the manifest still has to do of a run, read back in groups, and judged once more."""

from collections.abc import Iterator
from typing import Final

from django.db.models import Max, QuerySet

from moorage.importer.ledger.entries import Entry, unsigned
from moorage.importer.ledger.job import ImportJob
from moorage.importer.models import ManifestEntry
from moorage.importer.plan.planner import Planner
from moorage.importer.words.advice import Reason
from moorage.importer.words.verdicts import GOOD, Compared, EntryKind, EntryState
from moorage.storage.digests import Stamp

GROUP_ENTRIES: Final = 1000


def to_place(job: ImportJob, run: int) -> QuerySet[ManifestEntry]:
    """The entries that the plan of a run takes and that are not placed yet."""
    return ManifestEntry.objects.without_place().filter(
        upload_id=job.upload_id,
        run=run,
        kind=EntryKind.FILE,
        verdict__in=GOOD,
        state__in=(EntryState.PLANNED, EntryState.DIGESTED),
    )


def queued(job: ImportJob, planner: Planner, run: int) -> Iterator[list[Entry]]:
    """What is to be placed, in groups. What is written anew meanwhile does not come up twice."""
    waiting = to_place(job, run)
    last = waiting.aggregate(last=Max("number"))["last"] or -1
    first = -1
    while rows := list(waiting.filter(number__gt=first, number__lte=last).order_by("number")[:GROUP_ENTRIES]):
        first = rows[-1].number
        entries = [entry_of(row) for row in rows]
        expected = planner.expectations.of(entries)
        for entry in entries:
            if entry.compared != Compared.DIFFERS:
                planner.expectations.compare(entry, expected)
        planner.plan_again(entries)
        yield entries


def entry_of(row: ManifestEntry) -> Entry:
    """A row of the manifest as an entry that takes its place when it is written."""
    stamp = Stamp(unsigned(row.inode), row.size_bytes, row.modified_ns, row.changed_ns)
    entry = Entry(bytes(row.path), bytes(row.path_key), row.name, row.kind, stamp)
    entry.trouble, entry.verdict, entry.state = row.trouble, row.verdict, row.state
    entry.reason, entry.reason_text, entry.warning = row.reason, row.reason_text, row.warning
    entry.compared, entry.digest, entry.crc32 = row.compared, row.digest, row.crc32
    entry.directory_id, entry.object_id, entry.replaces = row.directory_id, row.stored_object_id, row.number
    entry.arrived_ns, entry.unsolved = row.arrived_ns, Reason(*row.unsolved) if row.unsolved else None
    return entry
