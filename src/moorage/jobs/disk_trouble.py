"""When the disk fails not one file but a whole import, preview or download: what is told, and whether it passes."""

import errno
from typing import Final, NamedTuple

from moorage.importer.ledger import disk_waits


class Told(NamedTuple):
    """What a page says of it. `passes`: it is waited for, however long it takes."""

    code: str
    sentence: str
    passes: bool = False


_NO_ROOM: Final = Told("no_room", disk_waits.NO_ROOM.sentence, passes=True)
STORE_AWAY: Final = Told(*disk_waits.STORE_AWAY, passes=True)
_NOTHING_LEFT: Final = Told(
    "not_opened",
    "The machine had no open files or memory left for it. Nothing is lost. "
    "Try again; if it fails again, tell the operator.",
)
_FAILED: Final = Told(
    "disk_failed",
    "The disk failed while files were looked at or stored. Nothing is lost. "
    "Try again; if it fails again, tell the operator.",
)
_OF_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EROFS})
_OF_NOTHING_LEFT: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN})


def is_of_the_disk(error: OSError) -> bool:
    """Whether the file system has failed. Python calls broken pipes and timeouts errors of the same kind."""
    return error.errno is not None and not isinstance(error, ConnectionError | TimeoutError)


def told_of(error: OSError, *, of: str = "import") -> Told:
    """What is told of an error of the file system. `of` is what it happened to, for the code."""
    told = _FAILED
    if error.errno in _OF_NO_ROOM:
        told = _NO_ROOM
    elif error.errno in _OF_NOTHING_LEFT:
        told = _NOTHING_LEFT
    return told._replace(code=f"{of}.{told.code}")
