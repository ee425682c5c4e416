"""The outbox: mails that are due are sent, and tried again with growing delays.

A try is claimed by moving the row's next time with one UPDATE that names the old one, so that two
workers do not send the same mail. A worker that dies after sending and before noting it sends it
once more, with the same Message-ID.
"""

import logging
from datetime import datetime, timedelta
from email.headerregistry import Address
from smtplib import SMTPException
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage, get_connection

from moorage.notices.models import Mail

log = logging.getLogger(__name__)

FIRST_DELAY = timedelta(minutes=1)
LONGEST_DELAY = timedelta(hours=6)
# With these delays some four days; whoever has not been reached then will not be.
TRIES = 24
AT_ONCE = 50


def send_due(at: datetime) -> int:
    """Send the mails whose time has come, and return how many were sent. One that fails keeps nobody else's waiting."""
    sent = 0
    for mail in Mail.objects.filter(next_at__lte=at).order_by("next_at")[:AT_ONCE]:
        if _claim(mail, at):
            sent += _send(mail, at)
    return sent


def delay_after(tries: int) -> timedelta:
    """How long to wait after so many tries: a minute, doubled each time, six hours at most."""
    return min(FIRST_DELAY * (1 << min(tries - 1, 10)), LONGEST_DELAY)


def _claim(mail: Mail, at: datetime) -> bool:
    tries = mail.tries + 1
    next_at = at + delay_after(tries) if tries < TRIES else None
    claimed = Mail.objects.filter(pk=mail.pk, next_at=mail.next_at, tries=mail.tries).update(
        tries=tries, next_at=next_at
    )
    mail.tries, mail.next_at = tries, next_at
    return bool(claimed)


def _send(mail: Mail, at: datetime) -> bool:
    try:
        with get_connection(settings.MAIL_BACKEND) as connection:
            connection.send_messages([as_message(mail)])
    except (SMTPException, OSError, ValueError) as failure:
        log.warning("mail %s not sent (try %d): %s", mail.pk, mail.tries, failure)
        Mail.objects.filter(pk=mail.pk).update(trouble=f"{type(failure).__name__}: {failure}"[:300])
        return False
    noted = {"sent_at": at, "next_at": None, "trouble": ""}
    if mail.member_id is None:
        noted["text"] = ""  # nobody's page shows it, and it may hold a link that lets somebody in
    Mail.objects.filter(pk=mail.pk).update(**noted)
    return True


def as_message(mail: Mail) -> EmailMessage:
    """The message as it leaves, with a Message-ID that stays the same whenever it is sent again."""
    host = urlsplit(settings.PUBLIC_URL).hostname or "localhost"
    message = EmailMessage(
        subject=mail.subject, body=mail.text, from_email=settings.DEFAULT_FROM_EMAIL, to=[_address(mail)]
    )
    message.extra_headers["Message-ID"] = f"<{mail.pk}@{host}>"
    # Vacation notices need not answer us.
    message.extra_headers["Auto-Submitted"] = "auto-generated"
    return message


def _address(mail: Mail) -> str:
    name = mail.member.name if mail.member else ""
    plain = "".join(c for c in name if c.isprintable())
    return str(Address(display_name=plain, addr_spec=mail.to)) if plain else mail.to
