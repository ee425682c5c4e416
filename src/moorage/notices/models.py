"""What people are told: a notice on pages, and its mail in the outbox. Both are made in the transaction of the event."""

import uuid

from django.db import models
from django.utils import timezone

from moorage.accounts.models import Member


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
    mailed_at = models.DateTimeField(null=True)
    mail_tries = models.IntegerField(default=0)
    mail_next_at = models.DateTimeField(default=timezone.now, null=True)  # null: no mail (any more)

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [models.Index(fields=["mail_next_at"], name="notices_to_mail")]

    def __str__(self) -> str:
        return self.subject
