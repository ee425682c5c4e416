"""Which warning of an end is due, for uploads and downloads alike. Pure."""

from collections.abc import Iterable
from datetime import timedelta


def nearest_warning(left: timedelta, warned_days: Iterable[int], *, sent: int | None) -> int | None:
    """The days of the nearest warning that is due and was not sent; `sent` is the smallest one that was."""
    due = [days for days in warned_days if left <= timedelta(days=days)]
    if not due or left <= timedelta(0):
        return None
    nearest = min(due)
    return nearest if sent is None or nearest < sent else None
