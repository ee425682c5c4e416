"""What tests of a project's files share: a store, and other workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from moorage.storage.layout import StoreLayout


@pytest.fixture
def store(tmp_path: Path) -> StoreLayout:
    """The store that the fixture `globus` puts among the backends."""
    layout = StoreLayout(tmp_path / "store")
    layout.make()
    return layout


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
