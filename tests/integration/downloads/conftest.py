"""What the hard tests of downloads share: small batches, and other workers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection

from moorage.transfers.downloads import building, job, rows


@pytest.fixture
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a small tree has several batches of every kind, and every one is told of."""
    monkeypatch.setattr(building, "FILES_PER_ORDER", 3)
    monkeypatch.setattr(building, "ORDERS_PER_SYNC", 2)
    monkeypatch.setattr(job, "REPORT_SECONDS", 0.0)
    monkeypatch.setattr(rows, "ROWS_AT_ONCE", 4)


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
