"""Leases: who works on a row, and when another may take it over.

A lease stands on an upload or a revision at work. Its holder is a process, named so that a
watcher on the same machine can see that it is dead. No wall clock decides: a watcher may take a
lease when it has seen the same beat for `TAKE_AFTER_SECONDS` of its own monotonic clock, or at
once when the holder is provably dead. Every taking raises the fence; every write under a lease
names holder and fence (never the beat), so a process that wakes up late writes nothing.
"""

import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Self

from django.db import models
from django.db.models import F

from moorage.errors import ConflictError

TAKE_AFTER_SECONDS = 30.0
BEAT_SECONDS = 3.0
FORGET_AFTER_SECONDS = 24 * 3600.0  # a watcher that has not asked about a lease for so long begins anew with it
LOST = "Another worker has this work, or it is not wanted any more; nothing more is written here."


class LeaseLostError(ConflictError):
    """Another process has this work, or it was ended or asked for anew; stop and write nothing more."""

    code = "lease.lost"


@dataclass(frozen=True)
class Holder:
    """A process, told apart from every other process of every host, also after a reboot."""

    host: str
    boot_id: str
    pid_namespace: str
    pid: int
    started: str

    def __str__(self) -> str:
        return "|".join((self.host, self.boot_id, self.pid_namespace, str(self.pid), self.started))

    @classmethod
    def parse(cls, text: str) -> Self:
        host, boot_id, namespace, pid, started = text.split("|")
        return cls(host, boot_id, namespace, int(pid), started)

    def is_dead(self, *, seen_from: "Holder") -> bool:
        """Whether `seen_from` can prove that this process no longer runs. False when in doubt."""
        if self.host != seen_from.host:
            return False
        if self.boot_id != seen_from.boot_id:
            return True
        if self.pid_namespace != seen_from.pid_namespace:
            return False
        return _process_start(self.pid) != self.started


def _process_start(pid: int) -> str:
    """Start time of a process in clock ticks since boot; empty when there is no such process (proc(5), field 22)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    fields = stat.rpartition(")")[2].split()
    is_zombie = fields[0] in {"Z", "X"}
    return "" if is_zombie else fields[19]


@cache
def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def this_process() -> Holder:
    """The holder that this process is."""
    namespace = str(Path("/proc/self/ns/pid").readlink())
    return Holder(socket.gethostname(), _boot_id(), namespace, os.getpid(), _process_start(os.getpid()))


class Leased(models.Model):
    """The lease's columns, for a row that is worked on by one process at a time."""

    held_by = models.CharField(max_length=300, blank=True, default="")
    fence = models.BigIntegerField(default=0)
    beat = models.BigIntegerField(default=0)

    class Meta:
        abstract = True


@dataclass(frozen=True)
class Lease:
    """A lease that this process has taken: what every write under it must name."""

    model: type[Leased]
    pk: Any
    holder: str
    fence: int

    def rows(self) -> models.QuerySet[Any]:
        """The leased row if the lease is still ours, else nothing: UPDATE through this."""
        return self.model._default_manager.filter(pk=self.pk, held_by=self.holder, fence=self.fence)

    def update(self, **changes: Any) -> None:
        """Write to the leased row.

        Raises:
            LeaseLostError: it is ours no longer.
        """
        if not self.rows().update(**changes):
            raise LeaseLostError(LOST)

    def check(self) -> None:
        """Raise LeaseLostError unless the lease is still ours."""
        if not self.rows().exists():
            raise LeaseLostError(LOST)

    def keep(self) -> None:
        """Show a sign of life. Call it every BEAT_SECONDS."""
        self.update(beat=F("beat") + 1)

    def release(self) -> bool:
        """Give the lease back; harmless when it was lost. Whether it was still ours."""
        return bool(self.rows().update(held_by=""))


def take(
    row: Leased, *, holder: str | None = None, where: dict[str, Any] | None = None, **changes: Any
) -> Lease | None:
    """Take the lease on `row` as it was read, and write `changes` in the same UPDATE.

    The caller has decided that it may be taken (free, or see `LeaseWatch`). `where` names what else
    must still hold, such as the old state. Returns None when another process was quicker.
    """
    taker = holder or str(this_process())
    model = type(row)
    taken = model._default_manager.filter(
        pk=row.pk, held_by=row.held_by, fence=row.fence, beat=row.beat, **(where or {})
    ).update(held_by=taker, fence=row.fence + 1, beat=0, **changes)
    return Lease(model, row.pk, taker, row.fence + 1) if taken else None


@dataclass
class LeaseWatch:
    """A watcher's memory of the beats it has seen, on its own monotonic clock."""

    monotonic: Callable[[], float] = time.monotonic
    take_after_seconds: float = TAKE_AFTER_SECONDS
    _seen: dict[tuple[str, Any], tuple[tuple[str, int, int], float, float]] = field(default_factory=dict)

    def may_take(self, row: Leased, *, me: Holder | None = None) -> bool:
        """Whether the lease on `row` is free, its holder provably dead, or its beat has stood still long enough."""
        if not row.held_by:
            return True
        if Holder.parse(row.held_by).is_dead(seen_from=me or this_process()):
            return True
        key = (row._meta.label, row.pk)
        sign = (row.held_by, row.fence, row.beat)
        now = self.monotonic()
        self._forget(now - FORGET_AFTER_SECONDS)
        last_sign, since, _ = self._seen.pop(key, (None, now, now))
        self._seen[key] = (sign, since if last_sign == sign else now, now)
        return last_sign == sign and now - since >= self.take_after_seconds

    def _forget(self, before: float) -> None:
        # Ended long ago. Those that are asked about move to the end.
        while self._seen and (first := next(iter(self._seen.items())))[1][2] < before:
            del self._seen[first[0]]
