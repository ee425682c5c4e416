"""The planner: what becomes of one staged path. Pure; preview and import use this same function.

What stands in the project at that path is given (see `importer.planning`); nothing is read here.
"""

from dataclasses import dataclass
from typing import Final

from moorage.importer import reasons
from moorage.importer.paths import problem_of
from moorage.importer.reasons import Reason
from moorage.importer.verdicts import EntryKind, Verdict


@dataclass(frozen=True, slots=True)
class Staged:
    """One staged path as scan saw it. `digest` is empty where it is not known (yet)."""

    path: bytes
    kind: str
    size_bytes: int = 0
    digest: str = ""
    trouble: str = ""  # of the scan: unreadable, vanished, too_long
    is_doubtful: bool = False
    looks_alike: bool = False  # another name differs from it only in case or normal form


@dataclass(frozen=True, slots=True)
class AtHead:
    """What the project has at a path. At most one of these holds; none means that nothing is there.

    `blocked_by` is the path of a file that stands where the staged path needs a folder.
    """

    is_folder: bool = False
    is_file: bool = False
    size_bytes: int = 0
    digest: str = ""
    blocked_by: str = ""


NOTHING: Final = AtHead()


@dataclass(frozen=True, slots=True)
class Judgement:
    """A verdict, with the reason where the path is not imported, and a warning where it is."""

    verdict: Verdict
    reason: Reason | None = None
    warning: str = ""


_TROUBLES: Final = {
    "unreadable": reasons.UNREADABLE,
    "vanished": reasons.VANISHED,
    "too_long": reasons.PATH_TOO_LONG,
}


def judge(staged: Staged, at_head: AtHead, *, include_doubtful: bool = False) -> Judgement:
    """What becomes of a staged path.

    NEW_VERSION is said of a file that stands in the project already as long as its digest is not
    known and its size is the same: it may turn out to be identical.
    """
    reason = _why_never(staged) or _why_not_here(staged, at_head)
    if reason is not None:
        return Judgement(Verdict.REJECTED, reason)
    if staged.kind == EntryKind.FILE and staged.is_doubtful and not include_doubtful:
        return Judgement(Verdict.DOUBTFUL, reasons.DOUBTFUL)
    return Judgement(_compare(staged, at_head), warning=_warning(staged))


def _why_never(staged: Staged) -> Reason | None:
    """Why this path enters no project, whatever it holds."""
    problem = problem_of(staged.path)
    if problem is not None:
        return problem
    if staged.trouble == "unreadable" and staged.kind == EntryKind.DIRECTORY:
        return reasons.UNREADABLE_FOLDER
    if staged.trouble:
        return _TROUBLES[staged.trouble]
    if staged.kind == EntryKind.SYMLINK:
        return reasons.SYMLINK
    return reasons.NOT_A_FILE if staged.kind == EntryKind.OTHER else None


def _why_not_here(staged: Staged, at_head: AtHead) -> Reason | None:
    """Why this path does not fit what the project has."""
    if at_head.blocked_by:
        return reasons.folder_in_place_of_file(at_head.blocked_by)
    if staged.kind == EntryKind.DIRECTORY and at_head.is_file:
        return reasons.folder_in_place_of_file(staged.path.decode())
    if staged.kind == EntryKind.FILE and at_head.is_folder:
        return reasons.file_in_place_of_folder()
    return None


def _compare(staged: Staged, at_head: AtHead) -> Verdict:
    if staged.kind == EntryKind.DIRECTORY:
        return Verdict.IDENTICAL if at_head.is_folder else Verdict.NEW
    if not at_head.is_file:
        return Verdict.NEW
    if staged.digest and staged.digest == at_head.digest:
        return Verdict.IDENTICAL
    return Verdict.NEW_VERSION


def _warning(staged: Staged) -> str:
    if staged.is_doubtful and staged.kind == EntryKind.FILE:
        return reasons.INCLUDED_ALTHOUGH_DOUBTFUL
    return reasons.LOOKS_ALIKE if staged.looks_alike else ""
