"""Batches on an executor whose processes die."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from typing import Any

import pytest

from moorage.importer.batches import Answer, BatchOrder, FileTrouble, StagedFile, cut, run_batches
from moorage.storage.digests import Stamp


class FragileExecutor(Executor):
    """Does a call at once, unless its process dies: so many times for each batch."""

    def __init__(self, deaths: int) -> None:
        self.deaths = deaths
        self.tries: dict[Any, int] = {}

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.tries[args] = self.tries.get(args, 0) + 1
        if self.tries[args] <= self.deaths:
            future.set_exception(BrokenExecutor("a process died"))
        else:
            future.set_result(fn(*args, **kwargs))
        return future


def a_file(number: int, size: int = 1) -> StagedFile:
    return StagedFile(number, b"%d" % number, Stamp(number, size, 0, 0))


def an_order(number: int) -> BatchOrder:
    return BatchOrder("area", "objects", (a_file(number),))


def answer(order: BatchOrder) -> Answer:
    return [FileTrouble(file.entry_id, "seen") for file in order.files]


def test_a_batch_whose_process_died_is_done_again() -> None:
    orders = [an_order(number) for number in range(5)]

    done = list(run_batches(FragileExecutor(2), answer, iter(orders), in_flight=2, tick=lambda: None))

    assert sorted(order.files[0].entry_id for order, _ in done) == [0, 1, 2, 3, 4]


def test_a_batch_that_always_ends_its_process_is_given_up() -> None:
    with pytest.raises(BrokenExecutor):
        list(run_batches(FragileExecutor(9), answer, iter([an_order(1)]), in_flight=2, tick=lambda: None))


def test_files_are_cut_by_number_and_by_size_and_none_is_lost() -> None:
    files = [a_file(number, size=(200 << 20) if number % 400 == 0 else 1) for number in range(2000)]

    batches = list(cut(iter(files)))

    assert [file for batch in batches for file in batch] == files
    assert max(map(len, batches)) <= 500
    assert all(len(batch) == 1 or sum(file.stamp.size_bytes for file in batch) <= 256 << 20 for batch in batches)


def test_what_runs_in_a_pool_process_never_loads_the_database() -> None:
    check = "import sys, moorage.importer.place; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], env=os.environ, check=False).returncode == 0
