"""What the manifest knows already of the paths that a scan sees: from a preview, an earlier run, a try that died.

Bytes that were digested and have not changed since are not read again, and what was placed stays placed.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from django.db.models import Max, Q

from moorage.files.models import ObjectState, StoredObject
from moorage.importer.ledger.entries import Entry, is_same_file, unsigned
from moorage.importer.ledger.job import ImportJob
from moorage.importer.ledger.runs import published_runs
from moorage.importer.models import ManifestEntry
from moorage.importer.words.advice import Reason
from moorage.importer.words.verdicts import GOOD, EntryKind, EntryState
from moorage.storage.digests import Stamp

KEYS_PER_QUERY: Final = 500
FORGOTTEN_ROWS: Final = 2500
_COLUMNS: Final = (
    *("path_key", "number", "run", "kind", "state", "verdict"),
    *("inode", "size_bytes", "modified_ns", "changed_ns", "digest", "crc32", "stored_object_id"),
    *("arrived_ns", "unsolved"),
)


class Known(NamedTuple):
    """What the manifest has at a path."""

    number: int
    run: int
    kind: str
    state: str
    verdict: str
    stamp: Stamp
    digest: str
    crc32: int
    object_id: int | None
    arrived_ns: int | None
    unsolved: list[str] | None


def forget_mere_plans(job: ImportJob) -> None:
    """Forget what a preview has found that took no digests: a scan sees all of it again, and quicker without."""
    entries = ManifestEntry.objects.filter(upload_id=job.upload_id).order_by("number")
    if entries.filter(Q(run__gte=0) | ~Q(digest="") | Q(arrived_ns__isnull=False)).exists():
        return
    while (last := entries.values("number")[:FORGOTTEN_ROWS].aggregate(last=Max("number"))["last"]) is not None:
        with job.batch():
            gone = entries.filter(number__lte=last)
            gone._raw_delete(gone.db)  # noqa: SLF001 - nothing refers to an entry


class Previous:
    """The entries that an upload had when a scan began."""

    def __init__(self, upload_id: UUID) -> None:
        self._entries = ManifestEntry.objects.filter(upload_id=upload_id)
        self._published = published_runs(upload_id)
        self.exist = self._entries.exists()

    def carry_over(self, entries: Sequence[Entry]) -> list[Entry]:
        """Tell entries what is known of them, and leave those out that have been registered."""
        if not self.exist:
            return list(entries)
        known = self._known([entry.key for entry in entries])
        live = _live({one.object_id for one in known.values() if one.object_id is not None})
        kept = []
        for entry in entries:
            before = known.get(entry.key)
            if before is not None:
                # Of a folder that cannot be looked into any more it is not known what else lies in it.
                is_shut = entry.kind == EntryKind.DIRECTORY and bool(entry.trouble)
                if self._is_registered(before) and not is_shut:
                    continue
                _carry_over(entry, before, live)
            kept.append(entry)
        return kept

    def _known(self, keys: Sequence[bytes]) -> dict[bytes, Known]:
        known: dict[bytes, Known] = {}
        for start in range(0, len(keys), KEYS_PER_QUERY):
            some = self._entries.filter(path_key__in=keys[start : start + KEYS_PER_QUERY])
            for key, *row in some.values_list(*_COLUMNS):
                known[bytes(key)] = _known(row)
        return known

    def _is_registered(self, before: Known) -> bool:
        return before.state == EntryState.PLACED and before.run in self._published and before.verdict in GOOD


def _known(row: Sequence[Any]) -> Known:
    number, run, kind, state, verdict, inode, size, modified_ns, changed_ns, *others = row
    return Known(number, run, kind, state, verdict, Stamp(unsigned(inode), size, modified_ns, changed_ns), *others)


def _carry_over(entry: Entry, before: Known, live: set[int]) -> None:
    entry.replaces, entry.unsolved = before.number, Reason(*before.unsolved) if before.unsolved else None
    if before.kind != entry.kind:
        return
    if is_same_file(before.stamp, entry.stamp):
        entry.arrived_ns = before.arrived_ns
    if before.stamp != entry.stamp or not before.digest:
        return
    entry.digest, entry.crc32 = before.digest, before.crc32
    entry.state = EntryState.DIGESTED.value
    if before.state == EntryState.PLACED and before.object_id in live:
        entry.state, entry.object_id = EntryState.PLACED.value, before.object_id


def _live(object_ids: set[int]) -> set[int]:
    wanted, live = sorted(object_ids), set[int]()
    for start in range(0, len(wanted), KEYS_PER_QUERY):
        rows = StoredObject.objects.filter(pk__in=wanted[start : start + KEYS_PER_QUERY], state=ObjectState.LIVE)
        live.update(rows.values_list("pk", flat=True))
    return live
