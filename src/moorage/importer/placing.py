"""Digesting and placing: keeps the executor busy with batches, and has written down what comes back.

The first pass follows the scan. What cannot be placed then (a writer, a full disk, an object that is leaving) is in
the manifest as planned or digested, and comes up again in the next pass, which reads it from there.
"""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from moorage.importer import batches, reasons
from moorage.importer.batches import Answer, BatchOrder, File, Hint, PlacedFile, Work, run_batches, unflat
from moorage.importer.entries import Entry
from moorage.importer.job import ImportJob, nothing
from moorage.importer.planning import Planner
from moorage.importer.queue import queued
from moorage.importer.reasons import Reason
from moorage.importer.scan import Folders
from moorage.importer.tally import Tally
from moorage.importer.verdicts import GOOD, Compared, EntryKind, EntryState, Verdict
from moorage.importer.writing import ManifestWriter, in_order
from moorage.storage.objects import ObjectStore

AGAIN_SECONDS: Final = 0.25  # doubled for every pass, because each reads through what is left
LONGEST_SECONDS: Final = 5.0

_FAILURES: Final[dict[str, Reason]] = {
    batches.VANISHED: reasons.VANISHED,
    batches.UNREADABLE: reasons.UNREADABLE,
    batches.NOT_A_FILE: reasons.NOT_A_FILE,
    batches.READ_ERROR: reasons.READ_ERROR,
}
# What may pass: the reason that the entry gets when it has not passed within the quiet time.
_MAY_PASS: Final[dict[str, Reason]] = {
    batches.STILL_OPEN: reasons.STILL_OPEN,
    batches.CHANGED: reasons.KEPT_CHANGING,
    batches.BUSY: reasons.NOTHING_LEFT_TO_OPEN_IT,
}


@dataclass
class Pass:
    """One pass over what is to be placed. `is_last`: what could pass has not, and is given up.

    `unproven` and `damaged` are keys of entries whose object must be read, or replaced.
    """

    work: Work
    is_last: bool = False
    unproven: set[bytes] = field(default_factory=set)
    damaged: set[bytes] = field(default_factory=set)


def place_listed(
    job: ImportJob,
    groups: Iterable[list[Entry]],
    planner: Planner,
    writer: ManifestWriter,
    work: Work,
    *,
    identify: bool = True,
) -> None:
    """Have what a scan has listed digested and placed, and everything it has listed written down.

    Where it is only previewed, nothing of the project is to `identify`: no folder gets its identity.
    """
    one = Pass(work)
    _run(job, planner, one, writer, _settled_first(job, groups, writer, identify=identify))


def place_queued(job: ImportJob, planner: Planner, run: int, work: Work) -> None:
    """Place every file that the manifest has still to do. Afterwards each is PLACED, or FAILED with a reason.

    Raises:
        LeaseLostError: another worker has this import.
        ImportStoppedError: the worker is to end.
    """
    clear_unfinished(job)
    quiet = job.policies.quiet_time.total_seconds()
    waiting_since: float | None = None
    unproven: set[bytes] = set()
    damaged: set[bytes] = set()
    pause = AGAIN_SECONDS
    while True:
        is_last = waiting_since is not None and time.monotonic() - waiting_since >= quiet
        writer = ManifestWriter(job, run)
        one = Pass(work, is_last, unproven, damaged)
        was_without_room = _run(job, planner, one, writer, _settled_first(job, queued(job, planner, run), writer))
        if not writer.put_off:
            return
        unproven, damaged = writer.unproven, writer.damaged
        if was_without_room or writer.put_off == len(unproven):
            continue
        waiting_since = waiting_since if waiting_since is not None else time.monotonic()
        job.sleep(pause)
        pause = min(2 * pause, LONGEST_SECONDS)


def clear_unfinished(job: ImportJob) -> None:
    """Take away what a process that was killed in the middle of placing left."""
    with suppress(OSError), ObjectStore(job.store.objects) as objects:
        objects.clear_unfinished()


def _settled_first(
    job: ImportJob, groups: Iterable[list[Entry]], writer: ManifestWriter, *, identify: bool = True
) -> Iterator[list[Entry]]:
    """Point entries at their folders; hand what needs no placing to the writer, and the rest on."""
    folders = Folders(job)
    for group in groups:
        if identify:
            folders.point(group)
        waiting = []
        for entry in group:
            if is_to_place(entry):
                waiting.append(entry)
            else:
                writer.add(entry)
                if entry.kind == EntryKind.FILE:
                    job.add(files=1, bytes=entry.size_bytes)
        writer.write_full()
        if waiting:
            yield waiting


def is_to_place(entry: Entry) -> bool:
    """Whether the plan takes this file and it is not placed yet."""
    return entry.kind == EntryKind.FILE and entry.verdict in GOOD and entry.state != EntryState.PLACED


def _run(job: ImportJob, planner: Planner, this: Pass, writer: ManifestWriter, groups: Iterator[list[Entry]]) -> bool:
    """Do one pass; whether the disk was full or read-only in it."""
    job.wait_for_room()
    was_without_room = False
    with Tally(job.store.root / f".reading-{job.upload_id}", slots=job.batches_in_flight) as tally:
        job.being_read = tally.total
        orders = _orders(job, this, tally, groups)
        answers = run_batches(job.executor, this.work, orders, in_flight=job.batches_in_flight, tick=job.note)
        for entries, order, answer in answers:
            tally.give_back(order.slot)
            is_without_room = _take(planner, this, writer, entries, answer)
            writer.write_full()
            if is_without_room:
                was_without_room = True
                writer.write_all()
                job.wait_until_writable("The disk is full or cannot be written to.")
        writer.write_all()
    job.being_read = nothing
    return was_without_room


def _orders(
    job: ImportJob, this: Pass, tally: Tally, groups: Iterator[list[Entry]]
) -> Iterator[tuple[list[Entry], BatchOrder]]:
    for entries in cut(groups):
        job.wait_for_room()
        job.seam("place: batch ordered")
        yield (
            entries,
            BatchOrder(
                area=str(job.area),
                objects=str(job.store.objects),
                files=tuple(_file(entry, this) for entry in entries),
                quiet_since_ns=_quiet_since(job),
                youngest_seconds=job.policies.digest_min_age.total_seconds(),
                tally=str(tally.path),
                slot=tally.take(),
            ),
        )


def cut(groups: Iterable[list[Entry]]) -> Iterator[list[Entry]]:
    """Cut a stream of entries into batches that are worth a message and not too long."""
    batch: list[Entry] = []
    size = 0
    for group in groups:
        for entry in group:
            if batch and (len(batch) >= batches.MAX_FILES or size + entry.size_bytes > batches.MAX_BYTES):
                yield batch
                batch, size = [], 0
            batch.append(entry)
            size += entry.size_bytes
    if batch:
        yield batch


def _file(entry: Entry, this: Pass) -> File:
    if not (entry.digest or entry.digest_at_head or entry.listed or this.unproven or this.damaged):
        return (entry.path, entry.size_bytes, None)
    hint = Hint(
        stamp=entry.stamp,
        digest=entry.digest,
        crc32=entry.crc32,
        expects=entry.digest_at_head,
        is_unproven=entry.key in this.unproven,
        anew=entry.key in this.damaged,
        listed=entry.listed,
    )
    return (entry.path, entry.size_bytes, hint)


def _quiet_since(job: ImportJob) -> int | None:
    """Since when a file must not have changed to be taken without a read lease; None until the area has been
    out of everyone's reach for the quiet time."""
    now, quiet = job.clock(), job.policies.quiet_time
    if job.sealed_at is None or now - job.sealed_at < quiet:
        return None
    return int((now - quiet).timestamp() * 1e9)


def _take(planner: Planner, this: Pass, writer: ManifestWriter, entries: Sequence[Entry], answer: Answer) -> bool:
    """Hand what came back of a batch to the writer; whether the disk was full."""
    is_without_room = False
    placed: list[tuple[Entry, PlacedFile]] = []
    for sent in answer.placed:
        file = unflat(sent)
        placed.append((entries[file.position], file))
    for entry, file in in_order(placed):
        writer.add(entry, file)
    for index, code, _ in answer.troubles:
        entry = entries[index]
        if code == batches.DIFFERS:
            _differs(planner, entry, writer)
        elif code in _FAILURES or (code in _MAY_PASS and this.is_last):
            reason = _FAILURES.get(code) or _MAY_PASS[code]
            entry.state = EntryState.FAILED.value
            entry.reason, entry.reason_text = reason
        else:
            is_without_room |= code == batches.NO_ROOM
            writer.put_off += 1
            if code == batches.OTHER_SIZE:
                writer.damaged.add(entry.key)
        writer.add(entry)
    return is_without_room


def _differs(planner: Planner, entry: Entry, writer: ManifestWriter) -> None:
    """A file that is not what a list says waits for the member's word, or is taken on her word."""
    entry.compared, entry.digest, entry.listed = Compared.DIFFERS.value, "", None
    if planner.policy.include_doubtful:
        entry.warning = reasons.INCLUDED_ALTHOUGH_DOUBTFUL
        writer.put_off += 1
        return
    entry.verdict = Verdict.DOUBTFUL.value
    entry.reason, entry.reason_text = reasons.DIFFERS
