"""Ending an account: its member signs in no more, and nothing that she was allowed stays open."""

from datetime import datetime

from django.db import transaction

from moorage.accounts.models import ApiToken, Member
from moorage.audit.records import record


def end_account(*, member: Member, by: Member | None, at: datetime) -> None:
    """End an account. Sessions, tokens and access to staging areas end with it; what she brought stays. Repeatable."""
    with transaction.atomic():
        if not Member.objects.filter(pk=member.pk, is_active=True).exists():
            return
        member.is_active = False
        # save(), not update(): access follows the account by signal.
        member.save(update_fields=["is_active"])
        ApiToken.objects.filter(member=member, revoked_at__isnull=True).update(revoked_at=at)
        record("member.ended", member, actor=by, at=at)
