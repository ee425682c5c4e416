"""Whether this host's wall clock can be trusted with what cannot be taken back.

Only clocks say that something has been kept long enough. One that jumps for a while (a wrong time server, a virtual
machine that was restored) would empty the trash a year early. A jump is seen by comparing with the time since the
start of the machine, which nobody sets. After one, and after the start of a process, what takes something away waits.
A clock that has been wrong for longer than that, or before this process began, cannot be told from a right one.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

STEADY_FOR: Final = timedelta(hours=1)
JUMP: Final = timedelta(minutes=5)  # what is less is a clock that is being corrected


def since_boot() -> float:
    """Seconds since the start of the machine, its sleep included (clock_gettime(2), CLOCK_BOOTTIME)."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass
class Steadiness:
    """What a process has seen of the wall clock beside the time since boot."""

    since_boot: Callable[[], float] = since_boot
    _first: tuple[datetime, float] | None = None  # since when they agree

    def look(self, at: datetime) -> timedelta:
        """How long to wait until the clock counts as steady; zero when it does."""
        now = self.since_boot()
        began, then = self._first or (at, now)
        if self._first is None or abs(at - began - timedelta(seconds=now - then)) > JUMP:
            self._first = began, then = at, now
        return max(timedelta(0), STEADY_FOR - timedelta(seconds=now - then))
