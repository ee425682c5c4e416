"""A Globus in memory and a clock that stands still, for tests that need no more of the outside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.cache import cache
from pytest_django.fixtures import Settings

from builders import NOON
from fakes.globus import InMemoryTransferService
from moorage.backends import Backends, using
from moorage.globus.links import GlobusLinks
from moorage.storage.layout import StoreLayout


@pytest.fixture
def globus(tmp_path: Path) -> Iterator[InMemoryTransferService]:
    service = InMemoryTransferService()
    store = StoreLayout(tmp_path / "store")
    store.make()
    links = GlobusLinks("https://globus.example")
    with using(Backends(globus=service, links=links, store=store, clock=lambda: NOON)):
        yield service


@pytest.fixture(autouse=True)
def quick_passwords(settings: Settings) -> None:
    """Real password hashes are slow on purpose."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def fresh_cache(db: None) -> None:
    """Nothing counted yet by the rate limits, which would remember the tests before."""
    cache.clear()
