"""The filter language of task lists: `type:TRANSFER/status:ACTIVE,INACTIVE/label:~a*,!~b*`, turned into SQL."""

from __future__ import annotations

import uuid
from typing import Final

from globus_local.errors import TransferError
from globus_local.transfer.instants import parse_instant

_FIELDS: Final = {
    "task_id": "id",
    "type": "kind",
    "status": "status",
    "label": "label",
    "request_time": "requested_at",
    "completion_time": "completed_at",
    "deadline": "deadline",
    "faults": "faults",
}
_INSTANTS: Final = ("request_time", "completion_time", "deadline")


def condition(filters: str) -> tuple[str, list[object]]:
    """The SQL condition of a filter, with its values. Raises TransferError ClientError.BadRequest."""
    parts, values = ["1"], list[object]()
    for part in filters.split("/"):
        field, colon, value = part.partition(":")
        if not part:
            continue
        if not colon or field not in _FIELDS:
            raise _bad(f"filter cannot be {part!r}. Write field:value, with one of {', '.join(_FIELDS)}.")
        if field in _INSTANTS:
            between, bounds = instant_range(_FIELDS[field], value)
        elif field == "label":
            between, bounds = _label(value)
        else:
            between, bounds = _one_of(field, value)
        parts.append(f"({between})")
        values += bounds
    return " AND ".join(parts), values


def order(orderby: str) -> str:
    """An ORDER BY clause: "request_time DESC,label". Raises TransferError ClientError.BadRequest."""
    terms = []
    for term in (each.strip() for each in orderby.split(",") if each.strip()):
        field, _, direction = term.partition(" ")
        if field not in _FIELDS or direction.upper() not in ("", "ASC", "DESC"):
            raise _bad(f"orderby cannot be {term!r}. Known fields: {', '.join(_FIELDS)}.")
        terms.append(f"{_FIELDS[field]} {direction.upper()}".strip())
    return ", ".join([*terms, "number DESC"])


def instant_range(column: str, value: str) -> tuple[str, list[object]]:
    """ "from,to", "from" or ",to" as a condition on a column."""
    begin, _, end = value.partition(",")
    parts, bounds = ["1"], list[object]()
    if begin:
        parts.append(f"{column} >= ?")
        bounds.append(parse_instant(begin, "filter"))
    if end:
        parts.append(f"{column} < ?")
        # Times are shown to the second, so "to" is all of that second.
        bounds.append(parse_instant(end, "filter") + 1)
    return " AND ".join(parts), bounds


def comma_list(value: str | None) -> list[str]:
    return [each for each in (value or "").split(",") if each]


def marks(values: list[str]) -> str:
    return ", ".join("?" * len(values))


def _one_of(field: str, value: str) -> tuple[str, list[object]]:
    wanted = comma_list(value)
    if field == "task_id":
        for each in wanted:
            _check_uuid(each)
        wanted = [each.lower() for each in wanted]
    return f"{_FIELDS[field]} IN ({marks(wanted)})", list(wanted)


def _label(value: str) -> tuple[str, list[object]]:
    wanted, refused, values = list[str](), list[str](), list[object]()
    for each in value.split(","):
        bare = each.removeprefix("!")
        if bare.startswith("~"):
            test, bare = "lower(coalesce(label, '')) GLOB lower(?)", bare[1:].replace("[", "[[]")
        else:
            test, bare = "coalesce(label, '') = ?", bare.removeprefix("=")
        (refused if each.startswith("!") else wanted).append(test)
        values.append(bare)
    # Values follow their tests, so the order of the two groups must be that of the filter.
    if refused and wanted:
        ordered = [bare for each, bare in zip(value.split(","), values, strict=True) if not each.startswith("!")]
        ordered += [bare for each, bare in zip(value.split(","), values, strict=True) if each.startswith("!")]
        values = ordered
    either = f"({' OR '.join(wanted)})" if wanted else "1"
    return " AND ".join([either, *(f"NOT {test}" for test in refused)]), values


def _check_uuid(value: str) -> None:
    try:
        uuid.UUID(value)
    except ValueError:
        raise _bad(f"{value!r} is no task id.") from None


def _bad(message: str) -> TransferError:
    return TransferError("ClientError.BadRequest", message, 400)
