"""The pool of processes: it survives the death of one, and ends at once when it is told to."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import BrokenExecutor, CancelledError
from pathlib import Path

import pytest

from moorage.jobs.pool import ImportPool


def test_a_pool_whose_process_died_is_replaced_and_ends_when_it_is_told_to() -> None:
    pool = ImportPool(1)
    first = pool.submit(os.getpid).result()
    with pytest.raises(BrokenExecutor):
        pool.submit(os.kill, first, signal.SIGKILL).result()

    second = pool.submit(os.getpid).result()
    assert second != first
    busy = pool.submit(time.sleep, 600)
    began = time.monotonic()
    pool.shutdown(wait=False)
    while Path(f"/proc/{second}").exists() and time.monotonic() - began < 20:
        time.sleep(0.05)

    assert not Path(f"/proc/{second}").exists()
    with pytest.raises((BrokenExecutor, CancelledError)):
        busy.result(20)
    with pytest.raises(RuntimeError):
        pool.submit(os.getpid)
