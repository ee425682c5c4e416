"""Setbacks: what has stopped some work in this process, and until when the work rests, where no row can say it.

Other processes know nothing of it: work that one of them takes meanwhile has a try of its own there.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

FIRST_DELAY: Final = timedelta(seconds=5)
LONGEST_DELAY: Final = timedelta(minutes=5)
DATABASE_DELAY: Final = timedelta(seconds=5)  # however often it is in trouble: nothing of the work is wrong


@dataclass
class Setbacks:
    """How often something unforeseen stopped each work, and until when it rests. Its key is the id of a row."""

    monotonic: Callable[[], float] = time.monotonic
    _bugs: dict[UUID, int] = field(default_factory=dict)
    _rests_until: dict[UUID, float] = field(default_factory=dict)

    def rests(self, key: UUID) -> bool:
        return self._rests_until.get(key, 0.0) > self.monotonic()

    def rest(self, key: UUID, delay: timedelta = DATABASE_DELAY) -> None:
        """Leave the work alone for a while."""
        self._rests_until[key] = self.monotonic() + delay.total_seconds()

    def add_bug(self, key: UUID) -> int:
        """Note one more, and return how many there were; each makes the work rest longer."""
        tries = self._bugs[key] = self._bugs.get(key, 0) + 1
        self.rest(key, min(FIRST_DELAY * 2 ** (tries - 1), LONGEST_DELAY))
        return tries

    def forget(self, key: UUID) -> None:
        """The work has ended, or begins anew: nothing counts any more."""
        self._bugs.pop(key, None)
        self._rests_until.pop(key, None)
