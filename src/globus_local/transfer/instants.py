"""Instants as Globus writes them: seconds since the epoch in here, ISO 8601 in UTC on the wire."""

from __future__ import annotations

from datetime import UTC, datetime

from globus_local.errors import TransferError


def instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def iso(seconds: float | None) -> str | None:
    """ "2026-01-15T01:45:50+00:00", to the second."""
    return None if seconds is None else instant(seconds).isoformat(timespec="seconds")


def parse_instant(text: object, field: str) -> float:
    """Read a time as clients send it, with "T" or a space, with or without an offset (then UTC).

    Raises:
        TransferError: ClientError.BadRequest: it is no time.
    """
    try:
        moment = datetime.fromisoformat(str(text))
    except ValueError:
        raise TransferError(
            "ClientError.BadRequest", f"{field}: {text!r} is not a time. Write 2026-01-31T12:00:00+00:00.", 400
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
