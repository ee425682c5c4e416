"""Writing down plain files, many answers together: first the rows of their objects, then their entries.

The fewer transactions there are, the fewer pages of an index are written again and again.
"""

import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from moorage.importer.batches.plain import DIGEST, KEY, REUSED_WIDTH, SIZE, WIDTH, PlainAnswer
from moorage.importer.ledger.job import ImportJob
from moorage.importer.ledger.pace import Pace
from moorage.importer.register.early import EarlyRegister
from moorage.importer.register.object_rows import StoredRows, look_up
from moorage.importer.write.plain_rows import Rows
from moorage.importer.write.plain_tables import store_plain, write_plain
from moorage.importer.write.put_off import PutOff

MOST_OBJECTS: Final = 15_000
MOST_ENTRIES: Final = 8000
MOST_BELIEVED: Final = 4000
MOST_KEPT: Final = 20_000  # files that wait for the row of their object
WORTH_WRITING: Final = 10_000  # files; less at the beginning, and when it is time
LEAST_WORTH: Final = 1000


class PlainWriter:
    """Plain files that wait to be written as what a run has placed. What cannot be after all goes to `put_off`."""

    def __init__(self, job: ImportJob, run: int, early: EarlyRegister, put_off: PutOff) -> None:
        self._job, self._run, self._early, self._put_off = job, run, early, put_off
        self._linked: Rows = []
        self._standing: Rows = []
        self._standing_ids: list[int | None] = []
        self._reused: Rows = []
        # How long that was at each of the last answers. What was there at the first of them is worth a try: the batches
        # that were at work then have come back since, unless one is very slow, with the rows that it relies on.
        self._reused_at: deque[int] = deque(maxlen=job.batches_in_flight + 1)
        self._objects, self._entries, self._believed = Pace(MOST_OBJECTS), Pace(MOST_ENTRIES), Pace(MOST_BELIEVED)
        self._written = 0

    def is_worth_writing(self, *, is_time: bool) -> bool:
        """Whether what waits is worth its transactions; less of it is where it `is_time` to write something."""
        worth = LEAST_WORTH if is_time else min(max(self._written // 4, LEAST_WORTH), WORTH_WRITING)
        waiting = (len(self._linked) + len(self._standing)) // WIDTH + self._ready() // REUSED_WIDTH
        return waiting >= worth

    def add(self, answer: PlainAnswer) -> None:
        """Have the files of an answer written."""
        self._linked += answer.linked
        self._standing += answer.standing
        self._standing_ids += answer.object_ids
        self._reused_at.append(len(self._reused))
        self._reused += answer.reused

    def write(self, *, is_last: bool) -> None:
        """Write what waits; what relies on rows that are still to come only if this `is_last`."""
        rows, object_ids = self._linked + self._standing, self._store(self._linked) + self._standing_ids
        self._linked, self._standing, self._standing_ids = [], [], []
        first = 0
        while first < len(object_ids):
            last = first + self._entries.rows
            some = object_ids[first:last]
            with self._batch(self._entries, len(some)):
                self._write(rows[first * WIDTH : last * WIDTH], some)
            first = last
        self._written += len(object_ids)
        self._write_reused(is_last=is_last)

    def _write_reused(self, *, is_last: bool) -> None:
        """Write files whose objects others have brought, or bring, and keep those whose are still to come."""
        length, first, kept = len(self._reused) if is_last else self._ready(), 0, Rows()
        while first < length:
            some = self._reused[first : min(first + self._believed.rows * REUSED_WIDTH, length)]
            # Where that are too many nobody brings their rows: the store has what the database does not know of.
            may_wait = not is_last and len(kept) // REUSED_WIDTH < MOST_KEPT
            # In one transaction: what a row is seen of in it, no collector takes away before the entries stand.
            with self._batch(self._believed, len(some) // REUSED_WIDTH):
                kept += self._write_believed(some, may_wait=may_wait)
            first += len(some)
        self._written += (length - len(kept)) // REUSED_WIDTH
        # What is kept gets its next turn when as many answers have come again.
        self._reused = self._reused[length:] + kept
        self._reused_at = deque([max(0, there - length) for there in self._reused_at], maxlen=self._reused_at.maxlen)

    def _write_believed(self, some: Rows, *, may_wait: bool) -> Rows:
        """Write what is believed to be in the store by its digests; returns what has to wait for the row of its."""
        rows, kept, object_ids, found = Rows(), Rows(), list[int | None](), StoredRows()
        digests = [digest.hex() for digest in some[DIGEST::REUSED_WIDTH]]
        stamps = zip(some[SIZE::REUSED_WIDTH], some[WIDTH::REUSED_WIDTH], strict=True)
        look_up(dict(zip(digests, stamps, strict=True)), found)
        for position, digest in enumerate(digests):
            row = some[position * REUSED_WIDTH : (position + 1) * REUSED_WIDTH]
            if digest in found.unproven and may_wait:
                kept += row
                continue
            if digest not in found.ids:
                self._put_off.add(row[KEY], digest, found)
            rows += row[:WIDTH]
            object_ids.append(found.ids.get(digest))
        self._write(rows, object_ids)
        return kept

    def _ready(self) -> int:
        return self._reused_at[0] if len(self._reused_at) == self._reused_at.maxlen else 0

    def _store(self, linked: Rows) -> list[int | None]:
        object_ids: list[int | None] = []
        while len(object_ids) * WIDTH < len(linked):
            first, count = len(object_ids), self._objects.rows
            some = linked[first * WIDTH : (first + count) * WIDTH]
            with self._job.batch():
                began = time.monotonic()
                object_ids += store_plain(some, at=self._job.clock())
            self._objects.learn(len(some) // WIDTH, time.monotonic() - began)
            self._job.seam("manifest: objects written")
        self._put_off.count += object_ids.count(None)
        return object_ids

    @contextmanager
    def _batch(self, pace: Pace, count: int) -> Iterator[None]:
        """A transaction of so many entries, in which nobody takes the right to register early."""
        with self._job.batch():
            began = time.monotonic()
            self._early.hold()
            yield
        pace.learn(count, time.monotonic() - began)
        self._job.seam("manifest: batch written")

    def _write(self, rows: Rows, object_ids: list[int | None]) -> None:
        """Write entries, in a `_batch`."""
        is_settled = write_plain(self._job.upload_id, self._run, rows, object_ids)
        self._early.go_on(len(object_ids), is_settled=is_settled)
        sizes = rows[SIZE::WIDTH]
        if not is_settled:
            sizes = [size for size, object_id in zip(sizes, object_ids, strict=True) if object_id is not None]
        self._job.add(files=len(sizes), bytes=sum(sizes))
