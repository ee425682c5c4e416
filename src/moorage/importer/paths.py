"""Which staged names may enter a project, and which of them look alike. Pure.

Names are bytes on disk and text in a project: only what both sides can hold without doubt is taken.
"""

import unicodedata
from hashlib import blake2b, sha256
from typing import Final

from moorage.importer import reasons
from moorage.importer.reasons import Reason

MAX_NAME_BYTES: Final = 255
MAX_PATH_BYTES: Final = 4096


def problem_of(path: bytes) -> Reason | None:
    """Why a path below the staging area may not enter a project; None if it may."""
    if len(path) > MAX_PATH_BYTES:
        return reasons.PATH_TOO_LONG
    try:
        text = path.decode()
    except UnicodeDecodeError:
        return reasons.NOT_UTF8
    names = path.split(b"/")
    if any(name in {b"", b".", b".."} for name in names):
        return reasons.NOT_A_NAME
    if any(len(name) > MAX_NAME_BYTES for name in names):
        return reasons.NAME_TOO_LONG
    if not text.isprintable() and any(unicodedata.category(character) == "Cc" for character in text):
        return reasons.CONTROL_CHARACTERS
    return None


def digest_of(path: bytes) -> bytes:
    """What an entry is found by: long paths do not fit an index."""
    return sha256(path).digest()


def folded(path: bytes) -> int:
    """A number that paths share when they differ only in case or in Unicode normal form (64 bits, signed).

    Of a path that is not UTF-8 it is that of its bytes.
    """
    try:
        text = path.decode()
    except UnicodeDecodeError:
        same = path
    else:
        same = (
            path.lower()
            if text.isascii()
            else unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold()).encode()
        )
    return int.from_bytes(blake2b(same, digest_size=8).digest(), "big", signed=True)


def printable(path: bytes) -> str:
    r"""A path for people and for JSON: bytes that are not UTF-8 are written as `\xNN`."""
    return path.decode(errors="backslashreplace")


def split(path: bytes) -> tuple[bytes, bytes]:
    """The folder (empty at the top) and the last name."""
    folder, _, name = path.rpartition(b"/")
    return folder, name


def folders_above(path: bytes) -> list[bytes]:
    """Every folder that the path lies in, the nearest last, without the top."""
    above = []
    position = path.find(b"/")
    while position >= 0:
        above.append(path[:position])
        position = path.find(b"/", position + 1)
    return above
