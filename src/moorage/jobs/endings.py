"""What becomes of an upload when a run of its import ends: its state, its audit record, and what people are told."""

from datetime import datetime
from typing import Any, Final

from moorage.audit.records import record
from moorage.importer.words.reporting import Outcome
from moorage.leases import Lease
from moorage.notices.telling import tell
from moorage.transfers.cancelling import CANCELLED
from moorage.transfers.models import Upload
from moorage.transfers.states import UploadState
from moorage.transfers.wording import by_choice_words, left_out_words, missing_words, warning_words

_SAY_NO_MORE: Final = frozenset({"import.nothing_good", "import.empty"})  # than that nothing could be imported


def end_import(upload: Upload, lease: Lease, outcome: Outcome, at: datetime, *, path: str) -> None:
    """Move an upload to the end of its import and give the lease back. Call it in the transaction of the end.

    `path` is the address of the upload's page (see `jobs.addresses`; looking it up may take longer than a
    transaction should). An upload that has published before ends IMPORTED whatever this run did (design §3).

    Raises:
        LeaseLostError: another worker has it.
    """
    has_published = outcome.revision is not None or upload.has_published
    state = UploadState.IMPORTED if has_published else UploadState.FAILED
    problems, folders, left_out = _problems(upload, outcome)
    changes: dict[str, Any] = {
        "state": state.value,
        "state_changed_at": at,
        "reason": "" if has_published else outcome.code,
        # A published upload needs no reason for its state; that its retry was cancelled is told.
        "reason_text": outcome.sentence if not has_published or outcome.code == CANCELLED else "",
        "problems": problems,
        "problem_folders": folders,
        "left_out": left_out,
        "step": "",
        "held_by": "",
    }
    if outcome.missing is not None:
        changes |= {"missing": outcome.missing, "warnings": list(outcome.warnings)}
    if outcome.revision is not None:
        changes |= {"imported_at": at, "published_revision": outcome.revision, "is_cleared": False}
    lease.update(**changes)
    record(
        f"upload.{state.value}",
        upload,
        actor=None,
        at=at,
        project_id=upload.project_id,
        revision=outcome.revision,
        problems=outcome.problems,
        reason=outcome.code,
    )
    kind, subject, text = _wording(upload, state, outcome)
    tell(upload.owner, kind=kind, subject=subject, text=text, path=path, at=at)


def _problems(upload: Upload, outcome: Outcome) -> tuple[int, int, int]:
    """How many there are, how many of them are folders, and how many a rule or a choice has left out.

    A run that published nothing brought nothing of what was left out before: that can still be retried.
    """
    if outcome.revision is None and upload.has_published and upload.problems > outcome.problems:
        return upload.problems, upload.problem_folders, upload.left_out
    return outcome.problems, outcome.folders, outcome.left_out


def _wording(upload: Upload, state: UploadState, outcome: Outcome) -> tuple[str, str, str]:
    name, project = upload.name, upload.project.name
    missing = missing_words(outcome.missing) if outcome.missing else ""
    besides = (f" Besides, {missing}." if missing else "") + warning_words(outcome.warnings)
    if outcome.code == CANCELLED:
        text = f"The import of the upload “{name}” into {project} has ended. {outcome.sentence} "
        left = "What was imported before stays." if state is UploadState.IMPORTED else "The project is as it was."
        return "upload.cancelled", f"Import cancelled: {name}", f"{text}{left} You can retry it on the upload's page."
    if state is UploadState.FAILED:
        text = f"Your upload “{name}” could not be imported into {project}. {outcome.sentence}{besides}"
        return "upload.failed", f"Could not be imported: {name}", text
    return _of_what_came(upload, outcome)


def _of_what_came(upload: Upload, outcome: Outcome) -> tuple[str, str, str]:
    name, warnings = upload.name, warning_words(outcome.warnings)
    missing = missing_words(outcome.missing) if outcome.missing else ""
    problems, folders, left_out = _problems(upload, outcome)
    text = f"Your upload “{name}” has been imported into {upload.project.name}. {_what_was_done(outcome)}"
    if problems > left_out:
        also, besides = (", files missing", f" Besides, {missing}.") if missing else ("", "")
        text += f" {left_out_words(problems, folders)}: see why on its page, and retry.{besides}{warnings}"
        return "upload.imported_with_problems", f"Imported with problems{also}: {name}", text
    chosen = f" {by_choice_words(problems, folders)}: see which on its page." if problems else ""
    if missing:
        text += f" But {missing}: see which on its page, and send them in another one.{chosen}{warnings}"
        return "upload.imported_with_problems", f"Imported, files missing: {name}", text
    if warnings:
        return "upload.imported_with_problems", f"Imported, with warnings: {name}", f"{text}{chosen}{warnings}"
    if chosen:
        return "upload.imported", f"Imported, some left out: {name}", f"{text}{chosen}"
    return "upload.imported", f"Imported: {name}", f"{text} Nothing needs to be done."


def _what_was_done(outcome: Outcome) -> str:
    if outcome.revision is None:
        why = "" if outcome.code in _SAY_NO_MORE else f" {outcome.sentence}"
        return f"This time nothing more could be imported.{why}"
    files = "1 file is" if outcome.files == 1 else f"{outcome.files:,} files are"
    return f"{files} in the project's revision {outcome.revision}."
