"""Clients of the REST API with a token of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from builders import NOON
from fakes.globus import InMemoryTransferService
from moorage.accounts.models import Member
from moorage.accounts.tokens import create_token

Api = Callable[..., Any]


@pytest.fixture
def api_of(globus: InMemoryTransferService) -> Callable[[Member], Api]:
    """`api_of(member)("GET", "/me")`: a request of the member's script."""

    def for_member(member: Member) -> Api:
        _, plain = create_token(member, "test", at=NOON)
        client = Client(headers={"Authorization": f"Bearer {plain}"})

        def ask(method: str, path: str, body: object = None, **headers: str) -> Any:
            call = getattr(client, method.lower())
            options: dict[str, Any] = {"headers": headers}
            if method in {"POST", "PUT", "PATCH"}:
                options |= {"data": body or {}, "content_type": "application/json"}
            return call(f"/api/v1{path}", **options)

        return ask

    return for_member
