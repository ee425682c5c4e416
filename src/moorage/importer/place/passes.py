"""Digesting and placing: keeps the executor busy with batches, and has written down what comes back.

The first pass follows the scan. What cannot be placed then (a writer, a full disk, an object that is leaving) is in
the manifest as planned or digested, and comes up again in the next pass, which reads it from there.
"""

import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from moorage.importer.batches import data
from moorage.importer.batches.data import Answer, PlacedFile, Work, run_batches, unflat
from moorage.importer.batches.plain import PlainAnswer, PlainFolder, PlainOrder
from moorage.importer.batches.tally import Tally
from moorage.importer.ledger.disk_waits import NO_ROOM, STORE_AWAY, Wait, wait_for_room, wait_out
from moorage.importer.ledger.entries import Entry
from moorage.importer.ledger.job import ImportJob, nothing
from moorage.importer.place.orders import Orders, Wishes, in_groups, is_to_place
from moorage.importer.plan.planner import Planner
from moorage.importer.plan.scan import Group, Listed, scan
from moorage.importer.plan.still_to_place import queued
from moorage.importer.words import reasons
from moorage.importer.words.advice import Reason
from moorage.importer.words.verdicts import Compared, EntryState, Verdict
from moorage.importer.write.manifest_writer import ManifestWriter, in_order
from moorage.storage.objects import ObjectStore
from moorage.storage.walk import look_again

AGAIN_SECONDS: Final = 0.25  # doubled for every pass, because each reads through what is left
LONGEST_SECONDS: Final = 5.0

_FAILURES: Final[dict[str, Reason]] = {
    data.VANISHED: reasons.VANISHED,
    data.UNREADABLE: reasons.UNREADABLE,
    data.NOT_A_FILE: reasons.NOT_A_FILE,
    data.READ_ERROR: reasons.READ_ERROR,
    data.NOT_STORED: reasons.NOT_STORED,
}
# What may pass: the reason that the entry gets when it has not passed within the quiet time.
_MAY_PASS: Final[dict[str, Reason]] = {
    data.STILL_OPEN: reasons.STILL_OPEN,
    data.CHANGED: reasons.KEPT_CHANGING,
    data.BUSY: reasons.NOTHING_LEFT_TO_OPEN_IT,
}
_WAITED_OUT: Final[dict[str, Wait]] = {data.NO_ROOM: NO_ROOM, data.AWAY: STORE_AWAY}


def place_listed(
    job: ImportJob, planner: Planner, writer: ManifestWriter, work: Work, *, identify: bool = True
) -> None:
    """Have all that a scan lists digested and placed, and everything it has listed written down.

    Where it is only previewed, nothing of the project is to `identify`: no folder gets its identity.
    """
    listed = Listed()
    groups = scan(job, planner, listed, by_name=identify)
    _Pass(job, planner, writer, Wishes(work), listed=listed).run(groups, identify=identify)
    job.note_total(listed.files, listed.bytes, is_whole=True)


def place_queued(job: ImportJob, planner: Planner, run: int, work: Work) -> None:
    """Place every file that the manifest has still to do. Afterwards each is PLACED, or FAILED with a reason.

    Where no read lease can be had, only time tells that nobody writes to a file: it has the same stamp at two looks
    that are a quiet time apart. No wall clock can measure that, nor compare with the file's own times, for it may have
    been set meanwhile. The first look is the one whose stamp is in the manifest: it lies before the first pass here,
    whoever took it. The second is the last pass, which `time.monotonic` puts a quiet time later.

    Raises:
        LeaseLostError: another worker has this import.
        ImportStoppedError: the worker is to end.
    """
    clear_unfinished(job)
    quiet = job.policies.quiet_time.total_seconds()
    waiting_since: float | None = None
    wishes = Wishes(work)
    pause = AGAIN_SECONDS
    while True:
        is_last = waiting_since is not None and time.monotonic() - waiting_since >= quiet
        writer = ManifestWriter(job, run)
        one = _Pass(job, planner, writer, wishes._replace(are_old=is_last), is_last=is_last)
        has_waited = one.run(in_groups(queued(job, planner, run)))
        put_off = writer.put_off
        if not put_off.count:
            return
        wishes = Wishes(work, put_off.unproven, put_off.damaged)
        if has_waited or put_off.count == put_off.unproven.count:
            continue
        waiting_since = waiting_since if waiting_since is not None else time.monotonic()
        job.sleep(pause)
        pause = min(2 * pause, LONGEST_SECONDS)


def clear_unfinished(job: ImportJob) -> None:
    """Take away what a process that was killed in the middle of placing left."""
    with suppress(OSError), ObjectStore(job.store.objects) as objects:
        objects.clear_unfinished()


@dataclass
class _Pass:
    """One pass over what is to be placed. `is_last`: what could pass has not, and is given up."""

    job: ImportJob
    planner: Planner
    writer: ManifestWriter
    wishes: Wishes
    is_last: bool = False
    listed: Listed = field(default_factory=Listed)

    def run(self, groups: Iterable[Group], *, identify: bool = True) -> bool:
        """Do the pass; whether it had to wait for the disk."""
        job, writer = self.job, self.writer
        wait_for_room(job)
        has_waited = False
        with Tally(job.store.root / f".reading-{job.upload_id}", slots=job.batches_in_flight) as tally:
            job.being_read = tally.total
            orders = Orders(job, self.wishes, groups, writer, tally, identify=identify)
            for asked, answer in run_batches(job.executor, orders, in_flight=job.batches_in_flight, tick=job.note):
                if isinstance(asked.order, PlainOrder):
                    wait = self._take_plain(orders, asked.order, answer)
                else:
                    tally.give_back(asked.order.slot)
                    wait = self._take(asked.entries, answer)
                writer.write_full(is_end=orders.is_over)
                if wait is not None:
                    has_waited = True
                    writer.write_all()
                    wait_out(job, wait)
            writer.write_all()
        job.being_read = nothing
        return has_waited

    def _take_plain(self, orders: Orders, order: PlainOrder, answer: PlainAnswer) -> Wait | None:
        """Hand what came back of plain files to the writer, and what did not to whoever does it another way;
        what is to be waited for.
        """
        if answer.trouble in _FAILURES:
            for number, names in answer.left:
                self._fail_plain(order.folders[number], names, _FAILURES[answer.trouble])
            return None
        self.writer.add_plain(answer)
        orders.learn(answer.files, answer.size)
        self.listed.bytes += answer.size
        for number, names in answer.left:
            orders.put_back(order.folders[number], names)
        by_folder: dict[int, list[bytes]] = {}
        for number, name in answer.odd:
            by_folder.setdefault(number, []).append(name)
        for number, odd in by_folder.items():
            entries = self._planned_odd(order.folders[number], odd)
            self.listed.bytes += sum(entry.size_bytes for entry in entries)
            orders.settle(Group(entries, []))
        self.job.note_total(self.listed.files, self.listed.bytes)
        return _WAITED_OUT.get(answer.trouble)

    def _planned_odd(self, folder: PlainFolder, names: list[bytes]) -> list[Entry]:
        """The entries of files that are not plain after all, looked at one by one."""
        with self.job.store.or_away():
            found = look_again(self.job.area, folder.path, names)
        if any(one.trouble for one in found):
            self.job.store.check_is_there()
        return self.planner.plan_odd(folder.path, found)

    def _fail_plain(self, folder: PlainFolder, names: list[bytes], reason: Reason) -> None:
        for entry in self._planned_odd(folder, names):
            if is_to_place(entry):
                entry.state = EntryState.FAILED.value
                entry.reason, entry.reason_text = reason
            self.listed.bytes += entry.size_bytes
            self.writer.add(entry)

    def _take(self, entries: Sequence[Entry], answer: Answer) -> Wait | None:
        """Hand what came back of a batch to the writer; what is to be waited for."""
        wait, writer = None, self.writer
        placed: list[tuple[Entry, PlacedFile]] = []
        for sent in answer.placed:
            file = unflat(sent)
            if file.how == data.DIFFERS:
                self._differs(entries[file.position], file)
            else:
                placed.append((entries[file.position], file))
        for entry, file in in_order(placed):
            writer.add(entry, file)
        for index, code, _ in answer.troubles:
            entry = entries[index]
            if code in _FAILURES or (code in _MAY_PASS and self.is_last):
                reason = _FAILURES.get(code) or _MAY_PASS[code]
                entry.state = EntryState.FAILED.value
                entry.reason, entry.reason_text = reason
            else:
                wait = _WAITED_OUT.get(code, wait)
                writer.put_off.count += 1
                if code == data.OTHER_SIZE:
                    writer.put_off.damaged.add(entry.key)
            writer.add(entry)
        return wait

    def _differs(self, entry: Entry, file: PlacedFile) -> None:
        """A file that is not what a list says waits for the member's word, or is taken on her word.

        Its digest is kept, so that a later plan says the same of it unread.
        """
        entry.compared, entry.listed = Compared.DIFFERS.value, None
        entry.digest, entry.crc32, entry.state = file.digest, file.crc32, EntryState.DIGESTED.value
        entry.see(file.stamp)
        if self.planner.policy.include_doubtful:
            entry.warning = reasons.INCLUDED_ALTHOUGH_DOUBTFUL
            self.writer.put_off.count += 1
        else:
            entry.verdict = Verdict.DOUBTFUL.value
            entry.reason, entry.reason_text = reasons.DIFFERS
        self.writer.add(entry)
