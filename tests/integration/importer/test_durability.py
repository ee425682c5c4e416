"""When an import's commits wait for the disk."""

from collections.abc import Iterator

import pytest
from django.db import connection

from moorage.importer.ledger.durability import batches_on_disk_later, on_disk_at_once

pytestmark = pytest.mark.django_db(transaction=True)


def now() -> str:
    names = {"sqlite": "PRAGMA synchronous", "postgresql": "SHOW synchronous_commit"}
    with connection.cursor() as cursor:
        cursor.execute(names[connection.vendor])
        return str(cursor.fetchone()[0])


@pytest.fixture(params=["off", "on", "remote_apply"])
def by_operator(request: pytest.FixtureRequest) -> Iterator[str]:
    """What an operator of PostgreSQL has set; SQLite has our own setting alone."""
    if connection.vendor == "sqlite":
        yield "on"
        return
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER ROLE CURRENT_USER SET synchronous_commit = {request.param}")
    connection.close()
    yield request.param
    with connection.cursor() as cursor:
        cursor.execute("ALTER ROLE CURRENT_USER RESET synchronous_commit")
    connection.close()


def test_what_publishes_waits_as_the_operator_wants_and_at_least_for_the_disk(by_operator: str) -> None:
    before = now()
    later, full = {"sqlite": ("1", "2"), "postgresql": ("off", "on" if by_operator == "off" else by_operator)}[
        connection.vendor
    ]
    with batches_on_disk_later():
        assert now() == later
        with on_disk_at_once():
            assert now() == full
        assert now() == later
    assert now() == before


@pytest.mark.skipif(connection.vendor != "sqlite", reason="These are settings of SQLite.")
def test_the_connection_is_given_back_as_it_was() -> None:
    def settings() -> list[int]:
        with connection.cursor() as cursor:
            return [
                cursor.execute(f"PRAGMA {name}").fetchone()[0]
                for name in ("synchronous", "cache_size", "wal_autocheckpoint")
            ]

    before = settings()
    with batches_on_disk_later():
        meanwhile = settings()
        assert all(one != other for one, other in zip(meanwhile, before, strict=True)), meanwhile
    assert settings() == before
