"""Which part of a content an HTTP request asks for, and whether it has it already (RFC 9110 §13 and §14). Pure.

The only validator is the entity tag, the digest in quotes. Times are not: two versions may have the same
modification time, and an older one may come back.
"""

import re
from typing import Final, NamedTuple

_ONE_RANGE: Final = re.compile(r"bytes=[ \t]*(\d{0,19})-(\d{0,19})[ \t]*", re.ASCII | re.IGNORECASE)
_ENTITY_TAG: Final = re.compile(r'(W/)?"([\x21\x23-\x7e\x80-\xff]*)"')


class Span(NamedTuple):
    """A part of a content: its first byte, and how many."""

    start: int
    length: int


class UnsatisfiableRangeError(Exception):
    """No byte of the content lies in the range that was asked for."""


def asked_span(value: str | None, size_bytes: int) -> Span | None:
    """The one range that a `Range` header asks for; None when the whole content is to be sent.

    A header that is not well formed, or asks for several ranges, is ignored, as RFC 9110 §14.2 allows.

    Raises:
        UnsatisfiableRangeError: the range begins behind the end.
    """
    found = _ONE_RANGE.fullmatch(value) if value else None
    if found is None or not (found[1] or found[2]):
        return None
    if not found[1]:
        length = min(int(found[2]), size_bytes)
        if not length:
            raise UnsatisfiableRangeError
        return Span(size_bytes - length, length)
    start, last = int(found[1]), int(found[2]) if found[2] else size_bytes - 1
    if found[2] and last < start:
        return None
    if start >= size_bytes:
        raise UnsatisfiableRangeError
    return Span(start, min(last, size_bytes - 1) - start + 1)


def names_tag(value: str | None, tag: str, *, weakly: bool = False) -> bool:
    """Whether an `If-Match` or `If-None-Match` header names this entity tag (given without quotes).

    `weakly` also accepts a tag marked as weak, as `If-None-Match` does.
    """
    if value is None:
        return False
    if value.strip() == "*":
        return True
    return any(opaque == tag and (weakly or not weak) for weak, opaque in _ENTITY_TAG.findall(value))


def may_resume(if_range: str | None, tag: str) -> bool:
    """Whether the part that a client has (`If-Range`) is of this content. A date never tells that for sure."""
    if if_range is None:
        return True
    found = _ENTITY_TAG.fullmatch(if_range.strip())
    return found is not None and not found[1] and found[2] == tag
