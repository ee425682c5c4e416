"""The ignore rules that an upload brings: read from the file at its top. What they mean is in `matching`."""

import errno
import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from moorage.errors import ConflictError
from moorage.storage.folders import FOLDER_FLAGS

IGNORE_FILE: Final = ".moorageignore"
MOST_FILE_BYTES: Final = 64 * 1024


class RulesUnreadError(ConflictError):
    """The upload brought rules that are not known."""

    code = "import.rules_unread"

    def __init__(self, why: str) -> None:
        super().__init__(
            f"{why} Nothing was imported. Retry with what rules leave out included, and everything is imported; or "
            "send the files again in another upload, with the rules in a readable file of at most 64 KiB."
        )


@dataclass(frozen=True)
class UploadRules:
    """The upload's own file: its text, and why it does not count where it does not.

    `is_unread`: it may hold rules all the same, so that nobody knows what it leaves out.
    """

    text: str = ""
    warning: str = ""
    is_unread: bool = False


def read_upload_rules(area: Path) -> UploadRules:
    """The `.moorageignore` at the top of an area: no link is followed, nothing but a file of at most 64 KiB is read.

    Raises:
        OSError: the disk has failed. It may be read another time.
    """
    try:
        content = _content_at_top(area)
    except FileNotFoundError:
        return UploadRules()
    except OSError as error:
        if error.errno == errno.ELOOP:
            return _unread("is a link, which is not followed")
        if error.errno in {errno.EACCES, errno.EPERM}:
            return _unread("may not be read")
        if error.errno not in {errno.ENXIO, errno.ENODEV}:
            raise
        content = None
    if content is None:
        return UploadRules(warning=f"{IGNORE_FILE} is not a file, so it has no rules.")
    if len(content) > MOST_FILE_BYTES:
        return _unread("is longer than 64 KiB")
    return UploadRules(content.removeprefix(b"\xef\xbb\xbf").decode(errors="surrogateescape"))


def _unread(why: str) -> UploadRules:
    return UploadRules(warning=f"{IGNORE_FILE} {why}, so what it leaves out is not known.", is_unread=True)


def _content_at_top(area: Path) -> bytes | None:
    """What the file begins with; None where something else has its name."""
    folder = os.open(area, FOLDER_FLAGS)
    try:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(IGNORE_FILE, flags, dir_fd=folder)
    finally:
        os.close(folder)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return None
        with os.fdopen(os.dup(descriptor), "rb") as file:
            return file.read(MOST_FILE_BYTES + 1)
    finally:
        os.close(descriptor)
