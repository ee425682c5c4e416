"""The states of an upload: a table, and the check against it. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from moorage.errors import ConflictError


class UploadState(StrEnum):
    REQUESTED = "requested"
    OPEN = "open"
    SEALING = "sealing"
    SEALED = "sealed"
    IMPORTING = "importing"
    IMPORTED = "imported"
    FAILED = "failed"
    DISCARDING = "discarding"
    DISCARDED = "discarded"


UPLOAD_TRANSITIONS: Final[Mapping[UploadState, frozenset[UploadState]]] = {
    UploadState.REQUESTED: frozenset({UploadState.OPEN, UploadState.DISCARDING}),
    UploadState.OPEN: frozenset({UploadState.SEALING, UploadState.DISCARDING}),
    UploadState.SEALING: frozenset({UploadState.SEALED, UploadState.OPEN, UploadState.DISCARDING}),
    UploadState.SEALED: frozenset(
        # FAILED and IMPORTED: cancelled before it began, the latter where an earlier run has published
        {UploadState.IMPORTING, UploadState.DISCARDING, UploadState.FAILED, UploadState.IMPORTED}
    ),
    UploadState.IMPORTING: frozenset({UploadState.IMPORTED, UploadState.FAILED}),
    UploadState.IMPORTED: frozenset({UploadState.SEALED}),  # retry of what failed
    UploadState.FAILED: frozenset({UploadState.SEALED, UploadState.DISCARDING}),
    UploadState.DISCARDING: frozenset({UploadState.DISCARDED}),
    UploadState.DISCARDED: frozenset(),
}

# Not at an end: somebody or something still has to act.
OUTSTANDING: Final = frozenset(UploadState) - {UploadState.IMPORTED, UploadState.DISCARDED}
# Its staging area is, or may be, in the collection with a rule on it.
MAY_HAVE_ACCESS: Final = frozenset({UploadState.REQUESTED, UploadState.OPEN, UploadState.SEALING})
# A task that is seen for the first time may be one of these uploads'.
MAY_BE_WRITTEN_TO: Final = MAY_HAVE_ACCESS | {UploadState.DISCARDING}
# Members may have, or be given, a rule on the area.
TAKES_FILES: Final = frozenset({UploadState.REQUESTED, UploadState.OPEN})
# DONE has been pressed, and pressing it again changes nothing.
DONE_ALREADY: Final = frozenset({UploadState.SEALING, UploadState.SEALED, UploadState.IMPORTING, UploadState.IMPORTED})
DISCARDED_ALREADY: Final = frozenset({UploadState.DISCARDING, UploadState.DISCARDED})

_IS: Final[Mapping[UploadState, str]] = {
    UploadState.REQUESTED: "is still being opened",
    UploadState.OPEN: "is open",
    UploadState.SEALING: "is being closed for its import",
    UploadState.SEALED: "waits for its import",
    UploadState.IMPORTING: "is being imported",
    UploadState.IMPORTED: "has been imported",
    UploadState.FAILED: "could not be imported",
    UploadState.DISCARDING: "is being deleted",
    UploadState.DISCARDED: "has been deleted",
}


class UploadTransitionError(ConflictError):
    """The upload is in a state in which this cannot be done (any more)."""

    code = "upload.state"

    def __init__(self, current: UploadState, wanted: UploadState) -> None:
        super().__init__(
            f"This cannot be done now, because the upload {_IS[current]}. "
            "Look at Upload Status for what can be done with it."
        )
        self.current = current.value
        self.wanted = wanted.value


def check_transition(current: UploadState, wanted: UploadState) -> None:
    """Raise UploadTransitionError unless the table has this move."""
    if wanted not in UPLOAD_TRANSITIONS[current]:
        raise UploadTransitionError(current, wanted)
