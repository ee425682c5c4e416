"""Orders: what a scan has listed, cut into batches for the executor; what an answer sends back comes up again.

What needs no placing is handed to the writer on the way.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from moorage.importer.batches import data
from moorage.importer.batches.data import BatchOrder, File, Hint, Work
from moorage.importer.batches.place_plain import MAX_BYTES, place_plain
from moorage.importer.batches.plain import PlainFolder, PlainOrder
from moorage.importer.batches.tally import Tally
from moorage.importer.ledger.disk_waits import wait_for_room
from moorage.importer.ledger.entries import Entry
from moorage.importer.ledger.job import ImportJob
from moorage.importer.plan.scan import Folders, Group
from moorage.importer.words.verdicts import GOOD, EntryKind, EntryState
from moorage.importer.write.manifest_writer import ManifestWriter
from moorage.importer.write.put_off import Keys

FEWEST_PLAIN: Final = 500  # files of a batch
MOST_PLAIN: Final = 4000
PLAIN_SHARE: Final = 8  # of what was ordered before, and of what is left


class Asked(NamedTuple):
    """A batch that is to be done. `entries` are of the files of a BatchOrder, in its order."""

    work: Work
    order: BatchOrder | PlainOrder
    entries: Sequence[Entry] = ()


class Wishes(NamedTuple):
    """What is done with entries, and keys of those whose object must be read, or replaced. `are_old`: all were looked
    at a quiet time ago or longer.
    """

    work: Work
    unproven: Keys | frozenset[bytes] = frozenset()
    damaged: Keys | frozenset[bytes] = frozenset()
    are_old: bool = False


class Orders:
    """The batches of one pass, as the executor has room for them. Where it is only previewed (`identify` is false),
    no folder of the project gets its identity.
    """

    def __init__(
        self,
        job: ImportJob,
        wishes: Wishes,
        groups: Iterable[Group],
        writer: ManifestWriter,
        tally: Tally,
        *,
        identify: bool = True,
    ) -> None:
        self._job, self._wishes, self._writer, self._tally = job, wishes, writer, tally
        self._groups = iter(groups)
        self._folders = Folders(job) if identify else None
        self._cut = Cut()
        self._plain: deque[PlainFolder] = deque()
        self._ordered = 0  # plain files
        self._mean_bytes = 0.0  # of the plain files of the last answer
        self._is_over = False

    def next(self) -> Asked | None:
        """The next batch; None if there is none now. An answer may bring more."""
        while True:
            batch = self._cut.take(is_last=self._is_over)
            if batch:
                return self._ready(Asked(self._wishes.work, self._order_of(batch), batch))
            if self._plain and (self._is_over or self._waiting_plain() >= self._most_plain()):
                return self._ready(Asked(place_plain, self._plain_order()))
            if self._is_over:
                return None
            group = next(self._groups, None)
            if group is None:
                self._is_over = True
            else:
                self.settle(group)

    def settle(self, group: Group) -> None:
        """Point what was listed at its folders; what needs no placing goes to the writer, and the rest waits here."""
        if self._folders is not None:
            self._folders.point(group.entries)
            self._plain += self._folders.pointed(group.plain)
        for entry in group.entries:
            if is_to_place(entry):
                self._cut.add(entry)
            else:
                self._writer.add(entry)
                if entry.kind != EntryKind.DIRECTORY:
                    self._job.add(files=1, bytes=entry.size_bytes if entry.kind == EntryKind.FILE else 0)
        self._writer.write_full()

    @property
    def is_over(self) -> bool:
        """Whether everything that was listed has been handed over."""
        return self._is_over and not self._plain

    def learn(self, files: int, size: int) -> None:
        """So many plain files had so many bytes: what comes next is taken to be alike."""
        if files:
            self._mean_bytes = size / files

    def put_back(self, folder: PlainFolder, names: list[bytes]) -> None:
        """These files of a folder have not been done."""
        self._plain.append(folder._replace(names=names))

    def _ready(self, asked: Asked) -> Asked:
        wait_for_room(self._job)
        self._job.seam("place: batch ordered")
        return asked

    def _waiting_plain(self) -> int:
        return sum(len(folder.names) for folder in self._plain)

    def _most_plain(self) -> int:
        # A batch ends with a sync, so that few large ones are quicker. At the beginning and at the end of an import
        # all processes should have some all the same.
        share = self._waiting_plain() // PLAIN_SHARE if self._is_over else self._ordered // PLAIN_SHARE
        most = min(max(share, FEWEST_PLAIN), MOST_PLAIN)
        # A process stops where a batch is long enough: what it would leave can be done by others meanwhile.
        return min(most, max(1, int(MAX_BYTES / self._mean_bytes))) if self._mean_bytes else most

    def _plain_order(self) -> PlainOrder:
        most, some = self._most_plain(), list[PlainFolder]()
        while self._plain and most > 0:
            folder = self._plain.popleft()
            if len(folder.names) > most:
                self._plain.appendleft(folder._replace(names=folder.names[most:]))
                folder = folder._replace(names=folder.names[:most])
            some.append(folder)
            most -= len(folder.names)
            self._ordered += len(folder.names)
        return PlainOrder(
            area=str(self._job.area),
            objects=str(self._job.store.objects),
            folders=tuple(some),
            youngest_seconds=self._job.policies.digest_min_age.total_seconds(),
        )

    def _order_of(self, entries: Sequence[Entry]) -> BatchOrder:
        return BatchOrder(
            area=str(self._job.area),
            objects=str(self._job.store.objects),
            files=tuple(_file(entry, self._wishes) for entry in entries),
            are_old=self._wishes.are_old,
            youngest_seconds=self._job.policies.digest_min_age.total_seconds(),
            tally=str(self._tally.path),
            slot=self._tally.take(),
        )


class Cut:
    """Cuts a stream of entries into batches that are worth a message and not too long."""

    def __init__(self) -> None:
        self._batches: deque[list[Entry]] = deque()
        self._batch: list[Entry] = []
        self._size = 0

    def add(self, entry: Entry) -> None:
        """Take an entry into the batch that is open, or begin another with it."""
        is_full = len(self._batch) >= data.MAX_FILES or self._size + entry.size_bytes > data.MAX_BYTES
        if self._batch and is_full:
            self._close()
        self._batch.append(entry)
        self._size += entry.size_bytes

    def take(self, *, is_last: bool) -> list[Entry]:
        """A batch that is full, or whatever there is if it `is_last`; else empty."""
        if is_last and self._batch:
            self._close()
        return self._batches.popleft() if self._batches else []

    def _close(self) -> None:
        self._batches.append(self._batch)
        self._batch, self._size = [], 0


def is_to_place(entry: Entry) -> bool:
    """Whether the plan takes this file and it is not placed yet."""
    return entry.kind == EntryKind.FILE and entry.verdict in GOOD and entry.state != EntryState.PLACED


def in_groups(entries: Iterable[list[Entry]]) -> Iterator[Group]:
    """Entries that are read back, as a scan lists them."""
    for some in entries:
        yield Group(some, [])


def _file(entry: Entry, wishes: Wishes) -> File:
    is_plain = not (entry.digest or entry.digest_at_head or entry.listed)
    if is_plain and not (wishes.unproven or wishes.damaged or wishes.are_old):
        return (entry.path, entry.size_bytes, None)
    hint = Hint(
        stamp=entry.stamp,
        digest=entry.digest,
        crc32=entry.crc32,
        expects=entry.digest_at_head,
        is_unproven=entry.key in wishes.unproven,
        anew=entry.key in wishes.damaged,
        listed=entry.listed,
    )
    return (entry.path, entry.size_bytes, hint)
