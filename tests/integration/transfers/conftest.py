"""A Globus in memory, a store in a temporary folder, and a clock that the test moves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fakes.globus import InMemoryTransferService
from moorage.backends import Backends, Policies, using
from moorage.globus.links import GlobusLinks
from moorage.storage.layout import StoreLayout


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> datetime:
        self.now += timedelta(**by)
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path) -> StoreLayout:
    layout = StoreLayout(tmp_path / "store")
    layout.make()
    return layout


@pytest.fixture
def policies() -> Policies:
    """The defaults, on a disk that is never too full."""
    return Policies(free_floor_bytes=0, free_floor_percent=0)


@pytest.fixture
def globus(clock: Clock, store: StoreLayout, policies: Policies) -> Iterator[InMemoryTransferService]:
    service = InMemoryTransferService()
    links = GlobusLinks("https://globus.example")
    with using(Backends(globus=service, links=links, store=store, clock=clock, policies=policies)):
        yield service
