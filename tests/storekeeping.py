"""Moves of an operator and of time on the object store, for tests of fixity checks, store checks and the collector."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path

from builders import NOON
from moorage.files.fixity import FixityChecks
from moorage.storage.fixity import Throttle
from moorage.storage.layout import StoreLayout


class MovedClock:
    """A clock that stands where it was put."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def moves(self, *, days: float = 0, hours: float = 0) -> datetime:
        self.now += timedelta(days=days, hours=hours)
        return self.now


def file_of(store: StoreLayout, content: bytes) -> Path:
    """Where an object with this content lies."""
    digest = sha256(content).hexdigest()
    return store.objects / digest[:2] / digest


def flip_a_byte(path: Path) -> None:
    """A byte rots on the disk: nothing else tells, neither size nor time."""
    status = path.stat()
    path.chmod(0o644)
    with path.open("r+b") as file:
        first = file.read(1)
        file.seek(0)
        file.write(bytes([first[0] ^ 1]))
    path.chmod(0o444)

    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def checks_of(store: StoreLayout, clock: MovedClock) -> FixityChecks:
    """Fixity checks that nothing holds back."""
    return FixityChecks(store, clock, Throttle(0))
