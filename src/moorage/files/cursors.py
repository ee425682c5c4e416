"""Cursors of paged lists: where the last page ended, as text that a client gives back unread. Pure.

Paging is by key, not by offset: a page costs the same wherever it is, and rows that come meanwhile neither
shift nor repeat others.
"""

import base64
import binascii
import json
from typing import Final

from moorage.errors import InvalidInputError

MAX_LIMIT: Final = 1000
DEFAULT_LIMIT: Final = 100


class CursorError(InvalidInputError):
    """A cursor that we did not give out, or not for this list."""

    code = "cursor.invalid"

    def __init__(self) -> None:
        super().__init__("This place in the list is not known. Begin again with its first page.", field="cursor")


def encode_cursor(*parts: str | int) -> str:
    """Write the place after the last row of a page."""
    text = json.dumps(parts, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def decode_cursor(cursor: str, *kinds: type[str] | type[int]) -> list[str | int]:
    """Read a cursor with parts of these kinds.

    Raises:
        CursorError: it is none, or one of another list.
    """
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        parts = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (UnicodeError, binascii.Error, ValueError, RecursionError) as error:
        raise CursorError from error
    if not isinstance(parts, list) or len(parts) != len(kinds):
        raise CursorError
    for part, kind in zip(parts, kinds, strict=True):
        if type(part) is not kind or not _fits_a_database(part):
            raise CursorError
    return parts


def _fits_a_database(part: str | int) -> bool:
    if isinstance(part, int):
        return abs(part) < 2**63
    return "\0" not in part and not any("\ud800" <= character <= "\udfff" for character in part)


def page_size(limit: int | None) -> int:
    """How many rows a page has when `limit` was asked for."""
    return max(1, min(DEFAULT_LIMIT if limit is None else limit, MAX_LIMIT))
