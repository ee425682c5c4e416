"""Writing down: entries go into the manifest many at a time, with the objects that they rely on.

An entry is PLACED only when its bytes are on disk under their digest and that object has a live row. How many rows a
transaction takes is found out as it goes: on SQLite none may last longer than others can wait (design §5).
"""

import time
from collections.abc import Sequence
from typing import Final

from moorage.importer.batches.data import PlacedFile
from moorage.importer.batches.plain import PlainAnswer
from moorage.importer.ledger.entries import Entry, is_same_file, write_entries
from moorage.importer.ledger.job import ImportJob
from moorage.importer.ledger.pace import Pace
from moorage.importer.register.early import EarlyRegister
from moorage.importer.register.object_rows import StoredRows, store_rows
from moorage.importer.words.verdicts import Compared, EntryState, Verdict
from moorage.importer.write.plain_writer import PlainWriter
from moorage.importer.write.put_off import PutOff

MOST_ROWS: Final = 4000
LONGEST_WAIT_SECONDS: Final = 0.5  # for what waits to become more; then the end of the import has less to write
_NEW_VERSION, _IDENTICAL = Verdict.NEW_VERSION.value, Verdict.IDENTICAL.value


class ManifestWriter:
    """Entries that wait to be written as what a run has seen, and what of them is `put_off`."""

    def __init__(self, job: ImportJob, run: int, early: EarlyRegister | None = None) -> None:
        self._job, self._run = job, run
        self._early = early or EarlyRegister(job, run)
        self._waiting: list[tuple[Entry, PlacedFile | None]] = []
        self.put_off = PutOff()
        self._plain = PlainWriter(job, run, self._early, self.put_off)
        self._pace = Pace(MOST_ROWS)
        self._wrote_at = time.monotonic()

    def add(self, entry: Entry, placed: PlacedFile | None = None) -> None:
        """Have an entry written, as placed if its bytes have been."""
        self._waiting.append((entry, placed))

    def add_plain(self, answer: PlainAnswer) -> None:
        """Have plain files written as placed."""
        self._plain.add(answer)

    def write_full(self, *, is_end: bool = False) -> None:
        """Write what waits if it is worth a transaction. `is_end`: no more batches are to be begun."""
        while len(self._waiting) >= self._pace.rows:
            self._write()
        is_time = is_end or time.monotonic() - self._wrote_at >= LONGEST_WAIT_SECONDS
        if self._plain.is_worth_writing(is_time=is_time):
            self._write_plain()

    def write_all(self) -> None:
        """Write what waits."""
        while self._waiting:
            self._write()
        self._write_plain(is_last=True)

    def _write_plain(self, *, is_last: bool = False) -> None:
        while self._waiting:
            # Folders come before what they hold.
            self._write()
        self._plain.write(is_last=is_last)
        self._wrote_at = time.monotonic()

    def _write(self) -> None:
        count = self._pace.rows
        some, self._waiting = self._waiting[:count], self._waiting[count:]
        placed = [file for _, file in some if file is not None and file.how != "digested"]
        done = done_bytes = 0
        with self._job.batch():
            began = time.monotonic()
            self._early.hold()
            rows = store_rows(placed, at=self._job.clock()) if placed else StoredRows()
            for entry, file in some:
                is_settled = self._settle(entry, file, rows) if file is not None else entry.state == EntryState.FAILED
                if is_settled:
                    done, done_bytes = done + 1, done_bytes + entry.size_bytes
            write_entries(self._job.upload_id, self._run, [entry for entry, _ in some])
            is_settled = not (self.put_off.count or any(entry.again for entry, _ in some))
            self._early.go_on(len(some), is_settled=is_settled)
        self._pace.learn(len(some), time.monotonic() - began)
        self._job.add(files=done, bytes=done_bytes)
        self._job.seam("manifest: batch written")

    def _settle(self, entry: Entry, file: PlacedFile, rows: StoredRows) -> bool:
        """Tell an entry what became of its bytes; whether it is placed now."""
        entry.digest, entry.crc32 = file.digest, file.crc32
        is_written_to = entry.arrived_ns is not None and not is_same_file(entry.stamp, file.stamp)
        entry.see(file.stamp)
        if is_written_to:
            entry.arrived_ns = entry.changed_ns
        if entry.listed is not None and not entry.compared:
            entry.compared = Compared.MATCHES.value
        if entry.verdict == _NEW_VERSION and file.digest == entry.digest_at_head:
            entry.verdict = _IDENTICAL
        # It was identical by a digest that was known before, and has other bytes now.
        is_other = entry.verdict == _IDENTICAL and file.digest != entry.digest_at_head
        entry.object_id = None if is_written_to or is_other else rows.ids.get(file.digest)
        if entry.object_id is not None:
            entry.state = EntryState.PLACED.value
            return True
        entry.state = EntryState.DIGESTED.value
        if file.how == "digested":
            return True
        # What a task is suspected of and was written to since it was listed is judged anew before it is placed, and so
        # is what is not identical any more.
        self.put_off.add(entry.key, file.digest, rows)
        return False


def in_order(found: Sequence[tuple[Entry, PlacedFile]]) -> Sequence[tuple[Entry, PlacedFile]]:
    """Placed files with those first that brought their object: a later one of the same digest is then believed."""
    return sorted(found, key=lambda pair: pair[1].how == "reused")
