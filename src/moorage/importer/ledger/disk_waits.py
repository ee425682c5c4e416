"""What an import waits for on its disk: room, leave to write, the disk itself. It says so, and goes on by itself.

A store that is away before a run, or between its steps, is not waited for here: see `StoreAwayError` in `jobs.imports`.
"""

from typing import Final, NamedTuple

from moorage.importer.ledger.job import ImportJob
from moorage.storage.layout import StoreAwayError
from moorage.storage.room import can_write, free_space

POLL_SECONDS: Final = 2.0


class Wait(NamedTuple):
    """Why an import does not move."""

    code: str
    sentence: str


NEARLY_FULL: Final = Wait("import.no_room", "The disk is nearly full.")
NO_ROOM: Final = Wait("import.no_room", "The disk is full or cannot be written to.")
STORE_AWAY: Final = Wait("import.store_away", str(StoreAwayError()))


def wait_for_room(job: ImportJob) -> None:
    """Return at once above the floor of free space; below it pause, say so, and go on by itself."""
    if _is_below_floor(job):
        wait_out(job, NEARLY_FULL)


def wait_out(job: ImportJob, why: Wait) -> None:
    """Pause with a reason for a while, and until there is room above the floor and the store can be written to.

    Where the store is away only another try tells that it is back.
    """
    job.pause(*why)
    job.sleep(POLL_SECONDS)
    while job.store.is_there() and (_is_below_floor(job) or not can_write(job.store.root)):
        job.sleep(POLL_SECONDS)
    job.resume()


def _is_below_floor(job: ImportJob) -> bool:
    policies = job.policies
    space = free_space(job.store.root)
    return space.above_floor(percent=policies.free_floor_percent, floor_bytes=policies.free_floor_bytes) < 0
