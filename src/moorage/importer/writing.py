"""Writing down: entries go into the manifest many at a time, with the objects that they rely on.

An entry is PLACED only when its bytes are on disk under their digest and that object has a live row. How many rows a
transaction takes is found out as it goes: on SQLite none may last longer than others can wait (design §5).
"""

import time
from collections.abc import Sequence
from typing import Final

from django.db import connection

from moorage.importer.batches import PlacedFile
from moorage.importer.entries import Entry, write_entries
from moorage.importer.job import ImportJob
from moorage.importer.plain import PlainAnswer, together
from moorage.importer.stored import StoredRows, store_rows
from moorage.importer.verdicts import Compared, EntryState, Verdict
from moorage.importer.write_plain import write_plain

LONGEST_SECONDS: Final = 0.040
FEWEST_ROWS: Final = 500
MOST_ROWS: Final = 4000
FIRST_ROWS: Final = 1000
MOST_REUSED: Final = 4000  # that wait until the rows which they rely on have surely been written
_NEW_VERSION, _IDENTICAL = Verdict.NEW_VERSION.value, Verdict.IDENTICAL.value


class ManifestWriter:
    """Entries that wait to be written as what a run has seen.

    `unproven` and `damaged` are keys of entries whose object has to be read, or replaced, before they are placed;
    `put_off` counts all entries that were written without being placed, although the plan takes them. `rows` is how
    many a transaction takes.
    """

    def __init__(self, job: ImportJob, run: int) -> None:
        self._job, self._run = job, run
        self._waiting: list[tuple[Entry, PlacedFile | None]] = []
        self._plain: list[PlainAnswer] = []
        self._reused: list[tuple[Entry, PlacedFile]] = []
        self.rows = FIRST_ROWS
        self.unproven: set[bytes] = set()
        self.damaged: set[bytes] = set()
        self.put_off = 0

    def add(self, entry: Entry, placed: PlacedFile | None = None) -> None:
        """Have an entry written, as placed if its bytes have been."""
        self._waiting.append((entry, placed))

    def add_plain(self, answer: PlainAnswer) -> None:
        """Have plain files written as placed."""
        if answer.files:
            self._plain.append(answer)

    def add_reused(self, entry: Entry, placed: PlacedFile) -> None:
        """Have an entry written whose bytes another file brought, soon after that one."""
        self._reused.append((entry, placed))

    def write_full(self) -> None:
        """Write what waits if it is worth a transaction."""
        while len(self._waiting) >= self.rows:
            self._write(self.rows)
        if sum(answer.files for answer in self._plain) >= self.rows:
            self._write_plain()
        if len(self._reused) >= MOST_REUSED:
            self._write_reused()

    def write_all(self) -> None:
        """Write what waits."""
        while self._waiting:
            self._write(self.rows)
        self._write_plain()
        self._write_reused()

    def _write_reused(self) -> None:
        self._write_plain()
        self._waiting.extend(self._reused)
        self._reused.clear()
        while self._waiting:
            self._write(self.rows)

    def _write_plain(self) -> None:
        while self._waiting:
            # Folders come before what they hold.
            self._write(self.rows)
        while self._plain:
            some, files = list[PlainAnswer](), 0
            while self._plain and (not some or files + self._plain[0].files <= self.rows):
                some.append(self._plain.pop(0))
                files += some[-1].files
            with self._job.batch():
                began = time.monotonic()
                self.put_off += write_plain(self._job.upload_id, self._run, together(some), at=self._job.clock())
            self._learn(files, time.monotonic() - began)
            self._job.add(files=files, bytes=sum(answer.size for answer in some))
            self._job.seam("manifest: batch written")

    def _write(self, count: int) -> None:
        some, self._waiting = self._waiting[:count], self._waiting[count:]
        placed = [file for _, file in some if file is not None and file.how != "digested"]
        done = done_bytes = 0
        with self._job.batch():
            began = time.monotonic()
            rows = store_rows(placed, at=self._job.clock()) if placed else StoredRows()
            for entry, file in some:
                is_settled = self._settle(entry, file, rows) if file is not None else entry.state == EntryState.FAILED
                if is_settled:
                    done, done_bytes = done + 1, done_bytes + entry.size_bytes
            write_entries(self._job.upload_id, self._run, [entry for entry, _ in some])
        self._learn(len(some), time.monotonic() - began)
        self._job.add(files=done, bytes=done_bytes)
        self._job.seam("manifest: batch written")

    def _learn(self, count: int, seconds: float) -> None:
        if connection.vendor != "sqlite":
            self.rows = MOST_ROWS
        elif count >= self.rows // 2:
            self.rows = round(min(max(count * LONGEST_SECONDS / seconds, FEWEST_ROWS), MOST_ROWS, 2 * count))

    def _settle(self, entry: Entry, file: PlacedFile, rows: StoredRows) -> bool:
        """Tell an entry what became of its bytes; whether it is placed now."""
        entry.digest, entry.crc32 = file.digest, file.crc32
        entry.see(file.stamp)
        if entry.listed is not None and not entry.compared:
            entry.compared = Compared.MATCHES.value
        if entry.verdict == _NEW_VERSION and file.digest == entry.digest_at_head:
            entry.verdict = _IDENTICAL
        entry.object_id = rows.ids.get(file.digest)
        if entry.object_id is not None:
            entry.state = EntryState.PLACED.value
            return True
        entry.state = EntryState.DIGESTED.value
        if file.how == "digested":
            return True
        self.put_off += 1
        if file.digest in rows.unproven:
            self.unproven.add(entry.key)
        elif file.digest in rows.damaged:
            self.damaged.add(entry.key)
        return False


def in_order(found: Sequence[tuple[Entry, PlacedFile]]) -> Sequence[tuple[Entry, PlacedFile]]:
    """Placed files with those first that brought their object: a later one of the same digest is then believed."""
    return sorted(found, key=lambda pair: pair[1].how == "reused")
