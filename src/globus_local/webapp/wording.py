"""How pages say sizes, rates, times and the state of a task. Text only; templates decide how it looks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from globus_local.transfer.tasks import Task

_UNITS: Final = ("KB", "MB", "GB", "TB", "PB")

# What a person can do about a fault, by its code. Others are shown as Globus says them.
_ADVICE: Final = {
    "PERMISSION_DENIED": "You may not read or write there now. Ask whoever shared the collection, or cancel.",
    "ACL_CHANGED": "Your access to one of the collections has changed. Ask whoever shared it, or cancel.",
    "FILE_NOT_FOUND": "A file or folder is not there any more. Put it back, or cancel.",
    "NOT_A_DIRECTORY": "There is a file where a folder is needed. Move it away, or cancel.",
    "IS_A_DIRECTORY": "There is a folder where a file is needed. Move it away, or cancel.",
    "INVALID_PATH_NAME": "The destination cannot hold such a name. Rename the source, or cancel.",
    "NO_SPACE_LEFT": "The disk of the destination is full. Make room there; the task then goes on by itself.",
    "QUOTA_EXCEEDED": "The destination's quota is used up. Make room there; the task then goes on by itself.",
    "VERIFY_CHECKSUM": "A copy did not equal its source and is sent again. Was the source being written to?",
    "FILE_SIZE_CHANGED": "A file was being written while it was read. It is sent again.",
}


@dataclass(frozen=True)
class State:
    """A task's state for people: a word, an icon of the sprite, a tone, and one sentence more (or "")."""

    word: str
    icon: str
    tone: str  # "good", "bad", "warn", "busy", "calm"
    more: str = ""


def size(size_bytes: int) -> str:
    """'731 bytes', '12.3 KB', '4.0 GB' (powers of 1000, as disks are sold)."""
    if size_bytes < 1000:
        return "1 byte" if size_bytes == 1 else f"{size_bytes} bytes"
    value, unit = size_bytes / 1000, _UNITS[0]
    for larger in _UNITS[1:]:
        if value < 999.95:
            break
        value, unit = value / 1000, larger
    return f"{value:.1f} {unit}"


def count(number: int, one: str, many: str) -> str:
    """'1 file', '1,204 files'."""
    return f"{number:,} {one if number == 1 else many}"


def moment(at: datetime) -> str:
    """'2026-11-24 05:10 UTC'; a script on the page turns it into the reader's own time."""
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def duration(seconds: float) -> str:
    """'4 s', '3 min 20 s', '2 h 5 min', '3 d 4 h'."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def state(task: Task) -> State:
    """A task's state in words. Only `status` says that a task is over."""
    if task.status == "SUCCEEDED":
        if task.subtasks_skipped_errors:
            skipped = count(task.subtasks_skipped_errors, "item", "items")
            return State("Succeeded", "check-circle", "good", f"{skipped} could not be read and were skipped.")
        return State("Succeeded", "check-circle", "good")
    if task.status == "FAILED":
        return _ended(task)
    if task.status == "INACTIVE":
        return State("Suspended", "pause-circle", "warn", "It goes on when its owner signs in again.")
    return _running(task)


def _advice(code: str) -> str:
    """What to do about a fault of this code, or "" where there is nothing better than what it says."""
    return _ADVICE.get(code, "")


def _ended(task: Task) -> State:
    if task.canceled_by_admin:
        reason = task.canceled_by_admin_message or "No reason was given."
        return State("Cancelled", "x-circle", "bad", f"By an administrator of the collection: {reason}")
    if task.fatal_error_code == "CANCELED":
        return State("Cancelled", "x-circle", "calm", "What had arrived by then is still there.")
    if task.fatal_error_code == "EXPIRED":
        return State("Expired", "x-circle", "bad", "It was not done by its deadline. Start it again to finish it.")
    return State("Failed", "x-circle", "bad", task.fatal_error_description or "")


def _running(task: Task) -> State:
    code = (task.nice_status or "OK").upper()
    if code == "QUEUED":
        return State("Queued", "clock", "calm", "It starts when one of your other tasks has ended.")
    if code.startswith("PAUSED"):
        return State("Paused", "pause-circle", "warn", task.nice_status_details or "")
    if code != "OK":
        more = _advice(code) or task.nice_status_details or ""
        return State("Retrying", "exclamation-triangle", "warn", more)
    return State("Running", "arrow-repeat", "busy")
