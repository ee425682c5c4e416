"""Which staged names may enter a project, and which of them look alike. Pure.

Names are bytes on disk and text in a project: only what both sides can hold without doubt is taken.
"""

import unicodedata
from functools import lru_cache
from typing import Final

from moorage.importer.words import reasons
from moorage.importer.words.advice import Reason

MAX_NAME_BYTES: Final = 255
MAX_PATH_BYTES: Final = 4096
_NO_NAMES: Final = frozenset({"", ".", ".."})


@lru_cache(maxsize=64)  # a walk asks for the same folders again and again, and each may have two thousand names
def problem_of(path: bytes) -> Reason | None:
    """Why a path below the staging area may not enter a project; None if it may."""
    if len(path) > MAX_PATH_BYTES:
        return reasons.PATH_TOO_LONG
    found = [problem_of_name(name) for name in path.split(b"/")]
    return next((reason for reason in _GRAVEST_FIRST if reason in found), None)


def text_of(name: bytes) -> str:
    """A name as text; empty where it may not stand in a project."""
    try:
        text = name.decode()
    except UnicodeDecodeError:
        return ""
    # Nearly every name passes here; what is not printable may still be a name.
    if text.isprintable() and len(name) <= MAX_NAME_BYTES and text not in _NO_NAMES:
        return text
    return "" if problem_of_name(name) else text


def problem_of_name(name: bytes) -> Reason | None:
    """Why a name may not stand in a project; None if it may."""
    try:
        text = name.decode()
    except UnicodeDecodeError:
        return reasons.NOT_UTF8
    if text in _NO_NAMES:
        return reasons.NOT_A_NAME
    if len(name) > MAX_NAME_BYTES:
        return reasons.NAME_TOO_LONG
    if not text.isprintable() and any(unicodedata.category(character) == "Cc" for character in text):
        return reasons.CONTROL_CHARACTERS
    return None


def staged_path(path: str, target: str) -> str:
    """A path of the project as the area had it that was imported into `target`; empty where it does not lie in that."""
    if not target:
        return path
    return path[len(target) + 1 :] if path.startswith(f"{target}/") else ""


_GRAVEST_FIRST: Final = (
    reasons.NOT_UTF8,
    reasons.NOT_A_NAME,
    reasons.NAME_TOO_LONG,
    reasons.CONTROL_CHARACTERS,
)


def folded(name: bytes) -> bytes:
    """What names share when they differ only in case or in Unicode normal form; of one that is not UTF-8, itself."""
    if name.isascii():
        return name.lower()
    try:
        text = name.decode()
    except UnicodeDecodeError:
        return name
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold()).encode()


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
