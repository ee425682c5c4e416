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
    UploadState.SEALED: frozenset({UploadState.IMPORTING, UploadState.DISCARDING}),
    UploadState.IMPORTING: frozenset({UploadState.IMPORTED, UploadState.FAILED}),
    UploadState.IMPORTED: frozenset({UploadState.SEALED}),  # retry of what failed
    UploadState.FAILED: frozenset({UploadState.SEALED, UploadState.DISCARDING}),
    UploadState.DISCARDING: frozenset({UploadState.DISCARDED}),
    UploadState.DISCARDED: frozenset(),
}

OUTSTANDING: Final = frozenset(
    {UploadState.REQUESTED, UploadState.OPEN, UploadState.SEALING, UploadState.SEALED, UploadState.IMPORTING, UploadState.FAILED}
)
MAY_HAVE_ACCESS: Final = frozenset({UploadState.REQUESTED, UploadState.OPEN, UploadState.SEALING})


class UploadTransitionError(ConflictError):
    """The upload is in a state in which this cannot be done (any more)."""

    code = "upload.state"

    def __init__(self, current: UploadState, wanted: UploadState) -> None:
        super().__init__(f"This upload is {current.value} and cannot become {wanted.value}. Look at Upload Status for what can be done now.")
        self.current = current.value
        self.wanted = wanted.value


def check_transition(current: UploadState, wanted: UploadState) -> None:
    """Raise UploadTransitionError unless the table has this move."""
    if wanted not in UPLOAD_TRANSITIONS[current]:
        raise UploadTransitionError(current, wanted)
