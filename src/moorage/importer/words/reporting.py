"""What an import says: how far it is, how it ended, and that it is to end before."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from moorage.errors import ConflictError

UNDER_WAY: Final = 16  # files that may be read at once: their bytes count before they do


@dataclass(frozen=True)
class Progress:
    """What a page shows of a running import, by the names of its columns. `reason` says why it pauses; else empty."""

    step: str = "scan"
    files_total: int = 0
    bytes_total: int = 0
    files_done: int = 0
    bytes_done: int = 0
    reason: str = ""
    reason_text: str = ""


@dataclass(frozen=True)
class Done:
    """How much is done of something that takes its time for each file and for each byte. Pure arithmetic.

    Many small files take longer than their bytes, and of few large ones none may be done while half of their bytes
    are: so the slower of the two tells, and some files count as done because they may be under way.
    """

    files: int
    files_total: int
    bytes: int
    bytes_total: int

    @property
    def percent(self) -> int:
        """Per cent of the slower."""
        return min((max(0, min(100, done * 100 // total)) for done, total in self._both() if total > 0), default=0)

    def time_left(self, elapsed: timedelta) -> timedelta | None:
        """How long the slower takes for the rest, at its pace so far. None: it cannot be told, or nothing is left."""
        left = [(done, total - done) for done, total in self._both() if total > done]
        if not left or (self.files <= 0 and self.bytes <= 0):
            return None
        return max(elapsed * (rest / done) for done, rest in left) if all(done > 0 for done, _ in left) else None

    def _both(self) -> tuple[tuple[int, int], tuple[int, int]]:
        under_way = UNDER_WAY if self.bytes > 0 else 0
        return (min(self.files + under_way, self.files_total), self.files_total), (self.bytes, self.bytes_total)


@dataclass(frozen=True)
class Outcome:
    """How a run ended. `revision` is None when it published nothing; then `code` and `sentence` say why.

    `problems` counts the staged paths that it was not to bring, or could not; `folders` says how many of them are
    folders, `left_out` how many have no other reason than a rule or a choice, in this run or before. `missing` counts
    files that lists name and that were not there. `problems` and `missing` are None where the run ended before it had
    counted. `warnings` are sentences on what it was given and could not use.
    """

    revision: int | None = None
    files: int = 0
    bytes: int = 0
    problems: int | None = None
    folders: int = 0
    left_out: int = 0
    missing: int | None = None
    warnings: tuple[str, ...] = ()
    code: str = ""
    sentence: str = ""


class ImportStoppedError(Exception):
    """The worker is to end: the import is left as it is, for whoever takes it next."""


class ImportCancelledError(ConflictError):
    """The member has cancelled the import. It is said by whom; what follows is said where that is shown."""

    code = "cancelled"
