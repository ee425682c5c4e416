"""A store, a Globus, and a worker in this process."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.utils import timezone

from downloading import Harbour
from fakes.globus import InMemoryTransferService
from moorage.backends import Backends, Policies, using
from moorage.globus.links import GlobusLinks
from moorage.storage.layout import StoreLayout


@pytest.fixture
def harbour(tmp_path: Path) -> Iterator[Harbour]:
    store = StoreLayout(tmp_path / "store")
    store.make()
    globus = InMemoryTransferService()
    links = GlobusLinks("https://app.globus.example")
    outside = Backends(globus=globus, links=links, store=store, clock=timezone.now, policies=Policies())
    with ThreadPoolExecutor(2) as executor, using(outside):
        yield Harbour(globus, store, executor)
