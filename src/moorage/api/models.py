"""Replies kept for `Idempotency-Key`: a request that is repeated gets the answer of its first time."""

from django.conf import settings
from django.db import models


class StoredReply(models.Model):
    """What was made under a key: written in the transaction that made it."""

    member = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)
    request_digest = models.CharField(max_length=64)  # of method, path and body
    made_id = models.UUIDField(null=True)
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["member", "key"], name="one_reply_per_key")]

    def __str__(self) -> str:
        return self.key
