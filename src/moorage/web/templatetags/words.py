"""Filters that turn numbers, instants and names into what people read."""

import unicodedata
from datetime import datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()

UNITS = ("bytes", "kB", "MB", "GB", "TB", "PB", "EB")
MINUTE, HOUR, DAY = 60, 3600, 86400
# Old enough that the date says more than "so many days ago".
LONG_AGO = 60 * DAY


@register.filter
def size(value: int | None) -> str:
    """`1234567` as `1.2 MB` (decimal units, as Globus shows them); nothing for None."""
    if value is None:
        return ""
    if value == 1:
        return "1 byte"
    amount, unit = float(value), 0
    while round(amount, 1) >= 1000 and unit < len(UNITS) - 1:
        amount, unit = amount / 1000, unit + 1
    return f"{value} bytes" if unit == 0 else f"{amount:.1f} {UNITS[unit]}"


@register.filter
def thousands(value: int | None) -> str:
    """`1234567` as `1,234,567`; nothing for None."""
    return "" if value is None else f"{value:,}"


@register.filter
def count_of(value: int | None, noun: str) -> str:
    """`3|count_of:"file"` as `3 files`; "entry,entries" gives both forms."""
    one, _, many = noun.partition(",")
    number = value or 0
    return f"{number:,} {one if number == 1 else (many or one + 's')}"


@register.filter
def ago(at: datetime | None) -> str:
    """How long ago, or how soon, in one unit: `3 minutes ago`, `in 2 days`; nothing for None."""
    if at is None:
        return ""
    seconds = (timezone.now() - at).total_seconds()
    # What was to come in thirty days a moment ago still does.
    span = _span(abs(seconds)) if seconds > -DAY else _span(round(-seconds / DAY) * DAY)
    if not span:
        return "just now" if seconds >= 0 else "in a moment"
    return f"{span} ago" if seconds >= 0 else f"in {span}"


def _span(seconds: float) -> str:
    for unit_seconds, unit in ((DAY, "day"), (HOUR, "hour"), (MINUTE, "minute")):
        if seconds >= unit_seconds:
            number = int(seconds // unit_seconds)
            return f"{number} {unit}{'' if number == 1 else 's'}"
    return f"{int(seconds)} seconds" if seconds >= 10 else ""


@register.filter
def when(at: datetime | None) -> SafeString | str:
    """An instant as <time>: absolute in UTC, and how long ago while that says something."""
    if at is None:
        return ""
    utc = at.astimezone(timezone.get_fixed_timezone(0))
    absolute = f"{utc:%-d %b %Y, %H:%M} UTC"
    near = abs((timezone.now() - at).total_seconds()) < LONG_AGO
    relative = format_html(' <span class="when-ago">({})</span>', ago(at)) if near else ""
    return format_html('<time datetime="{}">{}{}</time>', f"{utc:%Y-%m-%dT%H:%M:%SZ}", absolute, relative)


@register.filter
def printable(name: object) -> SafeString:
    """A name or path with what cannot be seen made visible, set apart from the direction of the text around it."""
    shown = "".join(_visible(char) for char in str(name))
    return format_html('<bdi class="name">{}</bdi>', shown)


def _visible(char: str) -> str:
    """Control pictures for control characters; `\\u202e` and the like for what would reorder or hide text."""
    code = ord(char)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is not UTF-8 (PEP 383)
        return f"\\x{code - 0xDC00:02x}"
    # Joiners are part of how emoji and several scripts are written.
    if unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"} and char not in "\u200c\u200d":
        return f"\\u{code:04x}"
    return char
