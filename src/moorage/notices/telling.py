"""Telling a member something: a notice on her pages, and a mail in the outbox."""

from datetime import datetime

from django.conf import settings

from moorage.accounts.models import Member
from moorage.notices.models import Mail, Notice

SUBJECT_LIMIT = 300


def tell(member: Member, *, kind: str, subject: str, text: str, path: str = "", at: datetime) -> Notice:
    """Add a notice and its mail. Call it inside the transaction of the event: both are kept, or neither.

    `kind` is a stable dotted code (`upload.imported`), `path` the address of the page that it is
    about, without the site's own. The mail leaves with the next `mailing.send_due`. Someone whose
    account has ended gets the notice and no mail.
    """
    subject = one_line(subject)
    mail = None
    if member.is_active:
        mail = Mail.objects.create(
            member=member, to=member.email, subject=subject, text=_with_link(text, path), created_at=at, next_at=at
        )
    return Notice.objects.create(
        member=member, kind=kind, subject=subject, text=text, path=path, created_at=at, mail=mail
    )


def one_line(subject: str) -> str:
    """A subject without line breaks or control characters (a name may hold them; a mail header must not)."""
    flat = "".join(c if c.isprintable() else " " for c in subject)
    return flat if len(flat) <= SUBJECT_LIMIT else flat[: SUBJECT_LIMIT - 1] + "…"


def _with_link(text: str, path: str) -> str:
    return f"{text}\n\n{settings.PUBLIC_URL}{path}\n" if path else f"{text}\n"
