"""A Globus in memory and a clock that stands still, for tests that need no more of the outside; a harbour; threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.utils import timezone
from pytest_django.fixtures import Settings

from builders import NOON
from downloading import Harbour
from fakes.globus import InMemoryTransferService
from moorage.backends import Backends, backends, using
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


@pytest.fixture
def harbour(globus: InMemoryTransferService) -> Iterator[Harbour]:
    """The store and the Globus of `globus`, the time of the day, and a worker in this process."""
    outside = replace(backends(), clock=timezone.now)
    with ThreadPoolExecutor(2) as executor, using(outside):
        yield Harbour(globus, outside.store, executor)


@pytest.fixture(autouse=True)
def quick_passwords(settings: Settings) -> None:
    """Real password hashes are slow on purpose."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture
def fresh_cache(db: None) -> None:
    """Nothing counted yet by the rate limits, which would remember the tests before."""
    cache.clear()


@pytest.fixture
def in_thread() -> Iterator[Callable[..., Future[Any]]]:
    """Runs a call in a thread with a database connection of its own, as another worker would."""
    with ThreadPoolExecutor(8) as threads:

        def start(call: Callable[..., Any], *arguments: Any) -> Future[Any]:
            def work() -> Any:
                try:
                    return call(*arguments)
                finally:
                    connection.close()

            return threads.submit(work)

        yield start
