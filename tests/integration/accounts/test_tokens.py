"""API tokens: shown once, kept as a digest, revoked at once."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from builders import NOON, a_member
from fakes.globus import InMemoryTransferService
from moorage.accounts.ending import end_account
from moorage.accounts.models import ApiToken
from moorage.accounts.tokens import (
    TOKENS_PER_MEMBER,
    TokenNotFoundError,
    create_token,
    member_for_token,
    revoke_token,
)
from moorage.errors import InvalidInputError

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("globus")]


def test_a_token_lets_its_member_in_and_only_its_digest_is_kept() -> None:
    ada = a_member()

    token, plain = create_token(ada, "microscope PC", at=NOON)

    assert re.fullmatch(r"moorage_[A-Za-z0-9_-]{43}", plain)
    assert member_for_token(plain) == (ada, token)
    assert all(plain not in str(value) for value in ApiToken.objects.values_list().get())


def test_its_use_is_noted() -> None:
    token, plain = create_token(a_member(), "cron", at=NOON)

    member_for_token(plain)

    token.refresh_from_db()
    assert token.last_used_at == NOON


@pytest.mark.parametrize("wrong", ["", "moorage_", "Bearer x", "moorage_" + "a" * 43, "moorage_" + "a" * 43 + "\n"])
def test_anything_else_lets_nobody_in(wrong: str) -> None:
    create_token(a_member(), "cron", at=NOON)

    assert member_for_token(wrong) is None


def test_a_revoked_token_lets_nobody_in() -> None:
    ada = a_member()
    token, plain = create_token(ada, "cron", at=NOON)

    revoke_token(member=ada, token=token, at=NOON)
    revoke_token(member=ada, token=token, at=NOON)

    assert member_for_token(plain) is None


def test_a_token_ends_with_its_day(globus: InMemoryTransferService) -> None:
    _, over = create_token(a_member(), "cron", at=NOON - timedelta(days=2), expires_at=NOON - timedelta(seconds=1))
    _, valid = create_token(a_member(), "cron", at=NOON, expires_at=NOON + timedelta(seconds=1))

    assert member_for_token(over) is None
    assert member_for_token(valid) is not None


def test_a_token_ends_with_its_account() -> None:
    ada = a_member()
    _, plain = create_token(ada, "cron", at=NOON)

    end_account(member=ada, by=None, at=NOON)

    assert member_for_token(plain) is None


def test_nobody_revokes_anothers_token() -> None:
    token, plain = create_token(a_member(), "cron", at=NOON)

    with pytest.raises(TokenNotFoundError):
        revoke_token(member=a_member(), token=token, at=NOON)

    assert member_for_token(plain) is not None


def test_a_token_needs_a_name_and_a_day_to_come() -> None:
    with pytest.raises(InvalidInputError):
        create_token(a_member(), "  ", at=NOON)
    with pytest.raises(InvalidInputError):
        create_token(a_member(), "cron", at=NOON, expires_at=NOON)


def test_there_is_an_end_to_the_number_of_tokens() -> None:
    ada = a_member()
    for number in range(TOKENS_PER_MEMBER):
        create_token(ada, f"script {number}", at=NOON)

    with pytest.raises(InvalidInputError):
        create_token(ada, "one more", at=NOON)
