"""Digesting and placing: cuts what is planned into batches, has them done, and writes down what came back.

An entry is PLACED only when its bytes are on disk under their digest and that object has a live row.
What cannot be placed now (a writer, a full disk, an object that is leaving) stays as it is and comes
up again in the next pass.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import connection
from django.db.models import Count, Q, QuerySet, Sum

from moorage.importer import batches, reasons
from moorage.importer.batches import BatchOrder, FileTrouble, PlacedFile, StagedFile, cut, run_batches
from moorage.importer.job import ROOM_POLL_SECONDS, ImportJob, nothing
from moorage.importer.models import ManifestEntry
from moorage.importer.place import place_batch
from moorage.importer.reasons import Reason
from moorage.importer.scan import modified_at, signed
from moorage.importer.stored import store_rows
from moorage.importer.tally import Tally
from moorage.importer.verdicts import GOOD, EntryKind, EntryState
from moorage.storage.digests import Stamp
from moorage.storage.objects import ObjectStore

READ_ROWS: Final = 2000
WRITE_ROWS: Final = 150
AGAIN_SECONDS: Final = 0.25  # doubled for every pass, because each reads through the manifest
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
}

_PLACED: Final = (
    f"UPDATE importer_manifestentry SET state = '{EntryState.PLACED}', digest = %s, crc32 = %s, object_id = %s,"  # noqa: S608
    " size_bytes = %s, modified_ns = %s, modified_at = %s, changed_ns = %s, inode = %s, reason = '', reason_text = ''"
    f" WHERE id = %s AND state IN ('{EntryState.PLANNED}', '{EntryState.DIGESTED}')"
)
# Its bytes are known, but not yet whether the object that is there holds them: they need not be read again.
_DIGESTED: Final = (
    f"UPDATE importer_manifestentry SET state = '{EntryState.DIGESTED}', digest = %s, crc32 = %s,"  # noqa: S608
    " size_bytes = %s, modified_ns = %s, modified_at = %s, changed_ns = %s, inode = %s"
    f" WHERE id = %s AND state IN ('{EntryState.PLANNED}', '{EntryState.DIGESTED}')"
)
_FAILED: Final = (
    f"UPDATE importer_manifestentry SET state = '{EntryState.FAILED}', reason = %s, reason_text = %s"  # noqa: S608
    f" WHERE id = %s AND state IN ('{EntryState.PLANNED}', '{EntryState.DIGESTED}')"
)


@dataclass
class Pass:
    """One pass over what is to be placed: what it left for the next. `is_last`: what could pass has not.

    `unproven` and `damaged` are entries whose object the next pass must read, or replace.
    """

    is_last: bool
    put_off: int = 0
    is_without_room: bool = False
    unproven: set[int] = field(default_factory=set)
    damaged: set[int] = field(default_factory=set)


def place_all(job: ImportJob) -> None:
    """Place every file that the plan takes. Afterwards each is PLACED, or FAILED with a reason.

    Raises:
        LeaseLostError: another worker has this import.
        ImportStoppedError: the worker is to end.
    """
    _clear_unfinished(job)
    _count_again(job)
    quiet = job.policies.quiet_time.total_seconds()
    waiting_since: float | None = None
    before = Pass(is_last=False)
    pause = AGAIN_SECONDS
    while True:
        is_last = waiting_since is not None and time.monotonic() - waiting_since >= quiet
        found = _one_pass(job, Pass(is_last=is_last), before)
        if found.is_without_room:
            _wait_for_room(job)
            continue
        if not found.put_off:
            return
        before = found
        if found.put_off == len(found.unproven):
            continue
        waiting_since = waiting_since if waiting_since is not None else time.monotonic()
        job.sleep(pause)
        pause = min(2 * pause, LONGEST_SECONDS)


def to_place(job: ImportJob) -> QuerySet[ManifestEntry]:
    """The entries that the plan takes and that are not placed yet."""
    return ManifestEntry.objects.filter(
        upload_id=job.upload_id,
        kind=EntryKind.FILE,
        verdict__in=GOOD,
        state__in=(EntryState.PLANNED, EntryState.DIGESTED),
    )


def _clear_unfinished(job: ImportJob) -> None:
    with suppress(OSError), ObjectStore(job.store.objects) as objects:
        objects.clear_unfinished()


def _count_again(job: ImportJob) -> None:
    files = ManifestEntry.objects.filter(upload_id=job.upload_id, kind=EntryKind.FILE, verdict__in=GOOD).exclude(
        state=EntryState.REGISTERED
    )
    done = Q(state__in=(EntryState.PLACED, EntryState.FAILED))
    count = files.aggregate(
        files_total=Count("pk"),
        bytes_total=Sum("size_bytes"),
        files_done=Count("pk", filter=done),
        bytes_done=Sum("size_bytes", filter=done),
    )
    job.note(step="digest", **{name: value or 0 for name, value in count.items()})


def _one_pass(job: ImportJob, this: Pass, before: Pass) -> Pass:
    job.wait_for_room()
    with Tally(job.store.root / f".reading-{job.upload_id}", slots=job.batches_in_flight) as tally:
        job.being_read = tally.total
        answers = run_batches(
            job.executor, place_batch, _orders(job, before, tally), in_flight=job.batches_in_flight, tick=job.note
        )
        for order, answer in answers:
            tally.give_back(order.slot)
            _write_down(job, order, answer, this)
            job.seam("place: batch written")
            if this.is_without_room:
                break
    job.being_read = nothing
    return this


def _orders(job: ImportJob, before: Pass, tally: Tally) -> Iterator[BatchOrder]:
    for files in cut(_files(job, before)):
        job.seam("place: batch ordered")
        yield BatchOrder(
            area=str(job.sealed_area),
            objects=str(job.store.objects),
            files=files,
            quiet_since_ns=_quiet_since(job),
            youngest_seconds=job.policies.digest_min_age.total_seconds(),
            tally=str(tally.path),
            slot=tally.take(),
        )


def _files(job: ImportJob, before: Pass) -> Iterator[StagedFile]:
    last = -1
    columns = ("pk", "number", "path", "inode", "size_bytes", "modified_ns", "changed_ns", "digest", "crc32")
    while rows := list(to_place(job).filter(number__gt=last).order_by("number").values_list(*columns)[:READ_ROWS]):
        for pk, number, path, inode, size, modified_ns, changed_ns, digest, crc32 in rows:
            last = number
            stamp = Stamp(inode % 2**64, size, modified_ns, changed_ns)
            yield StagedFile(
                pk, bytes(path), stamp, digest, crc32, is_unproven=pk in before.unproven, anew=pk in before.damaged
            )


def _quiet_since(job: ImportJob) -> int | None:
    """Since when a file must not have changed to be taken without a read lease; None until the area has been
    out of everyone's reach for the quiet time."""
    now, quiet = job.clock(), job.policies.quiet_time
    if job.sealed_at is None or now - job.sealed_at < quiet:
        return None
    return int((now - quiet).timestamp() * 1e9)


def _write_down(job: ImportJob, order: BatchOrder, answer: batches.Answer, this: Pass) -> None:
    """Write what came back of one batch, some hundred files at a time."""
    bytes_of = {file.entry_id: file.stamp.size_bytes for file in order.files}
    placed = sorted(
        (result for result in answer if isinstance(result, PlacedFile)), key=lambda file: (file.digest, file.how)
    )
    for start in range(0, len(placed), WRITE_ROWS):
        done = _write_placed(job, placed[start : start + WRITE_ROWS], this)
        job.add(files=len(done), bytes=sum(bytes_of[pk] for pk in done))
    failed = _sort_troubles([result for result in answer if isinstance(result, FileTrouble)], this)
    if failed:
        with job.batch(), connection.cursor() as cursor:
            cursor.executemany(_FAILED, [(reason.code, reason.sentence, pk) for pk, reason in failed])
        job.add(files=len(failed), bytes=sum(bytes_of[pk] for pk, _ in failed))


def _write_placed(job: ImportJob, placed: Sequence[PlacedFile], this: Pass) -> list[int]:
    """Objects first, then the entries that rely on them; returns the entries that are done."""
    with job.batch(), connection.cursor() as cursor:
        rows = store_rows(placed, at=job.clock())
        relied_on = [file for file in placed if file.digest in rows.ids]
        unproven = [file for file in placed if file.digest in rows.unproven]
        cursor.executemany(_PLACED, [_placed_row(file, rows.ids[file.digest]) for file in relied_on])
        cursor.executemany(_DIGESTED, [_digested_row(file) for file in unproven])
    this.put_off += len(placed) - len(relied_on)
    this.unproven.update(file.entry_id for file in unproven)
    this.damaged.update(file.entry_id for file in placed if file.digest in rows.damaged)
    return [file.entry_id for file in relied_on]


def _sort_troubles(troubles: list[FileTrouble], this: Pass) -> list[tuple[int, Reason]]:
    """Those that have failed for good; of the others, note what the next pass must know."""
    failed = []
    for trouble in troubles:
        if trouble.code in _FAILURES:
            failed.append((trouble.entry_id, _FAILURES[trouble.code]))
        elif trouble.code in _MAY_PASS and this.is_last:
            failed.append((trouble.entry_id, _MAY_PASS[trouble.code]))
        else:
            this.put_off += 1
            this.is_without_room |= trouble.code == batches.NO_ROOM
            if trouble.code == batches.OTHER_SIZE:
                this.damaged.add(trouble.entry_id)
    return failed


def _placed_row(file: PlacedFile, object_id: int) -> tuple[Any, ...]:
    digest, crc32, *others = _digested_row(file)
    return digest, crc32, object_id, *others


def _digested_row(file: PlacedFile) -> tuple[Any, ...]:
    stamp = file.stamp
    return (
        file.digest,
        file.crc32,
        stamp.size_bytes,
        stamp.modified_ns,
        connection.ops.adapt_datetimefield_value(modified_at(stamp.modified_ns)),
        stamp.changed_ns,
        signed(stamp.inode),
        file.entry_id,
    )


def _wait_for_room(job: ImportJob) -> None:
    job.pause("import.no_room", "The disk is full or cannot be written to.")
    job.sleep(ROOM_POLL_SECONDS)
    job.resume()
