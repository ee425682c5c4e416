"""How far an import is, in numbers that a page can show: per cent, rate, step. Pure arithmetic over the row."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from moorage.importer.words.reporting import Done
from moorage.transfers.models import Upload
from moorage.transfers.states import UploadState

STEPS = (
    ("scan", "List"),
    ("plan", "Compare"),
    ("digest", "Read, check and store"),  # one read of each file
    ("register", "Add"),
    ("publish", "Publish"),
)
STEADY_AFTER = timedelta(seconds=3)  # a rate over less than that says nothing


@dataclass(frozen=True)
class Step:
    label: str
    is_done: bool
    is_current: bool


@dataclass(frozen=True)
class ImportProgress:
    """`percent` is of files or of bytes, whichever are further from their end. Rates are per second, None while
    unsteady; `remaining` is None also while the import is being cancelled.
    """

    percent: int
    files_done: int
    files_total: int
    bytes_done: int
    bytes_total: int
    bytes_rate: int | None
    files_rate: int | None
    remaining: timedelta | None
    steps: tuple[Step, ...]

    @property
    def milestone(self) -> int:
        """The quarter that a screen reader is told of."""
        return self.percent // 25 * 25


def progress_of(upload: Upload, *, at: datetime) -> ImportProgress | None:
    """The progress of a running import; None in every other state."""
    if upload.current_state is not UploadState.IMPORTING or upload.import_started_at is None:
        return None
    elapsed = at - upload.import_started_at
    done = Done(upload.files_done, upload.files_total, upload.bytes_done, upload.bytes_total)
    steady = elapsed >= STEADY_AFTER and (done.files > 0 or done.bytes > 0)
    seconds = max(elapsed.total_seconds(), 0.001)
    goes_on = steady and upload.cancel_asked_at is None
    return ImportProgress(
        percent=done.percent,
        files_done=upload.files_done,
        files_total=upload.files_total,
        bytes_done=upload.bytes_done,
        bytes_total=upload.bytes_total,
        bytes_rate=int(upload.bytes_done / seconds) if steady else None,
        files_rate=int(upload.files_done / seconds) if steady else None,
        remaining=done.time_left(elapsed) if goes_on else None,
        steps=_steps(upload.step),
    )


def _steps(current: str) -> tuple[Step, ...]:
    names = [name for name, _ in STEPS]
    reached = names.index(current) if current in names else 0
    return tuple(
        Step(label, is_done=number < reached, is_current=number == reached) for number, (_, label) in enumerate(STEPS)
    )
