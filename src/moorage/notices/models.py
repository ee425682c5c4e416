"""What people are told: a notice on pages, and a mail in the outbox. Both are made in the transaction of the event."""

import uuid

from django.db import models
from django.utils import timezone

from moorage.accounts.models import Member


class Mail(models.Model):
    """One mail, as it was or will be sent. The rows with a `next_at` are the outbox.

    Its id is its Message-ID, so a mail that is sent twice (a crash between sending and noting it)
    can be recognised as one.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # Whose page shows it; nobody's when it goes to someone without an account, or holds a link that lets somebody in.
    member = models.ForeignKey(Member, null=True, on_delete=models.CASCADE, related_name="mails")
    to = models.EmailField()
    subject = models.CharField(max_length=300)
    text = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)
    sent_at = models.DateTimeField(null=True)
    tries = models.IntegerField(default=0)
    next_at = models.DateTimeField(null=True)  # null: nothing is to be done (any more)
    trouble = models.CharField(max_length=300, blank=True)  # why the last try failed

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["next_at"], name="mails_to_send")]

    def __str__(self) -> str:
        return f"{self.subject} (to {self.to})"


class Notice(models.Model):
    """One thing one member is told."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="notices")
    kind = models.CharField(max_length=60)  # dotted code, e.g. upload.imported
    subject = models.CharField(max_length=300)
    text = models.TextField()
    path = models.CharField(max_length=300, blank=True)  # of the page it is about, without the site's address
    created_at = models.DateTimeField(default=timezone.now)
    read_at = models.DateTimeField(null=True)
    mail = models.OneToOneField(Mail, null=True, on_delete=models.SET_NULL, related_name="notice")

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["member", "-created_at"], name="notices_of_member")]

    def __str__(self) -> str:
        return self.subject
