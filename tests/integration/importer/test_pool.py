"""The pool of processes: who is served first, what a death costs, and that no process is left behind."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Future
from pathlib import Path

import pytest

from importing import World
from moorage.jobs import imports
from moorage.jobs.pool import ImportPool
from moorage.jobs.pool_processes import NICENESS
from moorage.leases import LeaseWatch
from moorage.transfers.states import UploadState
from pool_gate import PATIENCE_SECONDS, Gate, small_pool_of_a_worker
from processes import has_ended


@pytest.fixture
def pools() -> Iterator[list[ImportPool]]:
    """Pools that a test makes are ended after it, whatever became of it."""
    made: list[ImportPool] = []
    yield made
    for pool in made:
        pool.shutdown(wait=False)


@pytest.fixture
def one(pools: list[ImportPool]) -> ImportPool:
    """A pool of one process, and of one for small imports."""
    pools.append(ImportPool(1))
    return pools[0]


@pytest.fixture
def two(pools: list[ImportPool]) -> ImportPool:
    """A pool of two processes, and of one for small imports."""
    pools.append(ImportPool(2))
    return pools[0]


def nothing_left() -> int:
    return 0


def always(*_: object) -> bool:
    return True


def result(future: Future[int]) -> int:
    return future.result(PATIENCE_SECONDS)


def test_a_process_that_dies_costs_only_what_it_had_at_hand_and_is_replaced(two: ImportPool, tmp_path: Path) -> None:
    executor = two.executor_for(nothing_left, takes_long=always)
    innocent = Gate(executor, tmp_path / "gate").wait_until_begun()
    first = result(executor.submit(os.getpid))

    with pytest.raises(BrokenExecutor):
        executor.submit(os.kill, first, signal.SIGKILL).result(PATIENCE_SECONDS)

    second = result(executor.submit(os.getpid))
    assert second != first
    innocent.let_go()


def test_the_next_order_is_at_hand_but_never_behind_one_that_takes_long(two: ImportPool, tmp_path: Path) -> None:
    executor = two.executor_for(nothing_left, takes_long=lambda what: what == tmp_path / "long")
    long = Gate(executor, tmp_path / "long").wait_until_begun()
    short = Gate(executor, tmp_path / "short").wait_until_begun()

    at_hand, waiting = executor.submit(abs, -1), executor.submit(abs, -2)

    assert at_hand.running()
    assert not waiting.running()
    short.let_go()
    assert [result(at_hand), result(waiting)] == [1, 2]
    assert not long.future.done()
    long.let_go()


def test_the_import_with_least_left_goes_first_and_each_in_its_order(one: ImportPool, tmp_path: Path) -> None:
    left = {"large": 100, "middle": 50}
    large = one.executor_for(lambda: left["large"], takes_long=lambda what: isinstance(what, Path))
    middle = one.executor_for(lambda: left["middle"])
    gate = Gate(large, tmp_path / "gate").wait_until_begun()
    done: list[str] = []

    futures = [
        executor.submit(str, name)
        for executor, name in ((large, "large 1"), (large, "large 2"), (middle, "middle 1"), (middle, "middle 2"))
    ]
    for future in futures:
        future.add_done_callback(lambda one: done.append(one.result()))
    gate.let_go()
    for future in futures:
        future.result(PATIENCE_SECONDS)

    assert done == ["middle 1", "middle 2", "large 1", "large 2"]


def test_how_much_is_left_is_asked_anew_for_each_order(one: ImportPool, tmp_path: Path) -> None:
    left = {"large": 100, "middle": 50}
    large = one.executor_for(lambda: left["large"], takes_long=lambda what: isinstance(what, Path))
    middle = one.executor_for(lambda: left["middle"])
    gate = Gate(large, tmp_path / "gate").wait_until_begun()
    done: list[str] = []
    futures = [middle.submit(str, "middle"), large.submit(str, "large")]
    for future in futures:
        future.add_done_callback(lambda one: done.append(one.result()))

    left["large"] = 10
    gate.let_go()
    for future in futures:
        future.result(PATIENCE_SECONDS)

    assert done == ["large", "middle"]


def test_one_process_is_kept_for_small_imports(one: ImportPool, tmp_path: Path) -> None:
    large = one.executor_for(lambda: 0, takes_long=always)
    gate = Gate(large, tmp_path / "gate").wait_until_begun()
    waiting = large.submit(os.getpid)

    small = one.executor_for(lambda: 10, is_small=True)
    result(small.submit(os.getpid))

    assert not waiting.running()
    gate.let_go()
    result(waiting)


def test_small_imports_use_the_other_processes_too(one: ImportPool, tmp_path: Path) -> None:
    small = one.executor_for(lambda: 10, is_small=True, takes_long=always)

    gates = [Gate(small, tmp_path / name).wait_until_begun() for name in ("first", "second")]

    for gate in gates:
        gate.let_go()


def test_a_cancelled_order_is_not_done(one: ImportPool, tmp_path: Path) -> None:
    executor = one.executor_for(nothing_left, takes_long=always)
    gate = Gate(executor, tmp_path / "gate").wait_until_begun()
    cancelled = executor.submit(Path.touch, tmp_path / "done")
    after = executor.submit(os.getpid)

    assert cancelled.cancel()
    gate.let_go()
    result(after)

    assert not (tmp_path / "done").exists()


def test_an_import_that_ends_leaves_the_processes_to_the_others(one: ImportPool, tmp_path: Path) -> None:
    executor, other = (one.executor_for(nothing_left, takes_long=always) for _ in range(2))
    gate = Gate(executor, tmp_path / "gate").wait_until_begun()
    waiting, of_other = executor.submit(os.getpid), other.submit(os.getpid)

    executor.shutdown(wait=False, cancel_futures=True)

    with pytest.raises(CancelledError):
        waiting.result(PATIENCE_SECONDS)
    with pytest.raises(RuntimeError):
        executor.submit(os.getpid)
    gate.let_go()
    result(of_other)


def test_a_pool_ends_at_once_also_in_the_middle_of_a_batch(one: ImportPool, tmp_path: Path) -> None:
    executor = one.executor_for(nothing_left, takes_long=always)
    pid = result(executor.submit(os.getpid))
    busy = Gate(executor, tmp_path / "gate").wait_until_begun()
    waiting = executor.submit(os.getpid)

    one.shutdown(wait=False)

    assert has_ended(pid, within=0)
    with pytest.raises(BrokenExecutor):
        busy.future.result(0)
    with pytest.raises(CancelledError):
        waiting.result(0)
    with pytest.raises(RuntimeError):
        executor.submit(os.getpid)


def test_a_pool_that_may_finish_does_what_waits_and_then_ends(one: ImportPool) -> None:
    executor = one.executor_for(nothing_left)
    futures = [executor.submit(os.getpid) for _ in range(8)]

    one.shutdown()

    (pid,) = {future.result(0) for future in futures}
    assert has_ended(pid, within=0)


@pytest.fixture
def pool_of_a_worker(monkeypatch: pytest.MonkeyPatch) -> Iterator[ImportPool]:
    """What imports use that are not given an executor: here one process, and one for small imports."""
    yield from small_pool_of_a_worker(monkeypatch)


@pytest.mark.django_db(transaction=True)
def test_the_processes_are_deaf_to_ctrl_c_give_way_and_stay_small(world: World, pool_of_a_worker: ImportPool) -> None:
    files = {f"small {number}": b"%d" % number for number in range(600)}
    upload = world.a_sealed_upload({"large": bytes(96 << 20), **files})
    of_other_tests = {process.pid for process in multiprocessing.active_children()}
    pool_of_a_worker.start()
    lease = imports.claim_next(LeaseWatch())
    assert lease is not None

    imports.work(lease)

    upload.refresh_from_db()
    assert (upload.current_state, upload.files_done) == (UploadState.IMPORTED, 601)
    processes = [process for process in multiprocessing.active_children() if process.pid not in of_other_tests]
    assert len(processes) == 2
    for process in processes:
        assert process.pid is not None
        status = dict(line.split(":", 1) for line in Path(f"/proc/{process.pid}/status").read_text().splitlines())
        assert int(status["SigIgn"], 16) & 1 << signal.SIGINT - 1
        assert int(status["VmHWM"].split()[0]) < 100_000
        niceness = os.getpriority(os.PRIO_PROCESS, process.pid)
        assert niceness == min(19, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS)
    executor = pool_of_a_worker.executor_for(nothing_left)
    loaded = executor.submit(eval, "set(__import__('sys').modules)").result(PATIENCE_SECONDS)
    assert "moorage.importer.batches.place" in loaded
    assert not {"django", "pydantic", "click", "pytest"} & loaded


PROGRAM = """
import os, sys, time
from moorage.jobs.pool import ImportPool

print("loaded", flush=True)
if __name__ == "__main__":
    pool = ImportPool(2)
    pool.start()
    executor = pool.executor_for(lambda: 0, is_small=True, takes_long=lambda *_: True)
    for number in range(3):
        os.mkfifo(sys.argv[1] + str(number))
        executor.submit(open, sys.argv[1] + str(number))
    # The pipes are opened here only when all three processes have begun to open them.
    pipes = [open(sys.argv[1] + str(number), "wb") for number in range(3)]
    print(*(next(iter(seat.process._inner._processes)) for seat in pool._seats), flush=True)
    for number in range(3):
        executor.submit(time.sleep, 600)
    time.sleep(600)
"""


def test_no_process_outlives_a_worker_that_is_killed_and_none_loads_its_program(tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text(PROGRAM)
    command = [sys.executable, str(program), str(tmp_path / "pipe")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        assert worker.stdout.readline() == "loaded\n"
        pids = [int(word) for word in worker.stdout.readline().split()]
        assert len(set(pids)) == 3
        assert not any(has_ended(pid, within=0) for pid in pids)

        worker.kill()

        until = time.monotonic() + 2
        assert all(has_ended(pid, within=max(0.0, until - time.monotonic())) for pid in pids)
