"""Filter and order of listings, in Globus's small languages: `name:~*.txt/type:file`, `size DESC,name`."""

from __future__ import annotations

import fnmatch
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from globus_local.errors import TransferError
from globus_local.transfer.instants import parse_instant

if TYPE_CHECKING:
    from globus_local.transfer.files import Entry

_FIELDS: Final[dict[str, Callable[[Entry], Any]]] = {
    "name": lambda entry: entry.name,
    "type": lambda entry: entry.kind,
    "size": lambda entry: entry.size_bytes,
    "last_modified": lambda entry: entry.modified_at,
    "user": lambda entry: entry.user,
    "group": lambda entry: entry.group,
    "permissions": lambda entry: entry.permissions,
}


def matches(entry: Entry, filters: Iterable[str]) -> bool:
    """Whether an entry passes any of the filters (none: it does). Parts of one, split by "/", all count.

    Raises TransferError ClientError.BadRequest for a filter that cannot be read.
    """
    wanted = [each for each in filters if each]
    return not wanted or any(all(_matches_part(entry, part) for part in each.split("/") if part) for each in wanted)


def ordered(entries: list[Entry], orderby: str) -> list[Entry]:
    """The entries sorted by "field [ASC|DESC]", several split by commas."""
    for term in reversed([each.strip() for each in orderby.split(",") if each.strip()]):
        field, _, direction = term.partition(" ")
        if field not in _FIELDS or direction.upper() not in ("", "ASC", "DESC"):
            raise _bad(f"orderby cannot be {term!r}. Known fields: {', '.join(_FIELDS)}.")
        entries = sorted(entries, key=_FIELDS[field], reverse=direction.upper() == "DESC")
    return entries


def matches_text(value: str, pattern: str) -> bool:
    """One alternative of a text filter: "~glob", "=exact", "!not", "!~not glob" or the text itself."""
    if pattern.startswith("!"):
        return not matches_text(value, pattern[1:])
    if pattern.startswith("~"):
        return fnmatch.fnmatchcase(value, pattern[1:])
    return value == pattern.removeprefix("=")


def matches_any_text(value: str, patterns: str) -> bool:
    """Alternatives split by commas; those with "!" must all hold, of the others one."""
    every = patterns.split(",")
    refused = [each for each in every if each.startswith("!")]
    wanted = [each for each in every if not each.startswith("!")]
    return all(matches_text(value, each) for each in refused) and (
        not wanted or any(matches_text(value, each) for each in wanted)
    )


def _matches_part(entry: Entry, part: str) -> bool:
    field, colon, value = part.partition(":")
    if not colon or field not in _FIELDS:
        raise _bad(f"filter cannot be {part!r}. Write field:value, with one of {', '.join(_FIELDS)}.")
    if field == "size":
        return _matches_size(entry.size_bytes, value)
    if field == "last_modified":
        return _matches_time(entry.modified_at, value)
    return matches_any_text(str(_FIELDS[field](entry)), value)


def _matches_size(size_bytes: int, value: str) -> bool:
    number = value.lstrip("<>=!")
    if not number.isdigit():
        raise _bad(f"filter: {value!r} is no size. Write size:>1000, in bytes.")
    wanted = int(number)
    comparisons: dict[str, bool] = {
        "": size_bytes == wanted,
        "=": size_bytes == wanted,
        "!": size_bytes != wanted,
        ">": size_bytes > wanted,
        ">=": size_bytes >= wanted,
        "<": size_bytes < wanted,
        "<=": size_bytes <= wanted,
    }
    return comparisons.get(value[: len(value) - len(number)], False)


def _matches_time(modified_at: datetime, value: str) -> bool:
    begin, _, end = value.partition(",")
    seconds = modified_at.timestamp()
    return (not begin or seconds >= parse_instant(begin, "filter")) and (
        not end or seconds <= parse_instant(end, "filter")
    )


def _bad(message: str) -> TransferError:
    return TransferError("ClientError.BadRequest", message, 400)
