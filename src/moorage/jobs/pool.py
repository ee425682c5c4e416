"""The local pool: processes that do an import's batches, one per core.

Threads do not pay for small files (the interpreter's lock); processes outlive a parent that was
killed unless they watch it. A pool whose process died is replaced, and its batches are done again
by whoever waits for them (`importer.batches.run_batches`).
"""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class ImportPool(Executor):
    """An executor of processes, made when first asked, and made again when one of them died."""

    def __init__(self, processes: int) -> None:
        self.processes = processes
        self._lock = threading.Lock()
        self._inner: ProcessPoolExecutor | None = None
        self._is_over = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have a call done by one of the processes."""
        with self._lock:
            if self._is_over:
                raise RuntimeError("The pool has been shut down.")
            if self._inner is not None:
                try:
                    return self._inner.submit(fn, *args, **kwargs)
                except BrokenExecutor:
                    self._inner.shutdown(wait=False)
            self._inner = _new_pool(self.processes)
            return self._inner.submit(fn, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes; with `wait=False` at once, also in the middle of a batch."""
        with self._lock:
            inner, self._inner, self._is_over = self._inner, None, True
        if inner is None:
            return
        if not wait:
            for process in list((inner._processes or {}).values()):  # noqa: SLF001 - 3.14 has terminate_workers
                process.terminate()
        # Waits for the pool's own thread, too: it must not outlive what the interpreter closes at its end.
        inner.shutdown(wait=True, cancel_futures=cancel_futures or not wait)


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0))


def _new_pool(processes: int) -> ProcessPoolExecutor:
    # Spawned: the worker has threads and database connections, and a fork would take both along.
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(processes, mp_context=context, initializer=_begin_process)


def _begin_process() -> None:
    """In a new process of a pool: end with the parent, and leave Ctrl-C to it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, name="watches the parent", daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        # Not sys.exit: this is a thread, and nobody is left who could want the batch.
        os._exit(1)
