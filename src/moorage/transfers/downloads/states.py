"""The states of a download and of the tree that serves it: tables, and the check against them. Pure."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from moorage.errors import ConflictError


class DownloadState(StrEnum):
    REQUESTED = "requested"
    PREPARING = "preparing"
    READY = "ready"
    EXPIRED = "expired"
    FAILED = "failed"
    CANCELLED = "cancelled"


DOWNLOAD_TRANSITIONS: Final[Mapping[DownloadState, frozenset[DownloadState]]] = {
    DownloadState.REQUESTED: frozenset(
        {DownloadState.PREPARING, DownloadState.READY, DownloadState.FAILED, DownloadState.CANCELLED}
    ),
    DownloadState.PREPARING: frozenset({DownloadState.READY, DownloadState.FAILED, DownloadState.CANCELLED}),
    DownloadState.READY: frozenset(
        # PREPARING: its tree was touched on disk, and is built anew; FAILED: what it serves is damaged
        {DownloadState.EXPIRED, DownloadState.PREPARING, DownloadState.FAILED, DownloadState.CANCELLED}
    ),
    DownloadState.EXPIRED: frozenset({DownloadState.REQUESTED, DownloadState.CANCELLED}),
    DownloadState.FAILED: frozenset({DownloadState.REQUESTED, DownloadState.CANCELLED}),
    DownloadState.CANCELLED: frozenset(),
}

# It needs its tree.
LIVE: Final = frozenset({DownloadState.REQUESTED, DownloadState.PREPARING, DownloadState.READY})
UNPREPARED: Final = frozenset({DownloadState.REQUESTED, DownloadState.PREPARING})
# Asking again prepares it anew.
MAY_BE_ASKED_AGAIN: Final = frozenset({DownloadState.EXPIRED, DownloadState.FAILED})

_IS: Final[Mapping[DownloadState, str]] = {
    DownloadState.REQUESTED: "waits to be prepared",
    DownloadState.PREPARING: "is being prepared",
    DownloadState.READY: "is ready",
    DownloadState.EXPIRED: "has expired",
    DownloadState.FAILED: "could not be prepared",
    DownloadState.CANCELLED: "has been deleted",
}


class DownloadTransitionError(ConflictError):
    """The download is in a state in which this cannot be done (any more)."""

    code = "download.state"

    def __init__(self, current: DownloadState, wanted: DownloadState) -> None:
        super().__init__(
            f"This cannot be done now, because the download {_IS[current]}. "
            "Look at Globus Downloads for what can be done with it."
        )
        self.current = current.value
        self.wanted = wanted.value


def check_transition(current: DownloadState, wanted: DownloadState) -> None:
    """Raise DownloadTransitionError unless the table has this move."""
    if wanted not in DOWNLOAD_TRANSITIONS[current]:
        raise DownloadTransitionError(current, wanted)


class TreeState(StrEnum):
    """WANTED is built under a lease; READY serves; LEAVING goes as soon as nobody reads from it."""

    WANTED = "wanted"
    READY = "ready"
    LEAVING = "leaving"
    GONE = "gone"


# A download may still be joined to it.
MAY_BE_JOINED: Final = frozenset({TreeState.WANTED, TreeState.READY})
