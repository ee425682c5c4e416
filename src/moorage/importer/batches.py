"""Batches: what goes to an executor and comes back. Plain data, so that any process of any host can do one.

What a batch needs to know, it is given: it never opens the database, and it may be done twice.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from typing import Final, NamedTuple

from moorage.storage.digests import Stamp

MAX_FILES: Final = 500
MAX_BYTES: Final = 256 << 20
TRIES: Final = 3  # a batch that ended its process may have been innocent
TICK_SECONDS: Final = 0.5


class StagedFile(NamedTuple):
    """A file to be digested and placed. Where `digest` is known and `stamp` still holds, it is not read again.

    `is_unproven`: an object of its digest is there, but no row says that it was ever seen whole.
    `anew`: its object is damaged and these bytes take the object's place.
    """

    entry_id: int
    path: bytes
    stamp: Stamp
    digest: str = ""
    crc32: int = 0
    is_unproven: bool = False
    anew: bool = False


class BatchOrder(NamedTuple):
    """A batch. Where no read lease can be had, a file that has not changed since `quiet_since_ns` is taken to
    have no writer, if that instant is not None. How far it has read is written into `tally` at `slot`
    (see `importer.tally`).
    """

    area: str
    objects: str
    files: tuple[StagedFile, ...]
    quiet_since_ns: int | None = None
    youngest_seconds: float = 2.0
    tally: str = ""
    slot: int = -1


class PlacedFile(NamedTuple):
    """A staged file whose bytes are in the store, on disk. `stamp` is the staged file's now.

    Where `how` is `reused`, only a row that stands already says so; see `storage.objects.Placed`.
    """

    entry_id: int
    digest: str
    crc32: int
    stamp: Stamp
    object_stamp: Stamp
    how: str


class FileTrouble(NamedTuple):
    """A staged file that could not be placed. `code` is one of the constants below, `detail` is for the log."""

    entry_id: int
    code: str
    detail: str = ""


CHANGED: Final = "changed"  # it was written to meanwhile: try again
STILL_OPEN: Final = "still_open"  # somebody may write to it: try again
NO_ROOM: Final = "no_room"  # the disk is full or read-only: pause
OTHER_SIZE: Final = "other_size"  # the object that is there is damaged: place anew
VANISHED: Final = "vanished"
UNREADABLE: Final = "unreadable"
NOT_A_FILE: Final = "not_a_file"
READ_ERROR: Final = "read_error"

Answer = list[PlacedFile | FileTrouble]
Work = Callable[[BatchOrder], Answer]


def cut(files: Iterator[StagedFile]) -> Iterator[tuple[StagedFile, ...]]:
    """Cut a stream of files into batches that are worth a message and not too long."""
    batch: list[StagedFile] = []
    size = 0
    for file in files:
        if batch and (len(batch) >= MAX_FILES or size + file.stamp.size_bytes > MAX_BYTES):
            yield tuple(batch)
            batch, size = [], 0
        batch.append(file)
        size += file.stamp.size_bytes
    if batch:
        yield tuple(batch)


def run_batches(
    executor: Executor, work: Work, orders: Iterator[BatchOrder], *, in_flight: int, tick: Callable[[], None]
) -> Iterator[tuple[BatchOrder, Answer]]:
    """Have orders done, `in_flight` at a time, and yield each with its answer as it comes.

    A batch whose process died is done again. `tick` is called at least twice a second; what it raises
    ends the work.

    Raises:
        BrokenExecutor: the same batch ended its process several times.
    """
    running: dict[Future[Answer], tuple[BatchOrder, int]] = {}
    try:
        while _fill(executor, work, orders, running, in_flight):
            done, _ = wait(running, timeout=TICK_SECONDS, return_when=FIRST_COMPLETED)
            tick()
            # In the order in which they were begun: who placed some bytes first is then mostly written first.
            for future in [one for one in running if one in done]:
                order, tries = running.pop(future)
                try:
                    answer = future.result()
                except BrokenExecutor:
                    if tries >= TRIES:
                        raise
                    running[executor.submit(work, order)] = (order, tries + 1)
                else:
                    yield order, answer
    finally:
        for future in running:
            future.cancel()


def _fill(
    executor: Executor,
    work: Work,
    orders: Iterator[BatchOrder],
    running: dict[Future[Answer], tuple[BatchOrder, int]],
    in_flight: int,
) -> bool:
    while len(running) < in_flight:
        order = next(orders, None)
        if order is None:
            break
        running[executor.submit(work, order)] = (order, 1)
    return bool(running)
