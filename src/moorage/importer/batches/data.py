"""Batches: how an executor does them, and what goes there and comes back (of plain files, see `plain`).

All of it is plain data, so that any process of any host can do one. What a batch needs to know, it is given: it never
opens the database, and it may be done twice. Files and answers are plain tuples, because a hundred thousand objects of
a class take longer to send than to digest.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, wait
from typing import Any, Final, NamedTuple, Protocol, TypeVar

from moorage.storage.digests import Stamp

MAX_FILES: Final = 1000
MAX_BYTES: Final = 64 << 20
TRIES: Final = 3  # a batch that ended its process may have been innocent
TICK_SECONDS: Final = 0.5


class Hint(NamedTuple):
    """What is known of a staged file beforehand. Where `digest` is known and `stamp` still holds, it is not read again.

    `expects`: the digest that the project has at its path, so that its object is probably there. `is_unproven`: an
    object of its digest is there, but no row says that it was ever seen whole. `anew`: its object is damaged and these
    bytes take the object's place. `listed`: what lists of digests say of it, as (hashlib's name, hex);
    one of them at most is no SHA-256.
    """

    stamp: Stamp | None = None
    digest: str = ""
    crc32: int = 0
    expects: str = ""
    is_unproven: bool = False
    anew: bool = False
    listed: tuple[tuple[str, str], ...] | None = None


File = tuple[bytes, int, Hint | None]  # path, size as it was scanned, what is known of it


class BatchOrder(NamedTuple):
    """A batch. `are_old`: the stamps of its files were seen a quiet time ago or longer, so that one that still has
    the same was not written to meanwhile, which must do where no read lease can be had. How far it has read is written
    into `tally` at `slot` (see `importer.batches.tally`).
    """

    area: str
    objects: str
    files: tuple[File, ...]
    are_old: bool = False
    youngest_seconds: float = 2.0
    tally: str = ""
    slot: int = -1


class PlacedFile(NamedTuple):
    """A staged file whose bytes are known, and, unless `how` is `digested` or DIFFERS, in the store and on disk.

    `position` is the file's in its batch; `stamp` is the staged file's now. Where `how` is `reused`, only a row that
    stands already says so; see `storage.objects.Placed`.
    """

    position: int
    digest: str
    crc32: int
    stamp: Stamp
    object_stamp: Stamp
    how: str


DIFFERS: Final = "differs"  # it was read, and is not what a list of digests says


class FileTrouble(NamedTuple):
    """A staged file that could not be placed. `code` is one of the constants below, `detail` is for the log."""

    position: int
    code: str
    detail: str = ""


CHANGED: Final = "changed"  # it was written to meanwhile: try again
STILL_OPEN: Final = "still_open"  # somebody may write to it: try again
NO_ROOM: Final = "no_room"  # the disk is full or read-only: pause
AWAY: Final = "away"  # the store is not there: pause
OTHER_SIZE: Final = "other_size"  # the object that is there is damaged: place anew
BUSY: Final = "busy"  # no descriptor or memory was to be had: try again
VANISHED: Final = "vanished"
UNREADABLE: Final = "unreadable"
NOT_A_FILE: Final = "not_a_file"
READ_ERROR: Final = "read_error"
NOT_STORED: Final = "not_stored"  # the store refuses it, not the staged file


class Answer(NamedTuple):
    """What became of a batch: fields of PlacedFile (stamps flat) and of FileTrouble, as plain tuples."""

    placed: list[tuple[Any, ...]] = []
    troubles: list[tuple[int, str, str]] = []


Work = Callable[[Any], Any]


class Batch(Protocol):
    """What is to be done with an order."""

    @property
    def work(self) -> Work: ...
    @property
    def order(self) -> Any: ...


One = TypeVar("One", bound=Batch, covariant=True)  # noqa: PLC0105


class Orders(Protocol[One]):
    """Where the batches come from. What has said None may have more after an answer."""

    def next(self) -> One | None: ...


def flat(placed: PlacedFile) -> tuple[Any, ...]:
    """What is sent of a placed file. A linked file's object has its own stamp."""
    stamp, other = placed.stamp, placed.object_stamp
    return (*placed[:3], *stamp, *(() if stamp is other else other), placed.how)


def unflat(sent: tuple[Any, ...]) -> PlacedFile:
    """What was sent, as it was."""
    stamp = Stamp(*sent[3:7])
    other = stamp if len(sent) == 8 else Stamp(*sent[7:11])
    return PlacedFile(sent[0], sent[1], sent[2], stamp, other, sent[-1])


def run_batches(
    executor: Executor, orders: Orders[One], *, in_flight: int, tick: Callable[[], None]
) -> Iterator[tuple[One, Any]]:
    """Have batches done, `in_flight` at a time, and yield each with its answer, as they come.

    A batch whose process died is done again. `tick` is called at least twice a second; what it raises
    ends the work.

    Raises:
        BrokenExecutor: the same batch ended its process several times.
    """
    running: dict[Future[Any], tuple[One, int]] = {}
    try:
        while _fill(executor, orders, running, in_flight):
            done, _ = wait(running, timeout=TICK_SECONDS, return_when=FIRST_COMPLETED)
            tick()
            # In the order in which they were begun: who placed some bytes first is then mostly written first.
            for future in [one for one in running if one in done]:
                batch, tries = running.pop(future)
                try:
                    answer = future.result()
                except BrokenExecutor:
                    if tries >= TRIES:
                        raise
                    running[executor.submit(batch.work, batch.order)] = (batch, tries + 1)
                else:
                    _fill(executor, orders, running, in_flight)
                    yield batch, answer
    finally:
        for future in running:
            future.cancel()


def _fill(executor: Executor, orders: Orders[One], running: dict[Future[Any], tuple[One, int]], in_flight: int) -> bool:
    while len(running) < in_flight and (batch := orders.next()) is not None:
        running[executor.submit(batch.work, batch.order)] = (batch, 1)
    return bool(running)
