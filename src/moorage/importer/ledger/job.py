"""One import at work: what it is given, how it reports, and the transaction that every batch of it is.

The importer does not know uploads: what becomes of one is said through the callbacks here, which
`jobs.imports` joins to the upload's row and its lease.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet

from moorage.accounts.models import Member
from moorage.backends import Policies
from moorage.files.models import Revision
from moorage.importer.words.reporting import ImportCancelledError, ImportStoppedError, Outcome, Progress
from moorage.projects.choices import ImportChoices
from moorage.storage.layout import StoreLayout
from moorage.storage.walk import FolderPart

# SQLite's lock is not fair: without a pause between two write transactions others wait for long (design §5).
PAUSE_SECONDS: Final = 0.010
REPORT_SECONDS: Final = 1.0


class Suspicions(Protocol):
    """Which files a transfer may have left incomplete (see `transfers.doubt`)."""

    def __bool__(self) -> bool: ...

    def doubtful(self, changed: Mapping[bytes, int]) -> set[bytes]: ...

    def is_being_written(self, changed_ns: int) -> bool: ...


class NoSuspicions:
    """Nothing is doubtful."""

    def __bool__(self) -> bool:
        return False

    def doubtful(self, changed: Mapping[bytes, int]) -> set[bytes]:  # noqa: ARG002 - the protocol's
        return set()

    def is_being_written(self, changed_ns: int) -> bool:  # noqa: ARG002
        return False


def _never() -> bool:
    return False


def _not_cancelled() -> str:
    return ""


def nothing() -> int:
    """No bytes."""
    return 0


def _from_nobody(holder: Revision) -> bool:  # noqa: ARG001 - the signature that files.registering asks for
    return False


def _not_looked(part: FolderPart) -> None:
    """Nobody else looks at what is listed."""


def _pass(seam: str) -> None:
    """Nothing happens between two steps; tests put a crash here."""


@dataclass
class ImportJob:
    """What an import is given.

    `report` writes the progress under the lease and raises LeaseLostError when that is lost;
    `finish` moves the upload to its end in the transaction that it is called in.
    `cancelled` says by whom, in a sentence, the end of it was asked for; nothing as long as it was not.
    `may_take_right` answers whether the worker of a revision that holds the right to register is gone.
    """

    upload_id: UUID
    project_id: UUID
    area: Path  # sealed; of a preview it may be the staging area
    store: StoreLayout
    executor: Executor
    clock: Callable[[], datetime]
    policies: Policies
    report: Callable[[Progress], None]
    finish: Callable[[Outcome, datetime], None]
    by: Member | None = None
    choices: ImportChoices = field(default_factory=ImportChoices)
    expected: tuple[int, int] = (0, 0)  # files and bytes that have arrived, for the progress while they are listed
    suspicions: Suspicions = field(default_factory=NoSuspicions)
    delivered: QuerySet[Any] | None = None  # what Globus says of it; see `importer.lists.completeness`
    may_take_right: Callable[[Revision], bool] = _from_nobody
    should_stop: Callable[[], bool] = _never
    cancelled: Callable[[], str] = _not_cancelled
    batches_in_flight: int = 4
    listed: Callable[[FolderPart], None] = _not_looked  # hears of all that a scan lists, before it is judged
    seam: Callable[[str], None] = _pass
    progress: Progress = field(default_factory=Progress)
    being_read: Callable[[], int] = nothing  # bytes of files that are being read, not counted as done yet
    _reported_at: float = 0.0
    _asked_at: float = float("inf")  # before there is a run, nothing can be ended
    _written_at: float = 0.0

    def check_wanted(self) -> None:
        """Raise ImportStoppedError when the worker is to end, and once a second do as `check_cancelled`."""
        if self.should_stop():
            raise ImportStoppedError
        if time.monotonic() - self._asked_at >= REPORT_SECONDS:
            self.check_cancelled()

    def check_cancelled(self) -> None:
        """Raise ImportCancelledError when the member has asked for the end of it."""
        self._asked_at = time.monotonic()
        if told := self.cancelled():
            raise ImportCancelledError(told)

    def check_area(self) -> None:
        """Where the area is missing, raise StoreAwayError if the whole store is: then nothing is gone."""
        if not self.area.is_dir():
            self.store.check_is_there()

    def note(self, **changes: Any) -> None:
        """Change the progress; it is written with the next batch, or now if a second has passed."""
        self.progress = replace(self.progress, **changes)
        self.check_wanted()
        if time.monotonic() - self._reported_at >= REPORT_SECONDS:
            self.write_progress()

    def add(self, *, files: int = 0, bytes: int = 0) -> None:  # noqa: A002 - the word of the progress
        """Count what is done."""
        self.note(files_done=self.progress.files_done + files, bytes_done=self.progress.bytes_done + bytes)

    def note_total(self, files: int, bytes: int, *, is_whole: bool = False) -> None:  # noqa: A002
        """How much a scan has listed so far. Before it has listed all, what has arrived is the better guess."""
        if not is_whole:
            files, bytes = max(files, self.expected[0]), max(bytes, self.expected[1])  # noqa: A001
        self.note(files_total=files, bytes_total=bytes)

    def write_progress(self) -> None:
        """Write the progress now.

        Raises:
            LeaseLostError: another worker has this import.
        """
        done = min(self.progress.bytes_done + self.being_read(), self.progress.bytes_total)
        self.report(replace(self.progress, bytes_done=max(done, self.progress.bytes_done)))
        self._reported_at = time.monotonic()

    @contextmanager
    def batch(self) -> Iterator[None]:
        """A transaction under the lease: its first statement writes the progress and names holder and fence.

        Keep it below 50 ms. On SQLite there is a pause between two of them.

        Raises:
            LeaseLostError: another worker has this import; nothing was written.
        """
        self.check_wanted()
        if connection.vendor == "sqlite" and not connection.in_atomic_block:
            # What was done since the last transaction counts as its pause.
            time.sleep(max(0.0, self._written_at + PAUSE_SECONDS - time.monotonic()))
        with transaction.atomic():
            self.write_progress()
            yield
        self._written_at = time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait, unless the worker is to end; the progress goes on being written."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.note()
            time.sleep(min(left, 0.2))

    def pause(self, code: str, sentence: str) -> None:
        """Say why the import does not move."""
        self.note(reason=code, reason_text=sentence)
        self.write_progress()

    def resume(self) -> None:
        """Say that the import moves again."""
        self.note(reason="", reason_text="")
        self.write_progress()
