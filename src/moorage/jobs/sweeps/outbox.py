"""Mails that are due."""

from datetime import datetime, timedelta

from moorage.notices.mailing import send_due


def send_mails(at: datetime) -> timedelta | None:
    """Send what the outbox holds."""
    send_due(at)
    return None
