"""Writing down plain files, many answers together: first the rows of their objects, then their entries.

The fewer transactions there are, the fewer pages of an index are written again and again.
"""

import time
from typing import Final

from moorage.importer.early import EarlyRegister
from moorage.importer.job import ImportJob
from moorage.importer.pace import Pace
from moorage.importer.plain import SIZE, WIDTH, PlainAnswer
from moorage.importer.write_plain import Rows, store_plain, write_plain

MOST_OBJECTS: Final = 15_000
MOST_ENTRIES: Final = 8000
WORTH_WRITING: Final = 10_000  # files; less at the beginning, and when it is time
LEAST_WORTH: Final = 1000


class PlainWriter:
    """Plain files that wait to be written as what a run has placed."""

    def __init__(self, job: ImportJob, run: int, early: EarlyRegister) -> None:
        self._job, self._run, self._early = job, run, early
        self._linked: Rows = []
        self._standing: Rows = []
        self._standing_ids: list[int | None] = []
        self._objects, self._entries = Pace(MOST_OBJECTS), Pace(MOST_ENTRIES)
        self._written = 0

    def is_worth_writing(self, *, is_time: bool) -> bool:
        """Whether what waits is worth its transactions; less of it is where it `is_time` to write something."""
        worth = LEAST_WORTH if is_time else min(max(self._written // 4, LEAST_WORTH), WORTH_WRITING)
        return (len(self._linked) + len(self._standing)) // WIDTH >= worth

    def add(self, answer: PlainAnswer) -> None:
        """Have the files of an answer written."""
        self._linked += answer.linked
        self._standing += answer.standing
        self._standing_ids += answer.object_ids

    def write(self) -> int:
        """Write what waits. Returns how many are not placed after all."""
        rows, object_ids = self._linked + self._standing, self._store(self._linked) + self._standing_ids
        self._linked, self._standing, self._standing_ids = [], [], []
        first = put_off = 0
        while first < len(object_ids):
            last = first + self._entries.rows
            put_off += self._write(rows[first * WIDTH : last * WIDTH], object_ids[first:last])
            first = last
        self._written += len(object_ids)
        return put_off

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
        return object_ids

    def _write(self, rows: Rows, object_ids: list[int | None]) -> int:
        with self._job.batch():
            began = time.monotonic()
            self._early.hold()
            put_off = write_plain(self._job.upload_id, self._run, rows, object_ids)
            self._early.go_on(len(object_ids), is_settled=not put_off)
        self._entries.learn(len(object_ids), time.monotonic() - began)
        self._job.add(files=len(object_ids), bytes=sum(rows[SIZE::WIDTH]))
        self._job.seam("manifest: batch written")
        return put_off
