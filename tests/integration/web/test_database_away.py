"""A database that is away, or held by something else: pages and routes say so, and what to do."""

from __future__ import annotations

import logging
import sqlite3
from typing import Any

import pytest
from django.db import OperationalError
from django.db.backends.utils import CursorWrapper
from django.test import Client

from builders import a_member
from moorage.accounts.tokens import create_token
from moorage.backends import backends
from moorage.databases import trouble_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("globus", "fresh_cache")]


@pytest.fixture
def client() -> Client:
    """Hers, with a token for scripts beside the session."""
    member = a_member()
    _, secret = create_token(member, "script", at=backends().clock())
    client = Client(raise_request_exception=False, headers={"Authorization": f"Bearer {secret}"})
    client.force_login(member)
    return client


def goes_away(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr(CursorWrapper, "execute", fails)


@pytest.mark.parametrize("address", ["/", "/projects/", "/api/v1/projects"])
def test_it_is_told_with_503_and_when_to_try_again(
    client: Client, address: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert client.get(address).status_code == 200
    goes_away(monkeypatch, OperationalError("server closed the connection unexpectedly"))

    with caplog.at_level(logging.ERROR, logger="moorage"):
        answer = client.get(address)

    assert (answer.status_code, answer["Retry-After"]) == (503, "30")
    assert "database does not answer" in answer.text
    assert "server closed the connection" in caplog.text
    assert "Traceback" not in caplog.text


def test_a_part_of_a_page_is_told_too(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    goes_away(monkeypatch, OperationalError("server closed the connection unexpectedly"))

    answer = client.get("/", headers={"HX-Request": "true"})

    assert (answer.status_code, answer["HX-Retarget"]) == (503, "#flash")
    assert "database does not answer" in answer.text


def test_a_statement_that_is_wrong_stays_a_bug() -> None:
    def of(statement: str, path: str = ":memory:") -> OperationalError:
        try:
            sqlite3.connect(path).execute(statement)
        except sqlite3.OperationalError as error:
            told = OperationalError(str(error))
            told.__cause__ = error
            return told
        raise AssertionError(statement)

    assert trouble_of(of("SELECT 1 FROM nowhere")) is None
    assert trouble_of(of("SELECT 1", "/nowhere/at all")) is not None
    assert trouble_of(ValueError("no error of a database")) is None
