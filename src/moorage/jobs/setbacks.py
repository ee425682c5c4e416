"""How long work rests that something has stopped; and setbacks: those in this process, where no row can say them.

Of the latter other processes know nothing of it: work that one of them takes meanwhile has a try of its own there.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.db import InterfaceError, OperationalError, connection

FIRST_DELAY: Final = timedelta(seconds=5)
LONGEST_DELAY: Final = timedelta(minutes=20)
DATABASE_DELAY: Final = FIRST_DELAY  # however often it is in trouble: nothing of the work is wrong
NEVER_AS_LONG: Final = timedelta(hours=1)  # what a row says to rest for longer was written by a clock that was wrong

DATABASE_TROUBLE: Final = (OperationalError, InterfaceError)

log = logging.getLogger(__name__)


def after_database_trouble(work: str, error: Exception) -> None:
    """Call it first where such trouble is caught: what is to be written of it needs a connection that is not lost."""
    log.error("%s: the database is in trouble; it goes on by itself", work, exc_info=error)
    connection.close_if_unusable_or_obsolete()


def delay_after(tries: int) -> timedelta:
    """How long to rest after so many tries that failed: each time longer."""
    return min(FIRST_DELAY * (1 << min(tries - 1, 20)), LONGEST_DELAY)


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
        self.rest(key, delay_after(tries))
        return tries

    def forget(self, key: UUID) -> None:
        """The work has ended, or begins anew: nothing counts any more."""
        self._bugs.pop(key, None)
        self._rests_until.pop(key, None)
