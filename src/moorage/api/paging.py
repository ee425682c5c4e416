"""Lists: `{"items": […], "next": cursor or null}`, paged by key so that every page costs the same."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Model, Q, QuerySet
from ninja import Field, Schema

from moorage.files.cursors import DEFAULT_LIMIT, MAX_LIMIT, CursorError, decode_cursor, encode_cursor

T = TypeVar("T")
Row = TypeVar("Row", bound=Model)


class Page(Schema, Generic[T]):
    """One page of a list."""

    items: list[T]
    next: str | None = None


class PageQuery(Schema):
    """What every list may be asked with."""

    cursor: str | None = None
    limit: int = Field(DEFAULT_LIMIT, ge=1, le=MAX_LIMIT)


def page_of(rows: QuerySet[Row], query: PageQuery, *, by: Sequence[str], show: Callable[[Row], Any]) -> dict[str, Any]:
    """A page of `rows` in the order of the fields `by`: together unique, all falling when the first begins with "-"."""
    falling = by[0].startswith("-")
    fields = [name.lstrip("-") for name in by]
    if query.cursor:
        after = [_value(part) for part in decode_cursor(query.cursor, *[str] * len(fields))]
        try:
            rows = rows.filter(_beyond(fields, after, "lt" if falling else "gt"))
        except (ValidationError, ValueError, TypeError) as error:
            raise CursorError from error
    found = list(rows.order_by(*by)[: query.limit + 1])
    shown = found[: query.limit]
    following = None
    if len(found) > query.limit:
        following = encode_cursor(*[_text(getattr(shown[-1], name)) for name in fields])
    return {"items": [show(row) for row in shown], "next": following}


def _beyond(fields: Sequence[str], after: Sequence[str], comparison: str) -> Q:
    """(a, b) > (x, y) as a > x, or a = x and b > y."""
    condition = Q()
    for depth, name in enumerate(fields):
        same = dict(zip(fields[:depth], after[:depth], strict=True))
        condition |= Q(**same, **{f"{name}__{comparison}": after[depth]})
    return condition


def _value(part: str | int) -> str:
    return str(part)


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return str(value) if isinstance(value, UUID | int | str) else repr(value)
