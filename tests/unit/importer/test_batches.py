"""Batches: how they are cut, sent, and done on an executor whose processes die."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.importer.batches import data
from moorage.importer.batches.data import Answer, BatchOrder, PlacedFile, flat, run_batches, unflat
from moorage.importer.ledger.entries import Entry
from moorage.importer.place.orders import Cut
from moorage.storage.digests import Stamp

STAMPS = st.builds(Stamp, *(st.integers(0, 2**64 - 1) for _ in range(4)))


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


class One(NamedTuple):
    """A batch, and what is to come back with its answer."""

    theirs: int
    order: BatchOrder
    work: Callable[[Any], Any]


class Asked:
    """Batches with these numbers, one after another."""

    def __init__(self, *numbers: int) -> None:
        self.left = list(numbers)
        self.asked = 0

    def next(self) -> One | None:
        if not self.left:
            return None
        number = self.left.pop(0)
        self.asked += 1
        return One(number, BatchOrder("area", "objects", ((b"%d" % number, 1, None),)), answer)


def answer(order: BatchOrder) -> Answer:
    return Answer([], [(index, "seen", path.decode()) for index, (path, _, _) in enumerate(order.files)])


def test_a_batch_whose_process_died_is_done_again_and_keeps_what_came_with_it() -> None:
    done = list(run_batches(FragileExecutor(2), Asked(0, 1, 2, 3, 4), in_flight=2, tick=lambda: None))

    assert sorted(batch.theirs for batch, _ in done) == [0, 1, 2, 3, 4]
    assert all(found.troubles == [(0, "seen", str(batch.theirs))] for batch, found in done)


def test_a_batch_that_always_ends_its_process_is_given_up() -> None:
    with pytest.raises(BrokenExecutor):
        list(run_batches(FragileExecutor(9), Asked(1), in_flight=2, tick=lambda: None))


def test_no_more_batches_are_asked_for_than_may_be_in_flight() -> None:
    orders = Asked(*range(20))

    for taken, _ in enumerate(run_batches(FragileExecutor(0), orders, in_flight=3, tick=lambda: None), 1):
        assert orders.asked <= taken + 3

    assert orders.asked == 20


def test_what_an_answer_brings_is_done_too() -> None:
    orders = Asked(0)

    for batch, _ in run_batches(FragileExecutor(0), orders, in_flight=3, tick=lambda: None):
        if batch.theirs < 5:
            orders.left.append(batch.theirs + 1)

    assert orders.asked == 6


def an_entry(number: int, size: int) -> Entry:
    return Entry(b"%d" % number, b"", "", "file", Stamp(number, size, 0, 0))


def test_files_are_cut_by_number_and_by_size_and_none_is_lost() -> None:
    large = data.MAX_BYTES - 1
    entries = [an_entry(number, size=large if number % 1700 == 0 else 1) for number in range(6000)]

    cut = Cut()
    for entry in entries:
        cut.add(entry)
    cuts = list(iter(lambda: cut.take(is_last=True), []))

    assert [entry for batch in cuts for entry in batch] == entries
    assert max(map(len, cuts)) == data.MAX_FILES
    assert all(len(batch) == 1 or sum(entry.size_bytes for entry in batch) <= data.MAX_BYTES for batch in cuts)
    assert min(map(len, cuts)) < data.MAX_FILES / 2, "none was cut because of its size"


PLACED = st.builds(
    PlacedFile,
    position=st.integers(0, 10**6),
    digest=st.binary(min_size=32, max_size=32).map(bytes.hex),
    crc32=st.integers(0, 2**32 - 1),
    stamp=STAMPS,
    object_stamp=STAMPS,
    how=st.sampled_from(["copied", "reused", "proven", "digested"]),
)


@given(PLACED, st.booleans())
def test_a_placed_file_arrives_as_it_was_sent(placed: PlacedFile, is_linked: bool) -> None:
    if is_linked:
        placed = placed._replace(how="linked", object_stamp=placed.stamp)

    sent = flat(placed)

    assert unflat(pickle.loads(pickle.dumps(sent))) == placed  # noqa: S301 - our own
    assert all(type(part) in {int, str} for part in sent), "an object of a class is dear to send"


def test_what_runs_in_a_pool_process_never_loads_the_database() -> None:
    loaded = "moorage.importer.batches.place, moorage.importer.batches.place_plain"
    check = f"import sys, {loaded}; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], env=os.environ, check=False).returncode == 0
