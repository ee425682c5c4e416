"""What an import says: how far it is, how it ended, and that it is to end before."""

from dataclasses import dataclass

from moorage.errors import ConflictError


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
