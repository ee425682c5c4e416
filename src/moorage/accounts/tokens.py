"""API tokens: made, shown once, looked up by their digest, revoked."""

import hashlib
import re
import secrets
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from moorage.accounts.models import ApiToken, Member
from moorage.audit.records import record
from moorage.backends import backends
from moorage.errors import InvalidInputError, NotFoundError

PREFIX = "moorage_"
SHOWN_CHARS = len(PREFIX) + 6
TOKENS_PER_MEMBER = 50
_FORM = re.compile(rf"{PREFIX}[A-Za-z0-9_-]{{43}}")
# A busy script would otherwise write a row with every request.
USE_NOTED_EVERY = timedelta(minutes=1)


class TokenNotFoundError(NotFoundError):
    code = "token.not_found"


def create_token(
    member: Member, name: str, *, at: datetime, expires_at: datetime | None = None
) -> tuple[ApiToken, str]:
    """Make a token and return it with its plain text, which is kept nowhere.

    Raises:
        InvalidInputError: no name, an expiry that has passed, or too many tokens.
    """
    name = name.strip()
    if not name:
        raise InvalidInputError("Give the token a name that says where it is used.", field="name")
    if expires_at is not None and expires_at <= at:
        raise InvalidInputError("Choose a day in the future for the token's end.", field="expires_at")
    plain = PREFIX + secrets.token_urlsafe(32)
    with transaction.atomic():
        if member.api_tokens.filter(revoked_at__isnull=True).count() >= TOKENS_PER_MEMBER:
            raise InvalidInputError(f"You have {TOKENS_PER_MEMBER} tokens. Revoke one that is not used any more.")
        token = ApiToken.objects.create(
            member=member,
            name=name[:100],
            digest=_digest(plain),
            prefix=plain[:SHOWN_CHARS],
            created_at=at,
            expires_at=expires_at,
        )
        record("token.created", token, actor=member, at=at, name=token.name)
    return token, plain


def member_for_token(plain: str) -> tuple[Member, ApiToken] | None:
    """Whose token this is, or None: unknown, revoked, expired, or of an account that has ended."""
    if not _FORM.fullmatch(plain):
        return None
    at = backends().clock()
    lasting = Q(expires_at__isnull=True) | Q(expires_at__gt=at)
    token = (
        ApiToken.objects.select_related("member")
        .filter(lasting, digest=_digest(plain), revoked_at__isnull=True, member__is_active=True)
        .first()
    )
    if token is None:
        return None
    if token.last_used_at is None or at - token.last_used_at >= USE_NOTED_EVERY:
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=at)
        token.last_used_at = at
    return token.member, token


def revoke_token(*, member: Member, token: ApiToken, at: datetime) -> None:
    """End a token of the member's own. Doing it again is harmless.

    Raises:
        TokenNotFoundError: it is not hers.
    """
    if token.member_id != member.pk:
        raise TokenNotFoundError("You have no such token. Look at the list on the Account page.")
    with transaction.atomic():
        if ApiToken.objects.filter(pk=token.pk, revoked_at__isnull=True).update(revoked_at=at):
            record("token.revoked", token, actor=member, at=at, name=token.name)


def _digest(plain: str) -> str:
    # The token is 32 random bytes: nothing slower than SHA-256 would protect it better.
    return hashlib.sha256(plain.encode()).hexdigest()
