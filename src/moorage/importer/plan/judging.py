"""The planner: what becomes of one staged path. Pure; preview and import use this same function.

What stands in the project at that path is given (see `importer.plan.at_head`); nothing is read here.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

from moorage.files.paths import join_path
from moorage.importer.words import reasons
from moorage.importer.words.advice import Reason
from moorage.importer.words.verdicts import EntryKind, Verdict
from moorage.projects.choices import OnConflict


class Staged(NamedTuple):
    """One staged path as scan saw it. `digest` is empty where it is not known (yet).

    `problem` is why its name enters no project (see `words.paths`); `trouble` is of the scan: unreadable, vanished,
    too_long. `differs`: a list of digests says otherwise. `ignored_by` is the rule that leaves it out. `unsolved` is
    why an earlier run that did more than leave it out did not import it.
    """

    path: bytes
    kind: str
    digest: str = ""
    problem: Reason | None = None
    trouble: str = ""
    is_doubtful: bool = False
    differs: bool = False
    looks_alike: bool = False  # another name in its folder differs from it only in case or normal form
    ignored_by: str = ""
    is_selected: bool = True
    unsolved: Reason | None = None
    is_being_written: bool = False  # it is doubtful because of a transfer that still runs


class AtHead(NamedTuple):
    """What the project has at a path. At most one of these holds; none means that nothing is there.

    `blocked_by` is the path of a file that stands where the staged path needs a folder.
    """

    is_folder: bool = False
    is_file: bool = False
    digest: str = ""
    object_id: int = 0
    blocked_by: str = ""


NOTHING: Final = AtHead()


class Judgement(NamedTuple):
    """A verdict, with the reason where the path is not imported, and a warning where it is.

    What is left out keeps the reason that an earlier run had; then the warning says why it is left out now.
    """

    verdict: Verdict
    reason: Reason | None = None
    warning: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """What the member and the project want (see `projects.choices`). `target` is a folder of the project, or empty."""

    target: str = ""
    on_conflict: str = OnConflict.VERSION
    include_doubtful: bool = False
    include_skipped: bool = False


EVERYTHING_NEW: Final = Policy()

_TROUBLES: Final = {
    "unreadable": reasons.UNREADABLE,
    "vanished": reasons.VANISHED,
    "too_long": reasons.PATH_TOO_LONG,
}
_NEW: Final = Judgement(Verdict.NEW)
_NEW_VERSION: Final = Judgement(Verdict.NEW_VERSION)
_IDENTICAL: Final = Judgement(Verdict.IDENTICAL)


def judge(staged: Staged, at_head: AtHead, policy: Policy = EVERYTHING_NEW) -> Judgement:
    """What becomes of a staged path.

    NEW_VERSION is said of a file that stands in the project already as long as its digest is not
    known: it may turn out to be identical. Where the project's file is kept, it is skipped unread.
    """
    rejected = _why_never(staged)
    skipped = None if rejected else _why_skipped(staged, at_head, policy)
    if not (rejected or skipped):
        rejected = _why_not_here(staged, at_head, policy.target)
    if rejected:
        return Judgement(Verdict.REJECTED, rejected)
    if skipped:
        return _left_out(staged, skipped, at_head, policy.target)
    if staged.kind == EntryKind.DIRECTORY:
        return _with_warning(staged, _IDENTICAL if at_head.is_folder else _NEW)
    if (staged.differs or staged.is_doubtful) and not policy.include_doubtful:
        return Judgement(Verdict.DOUBTFUL, _why_doubtful(staged))
    return _with_warning(staged, _compare(staged, at_head))


def _left_out(staged: Staged, skipped: Reason, at_head: AtHead, target: str) -> Judgement:
    """What a rule or a choice leaves out keeps why an earlier run, which did more than that, did not import it."""
    unsolved = staged.unsolved
    if unsolved and unsolved.code in reasons.IN_THE_WAY:
        # That may be gone by now, or she wants the file elsewhere.
        unsolved = _why_not_here(staged, at_head, target)
    if not unsolved:
        return Judgement(Verdict.SKIPPED, skipped)
    is_doubt = unsolved.code in reasons.DOUBT
    return Judgement(Verdict.DOUBTFUL if is_doubt else Verdict.REJECTED, unsolved, warning=skipped.code)


def _why_never(staged: Staged) -> Reason | None:
    """Why this path enters no project, whatever it holds."""
    if staged.problem is not None:
        return staged.problem
    if staged.trouble == "unreadable" and staged.kind == EntryKind.DIRECTORY:
        return reasons.UNREADABLE_FOLDER
    if staged.trouble:
        return _TROUBLES[staged.trouble]
    if staged.kind == EntryKind.SYMLINK:
        return reasons.SYMLINK
    return reasons.NOT_A_FILE if staged.kind == EntryKind.OTHER else None


def _why_skipped(staged: Staged, at_head: AtHead, policy: Policy) -> Reason | None:
    """Why this path is left out, although it could be imported."""
    if not staged.is_selected:
        return reasons.NOT_SELECTED
    if staged.ignored_by and not policy.include_skipped:
        return reasons.ignored(staged.ignored_by)
    is_kept = staged.kind == EntryKind.FILE and at_head.is_file and policy.on_conflict == OnConflict.SKIP
    return reasons.KEPT_AS_IT_IS if is_kept and not _is_identical(staged, at_head) else None


def _why_not_here(staged: Staged, at_head: AtHead, target: str) -> Reason | None:
    """Why this path does not fit what the project has."""
    if at_head.blocked_by and f"{target}/".startswith(f"{at_head.blocked_by}/"):
        return reasons.file_in_place_of_target(at_head.blocked_by)
    if at_head.blocked_by:
        return reasons.folder_in_place_of_file(at_head.blocked_by)
    if staged.kind == EntryKind.DIRECTORY and at_head.is_file:
        return reasons.folder_in_place_of_file(join_path(target, staged.path.decode()))
    if staged.kind == EntryKind.FILE and at_head.is_folder:
        return reasons.file_in_place_of_folder()
    return None


def _why_doubtful(staged: Staged) -> Reason:
    if staged.differs:
        return reasons.DIFFERS
    return reasons.BEING_WRITTEN if staged.is_being_written else reasons.DOUBTFUL


def _compare(staged: Staged, at_head: AtHead) -> Judgement:
    if not at_head.is_file:
        return _NEW
    return _IDENTICAL if _is_identical(staged, at_head) else _NEW_VERSION


def _is_identical(staged: Staged, at_head: AtHead) -> bool:
    return bool(staged.digest) and staged.digest == at_head.digest


def _with_warning(staged: Staged, judgement: Judgement) -> Judgement:
    if staged.kind == EntryKind.FILE and (staged.is_doubtful or staged.differs):
        return judgement._replace(warning=reasons.INCLUDED_ALTHOUGH_DOUBTFUL)
    return judgement._replace(warning=reasons.LOOKS_ALIKE) if staged.looks_alike else judgement
