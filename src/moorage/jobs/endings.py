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
from moorage.transfers.wording import missing_words, not_imported_words, warning_words

_SAY_NO_MORE: Final = frozenset({"import.nothing_good", "import.empty"})  # than that nothing could be imported


def end_import(upload: Upload, lease: Lease, outcome: Outcome, at: datetime, *, path: str) -> None:
    """Move an upload to the end of its import and give the lease back. Call it in the transaction of the end.

    `path` is the address of the upload's page (see `jobs.addresses`; looking it up may take longer than a
    transaction should). An upload that has published before ends IMPORTED whatever this run did (design §3).

    Raises:
        LeaseLostError: another worker has it.
    """
    state = UploadState.IMPORTED if outcome.revision is not None or upload.has_published else UploadState.FAILED
    changes = _changes(upload, state, outcome, at)
    lease.update(state=state.value, state_changed_at=at, step="", held_by="", **changes)
    record(
        f"upload.{state.value}",
        upload,
        actor=None,
        at=at,
        project_id=upload.project_id,
        revision=outcome.revision,
        problems=changes["problems"],
        reason=outcome.code,
    )
    kind, subject, text = _wording(upload, state, outcome)
    tell(upload.owner, kind=kind, subject=subject, text=text, path=path, at=at)


def _changes(upload: Upload, state: UploadState, outcome: Outcome, at: datetime) -> dict[str, Any]:
    """What the upload says of itself from then on, by column."""
    is_failed = state is UploadState.FAILED
    problems, folders, left_out = _not_imported(upload, outcome)
    changes: dict[str, Any] = {
        "reason": outcome.code if is_failed else "",
        # A published upload needs no reason for its state; that its retry was cancelled is told.
        "reason_text": outcome.sentence if is_failed or outcome.code == CANCELLED else "",
        "problems": problems,
        "problem_folders": folders,
        "left_out": left_out,
    }
    if outcome.missing is not None:
        changes |= {"missing": outcome.missing, "warnings": list(outcome.warnings)}
    if outcome.revision is not None:
        changes |= {"imported_at": at, "published_revision": outcome.revision, "is_cleared": False}
    return changes


def _not_imported(upload: Upload, outcome: Outcome) -> tuple[int, int, int]:
    """How many paths are not, how many of them are folders, and how many are left out by a rule or a choice alone.

    A run that ended before it had counted changes nothing of it. One that counted and published nothing has brought
    none of what was not imported before; what of that it would have brought, nobody has left out.
    """
    if outcome.problems is None:
        return upload.problems, upload.problem_folders, upload.left_out
    if outcome.revision is None and upload.has_published and upload.problems > outcome.problems:
        return upload.problems, upload.problem_folders, outcome.left_out
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
    problems, folders, left_out = _not_imported(upload, outcome)
    left = f" {not_imported_words(problems, folders, left_out)}"
    text = f"Your upload “{name}” has been imported into {upload.project.name}. {_what_was_done(outcome)}"
    if problems > left_out:
        also, besides = (", files missing", f" Besides, {missing}.") if missing else ("", "")
        text += f"{left}: see why on its page, and retry.{besides}{warnings}"
        return "upload.imported_with_problems", f"Imported with problems{also}: {name}", text
    chosen = f"{left}: see which on its page." if problems else ""
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
