"""A store, a project, and an importer that works in this process."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from fakes.globus import InMemoryTransferService
from importing import World
from moorage.backends import Backends, Policies, using
from moorage.globus.links import GlobusLinks
from moorage.storage.layout import StoreLayout


@pytest.fixture
def store(tmp_path: Path) -> StoreLayout:
    layout = StoreLayout(tmp_path / "store")
    layout.make()
    return layout


@pytest.fixture
def policies() -> Policies:
    """The defaults, on a disk that is never too full, and without the waiting."""
    return Policies(
        free_floor_bytes=0,
        free_floor_percent=0,
        quiet_time=timedelta(seconds=1),
        # What a digest needs of a file's age is tested in tests/unit/storage; here every test would wait for it.
        digest_min_age=timedelta(0),
    )


@pytest.fixture
def world(store: StoreLayout, policies: Policies) -> Iterator[World]:
    globus = InMemoryTransferService()
    links = GlobusLinks("https://globus.example")
    outside = Backends(globus=globus, links=links, store=store, clock=timezone.now, policies=policies)
    with using(outside), ThreadPoolExecutor(2) as executor:
        yield World(globus, store, executor)
