"""One process of the pool: started ahead of its first batch, made again when it died, gone with its parent.

Each is an executor of its own, so that the death of one costs the others nothing. A new process
imports this module, so nothing here may import Django, whose loading takes a second and 60 MB.
"""

import gc
import importlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Future, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from typing import Any, Final

NICENESS: Final = 10  # pages and the database go first
LOADED_AHEAD: Final = (
    "moorage.importer.batches.place",
    "moorage.importer.batches.place_plain",
    "moorage.transfers.downloads.linking",
)

_spawning = threading.Lock()


class PoolProcess:
    """A process that does calls one after another. A call that is at hand when it dies fails with BrokenExecutor."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inner: ProcessPoolExecutor | None = None
        self._is_over = False

    def start(self) -> None:
        """Have the process ready before the first call comes; does not wait for it."""
        self.submit(os.getpid)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Have a call done after those that are at hand. Not to be called where a call fails with BrokenExecutor.

        Raises:
            OSError: no process could be started.
            RuntimeError: this process was ended, or the interpreter is at its end.
        """
        with self._lock:
            if self._is_over:
                raise RuntimeError("The pool has been shut down.")
            if self._inner is not None:
                with suppress(BrokenExecutor):
                    return self._inner.submit(fn, *args, **kwargs)
            self._inner = None
            # Spawned: the worker has threads and database connections, and a fork would take both along.
            context = multiprocessing.get_context("spawn")
            inner = ProcessPoolExecutor(1, mp_context=context, initializer=_begin)
            with _as_a_plain_child():
                future = inner.submit(fn, *args, **kwargs)
            self._inner = inner
            return future

    def kill(self) -> None:
        """End the process at once, also in the middle of a batch: it will be done again elsewhere."""
        with self._lock:
            self._is_over = True
            if self._inner is not None:
                for process in list((self._inner._processes or {}).values()):  # noqa: SLF001 - 3.14 has kill_workers
                    process.kill()

    def join(self) -> None:
        """Take no more calls, and wait until the process has ended."""
        with self._lock:
            self._is_over = True
            inner, self._inner = self._inner, None
        if inner is not None:
            # Waits for the executor's own thread, too: it must not outlive what the interpreter closes at its end.
            inner.shutdown(wait=True, cancel_futures=True)


@contextmanager
def _as_a_plain_child() -> Iterator[None]:
    """What is spawned within does not load the program's main file, and is deaf to Ctrl-C from its beginning.

    Spawn runs the file of `__main__` again in the child: `moorage-server` would load the whole command
    line there, which takes ten times as long as everything that a batch needs.
    """
    main = sys.modules["__main__"]
    with _spawning:
        file = main.__dict__.pop("__file__", None)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            if file is not None:
                main.__file__ = file


def _begin() -> None:
    """In a new process: end with the parent, leave Ctrl-C to it, and load what a batch needs."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, name="watches the parent", daemon=True).start()
    os.nice(NICENESS)
    for module in LOADED_AHEAD:
        importlib.import_module(module)
    # Batches make no cycles of their own: hundreds of thousands of rows are not to be looked through for some.
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        # Not sys.exit: this is a thread, and nobody is left who could want the batch.
        os._exit(1)
