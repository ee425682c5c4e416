"""What building or checking one tree works with, and how far it is."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from moorage.projects.models import Project
from moorage.storage.layout import StoreLayout
from moorage.transfers.downloads.orders import Orders
from moorage.transfers.downloads.rows import Question

REPORT_SECONDS: Final = 0.3


@dataclass
class TreeProgress:
    """How far a tree is."""

    files_done: int = 0
    bytes_done: int = 0
    bytes_checked: int = 0


def nothing_to_tell(_: TreeProgress) -> None:
    """Nobody wants to know how far it is."""


@dataclass
class TreeJob:
    """What building or checking one tree works with.

    `fence` is the lease's. `report` is told from time to time how far it is, and may raise to end the work. `seam` is
    called between steps.
    """

    project: Project
    name: str
    fence: int
    question: Question
    store: StoreLayout
    clock: Callable[[], datetime]
    orders: Orders
    reading: Orders  # what is read again waits for imports that have less to read
    report: Callable[[TreeProgress], None] = nothing_to_tell
    seam: Callable[[str], None] = lambda _: None
    progress: TreeProgress = field(default_factory=TreeProgress)
    _told_at: float = 0.0

    def checked(self, size_bytes: int) -> None:
        """So many bytes more have been read again."""
        self.progress.bytes_checked += size_bytes
        self.tell()

    def tell(self) -> None:
        """Report, unless it was done a moment ago."""
        now = time.monotonic()
        if now - self._told_at >= REPORT_SECONDS:
            self._told_at = now
            self.report(self.progress)
