"""An upload's state in words: a label with an icon, and one sentence that says whose turn it is.

"Waiting" is said only of what goes on by itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from moorage.transfers.cancelling import CANCELLED
from moorage.transfers.models import Upload
from moorage.transfers.states import UploadState


class Turn(StrEnum):
    """Who has to act next."""

    MEMBER = "member"
    MOORAGE = "moorage"
    NOBODY = "nobody"


@dataclass(frozen=True)
class StateLabel:
    """A state by word and icon (a name in the icon sprite), never by colour alone."""

    label: str
    icon: str
    tone: str  # neutral, active, good, bad


WARNINGS_TOLD: Final = 3

_LABELS: Final[Mapping[UploadState, StateLabel]] = {
    UploadState.REQUESTED: StateLabel("Opening", "hourglass-split", "active"),
    UploadState.OPEN: StateLabel("Open", "cloud-upload", "neutral"),
    UploadState.SEALING: StateLabel("Closing", "lock", "active"),
    UploadState.SEALED: StateLabel("Waiting for import", "hourglass-split", "active"),
    UploadState.IMPORTING: StateLabel("Importing", "arrow-repeat", "active"),
    UploadState.IMPORTED: StateLabel("Imported", "check-circle", "good"),
    UploadState.FAILED: StateLabel("Not imported", "x-circle", "bad"),
    UploadState.DISCARDING: StateLabel("Deleting", "trash", "active"),
    UploadState.DISCARDED: StateLabel("Deleted", "trash", "neutral"),
}
_IMPORTED_WITH_PROBLEMS: Final = StateLabel("Imported with problems", "exclamation-triangle", "bad")
_IMPORTED_IN_PART: Final = StateLabel("Imported, files missing", "exclamation-triangle", "bad")
_IMPORTED_WITH_BOTH: Final = StateLabel("Imported with problems, files missing", "exclamation-triangle", "bad")
_IMPORTED_WITH_WARNINGS: Final = StateLabel("Imported, with warnings", "exclamation-triangle", "neutral")
_IMPORTED_BUT_LEFT_OUT: Final = StateLabel("Imported, some left out", "check-circle", "good")
_CANCELLED: Final = StateLabel("Import cancelled", "x-circle", "neutral")
_BEING_CANCELLED: Final = StateLabel("Being cancelled", "hourglass-split", "active")
_OPEN_WITH_WISH: Final = StateLabel("Open, import follows", "clock-history", "active")

_STEPS: Final[Mapping[str, str]] = {
    "scan": "listing its files",
    "plan": "comparing them with the project",
    "digest": "reading and checking its files",
    "place": "storing its files",
    "register": "adding its files to the project",
    "publish": "making them visible",
}


def state_label(upload: Upload) -> StateLabel:
    """The upload's state as a word with an icon."""
    state = upload.current_state
    if state is UploadState.IMPORTED:
        return _imported_label(upload)
    if state is UploadState.IMPORTING and upload.cancel_asked_at is not None:
        return _BEING_CANCELLED
    if state is UploadState.FAILED and upload.reason == CANCELLED:
        return _CANCELLED
    if state is UploadState.OPEN and upload.wish_at is not None:
        return _OPEN_WITH_WISH
    return _LABELS[state]


def _imported_label(upload: Upload) -> StateLabel:
    if upload.problems > upload.left_out:
        return _IMPORTED_WITH_BOTH if upload.missing else _IMPORTED_WITH_PROBLEMS
    if upload.missing:
        return _IMPORTED_IN_PART
    if upload.warnings:
        return _IMPORTED_WITH_WARNINGS
    return _IMPORTED_BUT_LEFT_OUT if upload.left_out else _LABELS[UploadState.IMPORTED]


def whose_turn(upload: Upload) -> Turn:
    """Who has to act next for this upload to come to its end."""
    state = upload.current_state
    if state is UploadState.FAILED or (state is UploadState.OPEN and upload.wish_at is None):
        return Turn.MEMBER
    if state is UploadState.DISCARDED or (state is UploadState.IMPORTED and upload.problems <= upload.left_out):
        return Turn.NOBODY
    if state is UploadState.IMPORTED:
        return Turn.MEMBER if upload.remnants_gone_at is None else Turn.NOBODY
    return Turn.MOORAGE


def state_text(upload: Upload) -> str:
    """One sentence or two: what is going on, and who has to do what next."""
    return _SENTENCES[upload.current_state](upload)


def _requested(upload: Upload) -> str:
    return upload.reason_text or "Being opened: its folder and access to it are being made. This goes on by itself."


def _open(upload: Upload) -> str:
    if upload.wish_at is not None and not upload.reason_text:
        return (
            "Open. It is imported by itself when its transfers have finished and nothing changes any more; "
            "until then more files may come."
        )
    if upload.reason_text:
        return f"Open. {upload.reason_text}"
    return "Open. Transfer your files into it, and press DONE when all of them have arrived."


def _sealing(upload: Upload) -> str:
    waits = upload.reason_text or "Write access is being taken away."
    return f"Being closed. {waits} The import follows by itself."


def _sealed(upload: Upload) -> str:
    if upload.reason_text:
        return f"{upload.reason_text} The import goes on by itself."
    return "Closed, and waiting for a worker to import it. This goes on by itself."


def _importing(upload: Upload) -> str:
    if upload.cancel_asked_at is not None:
        return "Being cancelled. The project stays as it is; this goes on by itself."
    if upload.reason_text:
        return f"Being imported, with a pause: {upload.reason_text} This goes on by itself."
    doing = _STEPS.get(upload.step)
    return f"Being imported: {doing}. This page may be closed." if doing else "Being imported. This page may be closed."


def _imported(upload: Upload) -> str:
    told = warning_words(upload.warnings)
    if not upload.problems:
        if upload.missing:
            # The page shows the state by itself, so that what follows is a sentence of its own.
            what = missing_words(upload.missing)
            it = "it" if upload.missing == 1 else "them"
            return f"Imported. {what}: see which below, and send {it} in another upload.{told}"
        if told:
            return f"Imported. All of its files are in the project.{told}"
        return "Imported. All of its files are accounted for in the project."
    besides = (f" Besides, {missing_words(upload.missing)}." if upload.missing else "") + told
    are_left_out = upload.problems == upload.left_out
    imported = "Imported." if are_left_out else "Imported with problems:"
    left = not_imported_words(upload.problems, upload.problem_folders, upload.left_out)
    if upload.remnants_gone_at is not None:
        return f"{imported} {left} and have been moved to the trash.{besides}"
    next_step = "See which below." if are_left_out else "See why below, and retry or send them in another upload."
    cancelled = f" The last retry brought nothing. {upload.reason_text}" if upload.reason_text else ""
    return f"{imported} {left}. {next_step}{cancelled}{besides}"


def not_imported_words(problems: int, folders: int, left_out: int) -> str:
    """`2 files and 1 folder were not imported`, or `were left out …` where that is so of all of them."""
    counted = [(problems - folders, "file"), (folders, "folder")]
    words = " and ".join(f"{number:,} {noun}{'' if number == 1 else 's'}" for number, noun in counted if number)
    why = "left out, by a rule or by what was chosen" if problems == left_out else "not imported"
    return f"{words} {'was' if problems == 1 else 'were'} {why}"


def warning_words(warnings: Sequence[str]) -> str:
    """The first of a run's warnings, each after a space; the page has all of them."""
    return "".join(f" {one}" for one in warnings[:WARNINGS_TOLD])


def missing_words(missing: int) -> str:
    """Of files that a list of digests names, or Globus's of what it delivered, and that an import did not see."""
    if missing == 1:
        return "1 file that a list or Globus names was not there"
    return f"{missing:,} files that lists or Globus name were not there"


def state_note(upload: Upload) -> str:
    """What an import did not bring, in few words, for a list of uploads; empty where there is nothing to say."""
    if upload.current_state is not UploadState.IMPORTED:
        return ""
    left = not_imported_words(upload.problems, upload.problem_folders, upload.left_out)
    return f"{f'{left}.' if upload.problems else ''}{warning_words(upload.warnings)}".strip()


def _failed(upload: Upload) -> str:
    if upload.reason == CANCELLED:
        return f"Import cancelled. {upload.reason_text} The project is as it was. Retry the import, or press DELETE."
    besides = f" Besides, {missing_words(upload.missing)}." if upload.missing else ""
    besides += warning_words(upload.warnings)
    if upload.reason_text:
        # It says itself that nothing was imported, and what can be done about it.
        return f"Not imported. {upload.reason_text} Press DELETE to give the upload up.{besides}"
    return f"Not imported. Nothing of it is in the project. Retry the import, or press DELETE.{besides}"


def _discarding(_: Upload) -> str:
    return "Being deleted: access is taken away and its files go to the trash. This goes on by itself."


def _discarded(upload: Upload) -> str:
    kept = f" The trash keeps its files until {upload.trash_until:%-d %B %Y}." if upload.trash_until else ""
    return f"{upload.reason_text or 'Deleted.'}{kept}"


_SENTENCES: Final = {
    UploadState.REQUESTED: _requested,
    UploadState.OPEN: _open,
    UploadState.SEALING: _sealing,
    UploadState.SEALED: _sealed,
    UploadState.IMPORTING: _importing,
    UploadState.IMPORTED: _imported,
    UploadState.FAILED: _failed,
    UploadState.DISCARDING: _discarding,
    UploadState.DISCARDED: _discarded,
}
