"""Django's way to send a mail, led into the outbox: no page waits for a mail server, and none fails with it."""

from collections.abc import Sequence

from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.utils import timezone

from moorage.notices.models import Mail
from moorage.notices.telling import one_line


class OutboxBackend(BaseEmailBackend):
    """Keeps messages as rows; `mailing.send_due` sends them by the backend that MAIL_BACKEND names."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        at = timezone.now()
        for message in email_messages:
            for recipient in message.recipients():
                Mail.objects.create(
                    to=recipient,
                    subject=one_line(str(message.subject)),
                    text=str(message.body),
                    created_at=at,
                    next_at=at,
                )
        return len(email_messages)
