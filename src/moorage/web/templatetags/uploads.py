"""Filters of the upload pages: links of Globus tasks, verdicts and spans of time in words."""

from datetime import timedelta
from uuid import UUID

from django import template

from moorage.backends import backends
from moorage.globus.service import TaskId
from moorage.importer.models import Verdict
from moorage.importer.shown.entries import EntryItem
from moorage.importer.shown.receipts import Receipt
from moorage.importer.words.advice import advised
from moorage.importer.words.verdicts import EntryKind
from moorage.transfers.models import Upload
from moorage.transfers.states import TAKES_FILES, UploadState
from moorage.transfers.wording import not_imported_words
from moorage.web.chosen import choices_in_words

register = template.Library()


@register.filter
def globus_task_url(task_id: UUID) -> str:
    """The page of a Globus task in the Globus web app."""
    return backends().links.task(TaskId(str(task_id)))


@register.filter
def verdict_label(verdict: str) -> str:
    """A verdict with a capital letter; what has none yet is not compared yet."""
    return Verdict(verdict).label.capitalize() if verdict in Verdict.values else "Not compared yet"


@register.filter
def became(entry: EntryItem, upload: Upload) -> str:
    """What became of a staged path, or is to become of it before an import; with what can be done about it now."""
    is_open = upload.current_state in TAKES_FILES
    if entry.reason_text:
        is_gone = upload.remnants_gone_at is not None
        return advised(entry.reason, entry.reason_text, is_open=is_open, is_gone=is_gone)
    if entry.revision:
        return f"in the project since revision {entry.revision}"
    # A folder needs no storing, and a preview stores nothing: their states say nothing of an import.
    is_at_work = upload.current_state is UploadState.IMPORTING and entry.kind == EntryKind.FILE
    return entry.state if is_at_work else "not imported yet"


@register.filter
def not_imported(receipt: Receipt) -> str:
    """What the run did not import: `2 files and 1 folder were not imported`."""
    return not_imported_words(receipt.problems, receipt.folders, receipt.left_out)


@register.filter
def chosen(receipt: Receipt) -> list[str]:
    """What was chosen for the run; nothing where all was as the project had it."""
    return choices_in_words(receipt.choices)


@register.filter
def span(value: timedelta) -> str:
    """How long something takes or took: `less than a second`, `12 seconds`, `3 min 20 s`, `2 h 5 min`."""
    seconds = int(value.total_seconds())
    if seconds < 1:
        return "less than a second"
    if seconds < 60:
        return f"{seconds} second{'' if seconds == 1 else 's'}"
    if seconds < 3600:
        return f"{seconds // 60} min {seconds % 60} s"
    return f"{seconds // 3600} h {seconds % 3600 // 60} min"
