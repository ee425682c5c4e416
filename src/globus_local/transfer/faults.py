"""What can go wrong with one item of a task: a fault, which is retried, and not a failure of the task."""

from __future__ import annotations

import errno
from typing import Final

from globus_local.transfer.tree import NotRegularError, SameFileError

# Of the source side, these may be skipped by `skip_source_errors`.
SKIPPABLE: Final = frozenset({"PERMISSION_DENIED", "FILE_NOT_FOUND", "AMBIGUOUS_PATH"})
# Not about one file: the next file would meet the same.
WIDE: Final = frozenset({"PERMISSION_DENIED", "NO_SPACE_LEFT", "QUOTA_EXCEEDED", "ENDPOINT_ERROR"})

_CODES: Final = {
    errno.ENOENT: "FILE_NOT_FOUND",
    errno.EACCES: "PERMISSION_DENIED",
    errno.EPERM: "PERMISSION_DENIED",
    errno.EROFS: "PERMISSION_DENIED",
    errno.ENOTDIR: "NOT_A_DIRECTORY",
    errno.ELOOP: "NOT_A_DIRECTORY",
    errno.EISDIR: "IS_A_DIRECTORY",
    errno.ENOTEMPTY: "IS_A_DIRECTORY",
    errno.ENOSPC: "NO_SPACE_LEFT",
    errno.EDQUOT: "QUOTA_EXCEEDED",
    errno.ENAMETOOLONG: "INVALID_PATH_NAME",
    errno.EINVAL: "INVALID_PATH_NAME",
    errno.EEXIST: "NOT_A_DIRECTORY",
}

# Read by the owner in the list of events; the task itself goes on trying.
_NEXT_STEPS: Final = {
    "FILE_NOT_FOUND": "Put it there and the task goes on, or cancel the task.",
    "PERMISSION_DENIED": "The account that the collection runs as may not do this; ask who manages the collection.",
    "NOT_A_DIRECTORY": "Something else has this name: remove it, or choose another destination.",
    "IS_A_DIRECTORY": "For a file, name the whole path of the new file; for a folder, ask for a recursive transfer.",
    "NO_SPACE_LEFT": "Make room and the task goes on.",
    "QUOTA_EXCEEDED": "Make room and the task goes on.",
    "INVALID_PATH_NAME": "The destination cannot have such a name; cancel the task and choose another.",
}


class FaultError(Exception):
    """One attempt at one item has not worked. `side` is "source" or "destination"."""

    def __init__(self, code: str, details: str, *, side: str, is_fatal: bool = False) -> None:
        super().__init__(details)
        self.code = code
        self.details = details
        self.side = side
        self.is_fatal = is_fatal


class InterruptedTaskError(Exception):
    """The task has to stop here: cancelled, past its deadline, or the service ends."""


def fault_from(error: OSError, place: object, *, side: str) -> FaultError:
    """The fault that an error of the file system is. `place` is how the collection calls the file."""
    if isinstance(error, SameFileError):
        return FaultError("ENDPOINT_ERROR", f"{place} is the source itself.", side=side)
    if isinstance(error, NotRegularError):
        return FaultError("ENDPOINT_ERROR", f"{place} is no regular file (a link, pipe, device or socket).", side=side)
    code = _CODES.get(error.errno or 0, "ENDPOINT_ERROR")
    return FaultError(
        code, f"{place}: {error.strerror or 'unreadable'}. {_NEXT_STEPS.get(code, '')}".strip(), side=side
    )
