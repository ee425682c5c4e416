"""Which errors a call on the file system can fail with, and faults: one of them at one call."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from typing import Final

_ANY: Final = (errno.EIO, errno.ESTALE)
_PATH: Final = (*_ANY, errno.EACCES, errno.ENOENT)
_FULL: Final = (errno.ENOSPC, errno.EDQUOT)
_CHANGE: Final = (*_PATH, errno.EROFS)
ERRORS: Final[dict[str, tuple[int, ...]]] = {
    "open": (*_PATH, errno.EPERM, errno.EMFILE, errno.ENFILE, errno.ENOMEM),
    "create": (*_CHANGE, *_FULL, errno.EMFILE),
    "read": _ANY,
    "write": (*_ANY, *_FULL),
    "scandir": (*_PATH, errno.EMFILE),
    "next": _ANY,
    "listdir": (*_PATH, errno.EMFILE),
    "entry": _PATH,
    "stat": _PATH,
    "fstat": _ANY,
    "link": (*_CHANGE, *_FULL, errno.EMLINK, errno.EPERM, errno.EXDEV),
    "unlink": (*_CHANGE, errno.EPERM),
    "rename": (*_CHANGE, *_FULL, errno.EMLINK),
    "mkdir": (*_CHANGE, *_FULL, errno.EMLINK),
    "rmdir": (*_CHANGE, errno.ENOTEMPTY),
    "chmod": (*_CHANGE, errno.EPERM),
    "fchmod": (*_ANY, errno.EROFS, errno.EPERM),
    "lease": (errno.EAGAIN, errno.EACCES, errno.EINVAL, errno.ENOLCK),
    "fsync": (*_ANY, *_FULL),
    "syncfs": (*_ANY, *_FULL),
    "statvfs": _PATH,
}
_NEEDS_ROOM: Final = frozenset({"create", "write", "link", "mkdir", "rename", "fsync", "syncfs"})
_CHANGES: Final = frozenset({"create", "write", "link", "mkdir", "rename", "unlink", "rmdir", "chmod", "fchmod"})
OF_THE_DISK: Final = {errno.ENOSPC: _NEEDS_ROOM, errno.EDQUOT: _NEEDS_ROOM, errno.EROFS: _CHANGES}


@dataclass(frozen=True)
class Fault:
    """The `nth` call at a site fails. `lasts` is how many calls fail: of this site, or of a disk all that it fails."""

    op: str
    site: str
    nth: int
    number: int
    lasts: int = 1

    def __str__(self) -> str:
        often = "once" if self.lasts == 1 else f"{self.lasts} times" if self.lasts < FOR_GOOD else "for good"
        return f"{errno.errorcode[self.number]} {often} at {self.op} {self.nth} of {self.site}"


FOR_GOOD: Final = 1 << 30
