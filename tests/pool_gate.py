"""A batch that a test holds, and lets go when it has seen what the rest of the pool does meanwhile."""

from __future__ import annotations

import os
from concurrent.futures import Executor
from pathlib import Path

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
