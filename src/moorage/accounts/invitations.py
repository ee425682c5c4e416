"""Invitations to sign up: made by project owners where sign-up is by invitation, and used once."""

import hashlib
import secrets
from datetime import datetime

from django.db import transaction
from django.dispatch import Signal

from moorage.accounts.models import Invitation, Member
from moorage.audit.records import record

# Sent with `invitation` and `at`, in the transaction in which it is accepted.
invitation_accepted = Signal()


def invite(*, email: str, by: Member | None, at: datetime) -> tuple[Invitation, str]:
    """Invite an address to sign up, and return the invitation with the token for its mail.

    Inviting again makes a new token; the one of the earlier mail ends, and one that was used may be used
    again. `by` is None for an operator, who needs no account.
    """
    token = secrets.token_urlsafe(32)
    fresh = {
        "digest": _digest(token),
        "invited_by": by,
        "invited_at": at,
        "accepted_by": None,
        "accepted_at": None,
    }
    with transaction.atomic():
        invitation, _ = Invitation.objects.update_or_create(
            email__iexact=email, defaults=fresh, create_defaults={"email": email, **fresh}
        )
        record("member.invited", invitation, actor=by, at=at, email=email)
    return invitation, token


def open_invitation(token: str) -> Invitation | None:
    """The invitation that this token belongs to, unless it has been used."""
    return Invitation.objects.filter(digest=_digest(token), accepted_by__isnull=True).first()


def invitation_for(email: str) -> Invitation | None:
    """The unused invitation of an address. Only for addresses that are known to be the asker's own."""
    return Invitation.objects.filter(email__iexact=email, accepted_by__isnull=True).first()


def accept(invitation: Invitation, *, by: Member, at: datetime) -> None:
    """Use an invitation up. Harmless for one that was used meanwhile."""
    with transaction.atomic():
        used = Invitation.objects.filter(pk=invitation.pk, accepted_by__isnull=True).update(
            accepted_by=by, accepted_at=at
        )
        if used:
            invitation.accepted_by, invitation.accepted_at = by, at
            record("member.invitation_accepted", invitation, actor=by, at=at)
            invitation_accepted.send(Invitation, invitation=invitation, at=at)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
