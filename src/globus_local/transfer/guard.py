"""Whether a running task may take its next step: not cancelled, not too late, still allowed, not too fast."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from globus_local.transfer.endpoints import Collection
from globus_local.transfer.faults import FaultError, InterruptedTaskError
from globus_local.transfer.paths import CollectionPath

if TYPE_CHECKING:
    from globus_local.world import LocalGlobus

LOOK_SECONDS: Final = 0.5
RULES_SECONDS: Final = 1.0


class Guard:
    """Asked by the thread of one task before each step. `stop` ends every pause at once."""

    def __init__(self, world: LocalGlobus, task_id: str, owner_id: str, stop: threading.Event) -> None:
        self._world = world
        self._task_id = task_id
        self._owner_id = owner_id
        self._stop = stop
        self._looked_at = 0.0
        self._is_over = False
        self._identities: frozenset[str] = frozenset()
        self._identities_at = 0.0
        self._moved_bytes = 0
        self._moving_since = time.monotonic()

    def check_running(self) -> None:
        """Raises InterruptedTaskError when the task was cancelled, is past its deadline, or the service ends."""
        now = time.monotonic()
        if now - self._looked_at >= LOOK_SECONDS:
            self._looked_at = now
            with self._world.database.read() as c:
                row = c.execute(
                    "SELECT cancel_requested, deadline FROM tasks WHERE id = ?", (self._task_id,)
                ).fetchone()
            self._is_over = bool(row["cancel_requested"]) or time.time() > row["deadline"]
        if self._is_over or self._stop.is_set():
            raise InterruptedTaskError

    def pause(self, seconds: float) -> None:
        """Wait. Raises InterruptedTaskError as soon as the task must stop."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self._stop.wait(min(left, LOOK_SECONDS))
            self.check_running()

    def check_access(self, collection: Collection, folder: CollectionPath, wanted: str, *, side: str) -> None:
        """Raises FaultError PERMISSION_DENIED unless the owner's rules allow this now."""
        if not self._world.rules.allows(self._identity_set(), collection, folder, wanted):
            act = "change" if wanted == "rw" else "read"
            raise FaultError(
                "PERMISSION_DENIED",
                f"No access rule allows you to {act} {folder} on {collection.display_name}.",
                side=side,
            )

    def _identity_set(self) -> frozenset[str]:
        now = time.monotonic()
        if now - self._identities_at >= LOOK_SECONDS:
            self._identities_at = now
            self._identities = self._world.identities.set_of(self._owner_id)
        return self._identities

    def throttle(self, moved_bytes: int) -> None:
        """Keep to the configured speed, by waiting."""
        rate = self._world.config.bytes_per_second
        if rate:
            self._moved_bytes += moved_bytes
            ahead = self._moving_since + self._moved_bytes / rate - time.monotonic()
            if ahead < -1:
                # After a rest: what was not sent then is not made up for by a burst now.
                self._moving_since -= ahead
            self.pause(ahead)


class Periodically:
    """Says yes once in so many bytes or seconds, so that a look at the rules is not taken for every byte."""

    def __init__(self, every_bytes: int, every_seconds: float = RULES_SECONDS) -> None:
        self._every_bytes = every_bytes
        self._every_seconds = every_seconds
        self._bytes = 0
        self._at = time.monotonic()

    def is_due(self, moved_bytes: int) -> bool:
        self._bytes += moved_bytes
        now = time.monotonic()
        if self._bytes < self._every_bytes and now - self._at < self._every_seconds:
            return False
        self._bytes, self._at = 0, now
        return True
