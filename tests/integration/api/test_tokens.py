"""Requests without a good token: a script reads which of the two it is, and nothing else is told."""

from __future__ import annotations

import pytest
from django.test import Client

from builders import NOON, a_member
from moorage.accounts.tokens import create_token, revoke_token

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("globus")]


def answer_to(authorization: str | None) -> tuple[int, str, str]:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = Client().get("/api/v1/me", headers=headers)
    return answer.status_code, answer.json()["code"], answer["WWW-Authenticate"]


@pytest.mark.parametrize("sent", [None, "", "Bearer", "Bearer ", "Basic bm9ib2R5", "moorage_" + "x" * 43])
def test_without_a_token_one_is_asked_for(sent: str | None) -> None:
    assert answer_to(sent) == (401, "token.missing", "Bearer")


@pytest.mark.parametrize("token", ["moorage_" + "x" * 43, "mistyped", "two words"])
def test_a_token_that_is_not_known_is_told(token: str) -> None:
    assert answer_to(f"Bearer {token}") == (401, "token.unknown", 'Bearer error="invalid_token"')


def test_a_token_that_has_ended_is_told_like_one_that_never_was() -> None:
    member = a_member()
    token, plain = create_token(member, "test", at=NOON)
    revoke_token(member=member, token=token, at=NOON)
    assert answer_to(f"Bearer {plain}") == answer_to("Bearer " + "x" * 20)
