"""A worker's pool in a test, and a batch that the test holds until it has seen what the rest of the pool does."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import Executor
from pathlib import Path

import pytest
from django.conf import settings

from moorage.jobs import imports
from moorage.jobs.pool import ImportPool

PATIENCE_SECONDS = 20.0


class Gate:
    """A batch that keeps a process busy until it is let go: it reads a pipe that has a name."""

    def __init__(self, executor: Executor, path: Path) -> None:
        os.mkfifo(path)
        self.path = path
        self.future = executor.submit(Path.read_bytes, path)

    def wait_until_begun(self) -> Gate:
        """Opening the pipe waits for whoever reads it."""
        self._writer = self.path.open("wb")
        return self

    def let_go(self) -> None:
        self._writer.close()
        assert self.future.result(PATIENCE_SECONDS) == b""


def small_pool_of_a_worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[ImportPool]:
    """What is used where no executor is given: here one process, and one for small imports. For a fixture."""
    monkeypatch.setattr(settings, "OPTIONS", settings.OPTIONS.model_copy(update={"pool_processes": 1}))
    imports.shared_pool.cache_clear()
    pool = imports.shared_pool()
    yield pool
    pool.shutdown(wait=False)
    imports.shared_pool.cache_clear()
