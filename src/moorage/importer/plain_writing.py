"""Writing down plain files, many answers together: first the rows of their objects, then their entries.

The fewer transactions there are, the fewer pages of an index are written again and again.
"""

import time
from collections import deque
from typing import Final

from moorage.importer.early import EarlyRegister
from moorage.importer.job import ImportJob
from moorage.importer.pace import Pace
from moorage.importer.plain import DIGEST, KEY, SIZE, WIDTH, PlainAnswer
from moorage.importer.plain_rows import Rows
from moorage.importer.put_off import PutOff
from moorage.importer.stored import StoredRows, look_up
from moorage.importer.write_plain import store_plain, write_plain

MOST_OBJECTS: Final = 15_000
MOST_ENTRIES: Final = 8000
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
        self._objects, self._entries = Pace(MOST_OBJECTS), Pace(MOST_ENTRIES)
        self._written = 0

    def is_worth_writing(self, *, is_time: bool) -> bool:
        """Whether what waits is worth its transactions; less of it is where it `is_time` to write something."""
        worth = LEAST_WORTH if is_time else min(max(self._written // 4, LEAST_WORTH), WORTH_WRITING)
        return (len(self._linked) + len(self._standing) + self._ready()) // WIDTH >= worth

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
        if believed := self._take_reused(len(self._reused) if is_last else self._ready()):
            object_ids += self._look_up(believed)
            rows += believed
        first = 0
        while first < len(object_ids):
            last = first + self._entries.rows
            self._write(rows[first * WIDTH : last * WIDTH], object_ids[first:last])
            first = last
        self._written += len(object_ids)

    def _ready(self) -> int:
        return self._reused_at[0] if len(self._reused_at) == self._reused_at.maxlen else 0

    def _take_reused(self, length: int) -> Rows:
        rows, self._reused = self._reused[:length], self._reused[length:]
        left = [max(0, there - length) for there in self._reused_at]
        self._reused_at = deque(left, maxlen=self._reused_at.maxlen)
        return rows

    def _look_up(self, believed: Rows) -> list[int | None]:
        """The objects that files are believed to be in by their digests; None for what is put off."""
        digests, keys = [digest.hex() for digest in believed[DIGEST::WIDTH]], believed[KEY::WIDTH]
        found = StoredRows()
        with self._job.batch():
            look_up(dict(zip(digests, believed[SIZE::WIDTH], strict=True)), found)
        for digest, key in zip(digests, keys, strict=True):
            if digest not in found.ids:
                self._put_off.add(key, digest, found)
        return [found.ids.get(digest) for digest in digests]

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

    def _write(self, rows: Rows, object_ids: list[int | None]) -> None:
        with self._job.batch():
            began = time.monotonic()
            self._early.hold()
            is_settled = write_plain(self._job.upload_id, self._run, rows, object_ids)
            self._early.go_on(len(object_ids), is_settled=is_settled)
        self._entries.learn(len(object_ids), time.monotonic() - began)
        sizes = rows[SIZE::WIDTH]
        if not is_settled:
            sizes = [size for size, object_id in zip(sizes, object_ids, strict=True) if object_id is not None]
        self._job.add(files=len(sizes), bytes=sum(sizes))
        self._job.seam("manifest: batch written")
