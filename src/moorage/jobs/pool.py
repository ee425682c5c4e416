"""The local pool: a process per core that does the batches of all imports of a worker, and one more for small imports.

Threads do not pay for small files (the interpreter's lock). What waits, waits here and not with the
processes, for whichever import has least left goes first; only so much is handed over that no process
idles between two batches. A process that dies costs only what it had at hand: those batches fail with
BrokenExecutor, and are done again by whoever waits for them (`importer.batches.data.run_batches`).
"""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future, wait
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, ParamSpec, TypeVar

from moorage.jobs.pool_processes import PoolProcess

AT_HAND: Final = 2  # the batch that a process does and, unless that takes long, the next

P = ParamSpec("P")
T = TypeVar("T")


def never(*_: Any) -> bool:
    """No batch takes long."""
    return False


@dataclass(eq=False)
class _Order:
    """A call that somebody waits for, from when it is asked for until its answer is there."""

    future: Future[Any]
    fn: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    takes_long: bool


@dataclass(eq=False)
class _Seat:
    """A process, and the orders that it has at hand."""

    process: PoolProcess = field(default_factory=PoolProcess)
    is_for_small: bool = False
    at_hand: list[_Order] = field(default_factory=list)

    @property
    def has_room(self) -> bool:
        """Nothing is put behind an order that takes long: another process may be free sooner."""
        return len(self.at_hand) < AT_HAND and not any(order.takes_long for order in self.at_hand)


class ImportPool:
    """The processes of a worker. They are started by `start`, or else with the first batch."""

    def __init__(self, processes: int) -> None:
        self.processes = processes
        # First, so that of several free processes a small import takes this one.
        self._seats = [_Seat(is_for_small=True), *(_Seat() for _ in range(processes))]
        self._lock = threading.Lock()
        self._waiting: dict[ImportExecutor, None] = {}  # those that have orders waiting, the first comer first
        self._is_over = False

    @property
    def orders_for_one(self) -> int:
        """How many orders an import should have out at a time: what all processes have at hand, and some that wait."""
        return (AT_HAND + 1) * self.processes

    def start(self) -> None:
        """Have all processes ready before the first import."""
        for seat in self._seats:
            seat.process.start()

    def executor_for(
        self, left: Callable[[], int], *, is_small: bool = False, takes_long: Callable[..., bool] = never
    ) -> "ImportExecutor":
        """The pool as one import uses it.

        `left` tells how many bytes the import has still to read; it is asked often, from any thread, and
        must be quick. `takes_long` is given what a call is given, and tells whether it keeps a process
        busy for much longer than it takes to hand over the next.
        """
        return ImportExecutor(self, left, is_small=is_small, takes_long=takes_long)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes; with `wait=False` at once, also in the middle of a batch."""
        with self._lock:
            self._is_over = True
            waiting = [order for executor in self._waiting for order in executor.waiting]
            at_hand = [order for seat in self._seats for order in seat.at_hand]
        if cancel_futures or not wait:
            self._cancel(list(self._waiting))
        if wait:
            _wait_for([*waiting, *at_hand])
        else:
            for seat in self._seats:
                seat.process.kill()
        for seat in self._seats:
            seat.process.join()

    def _take(self, executor: "ImportExecutor", order: _Order) -> None:
        with self._lock:
            if self._is_over:
                raise RuntimeError("The pool has been shut down.")
            executor.waiting.append(order)
            executor.outstanding.add(order)
            self._waiting[executor] = None
        self._hand_over()

    def _cancel(self, executors: "list[ImportExecutor]") -> None:
        with self._lock:
            orders = [order for executor in executors for order in executor.waiting]
            for executor in executors:
                executor.waiting.clear()
                executor.outstanding.difference_update(orders)
                self._waiting.pop(executor, None)
        for order in orders:
            order.future.cancel()
            order.future.set_running_or_notify_cancel()

    def _hand_over(self) -> None:
        """Give the processes what they have room for."""
        while (found := self._next()) is not None:
            seat, executor, order = found
            if not order.future.set_running_or_notify_cancel():
                self._put_down(seat, executor, order)
                continue
            try:
                inner = seat.process.submit(order.fn, *order.args, **order.kwargs)
            except Exception as error:  # whatever it is, somebody waits for this future
                self._put_down(seat, executor, order)
                order.future.set_exception(error)
            else:
                inner.add_done_callback(partial(self._came_back, seat, executor, order))

    def _next(self) -> "tuple[_Seat, ImportExecutor, _Order] | None":
        """A process that has room and the order that it is to take: free processes first, then the least left."""
        with self._lock:
            seats = [seat for seat in self._seats if seat.has_room]
            if not seats or not self._waiting:
                return None
            left = {executor: executor.left() for executor in self._waiting}
            small = [executor for executor in left if executor.is_small]
            for seat in sorted(seats, key=lambda seat: len(seat.at_hand)):
                executor = min(small if seat.is_for_small else left, key=left.__getitem__, default=None)
                if executor is not None:
                    order = executor.waiting.popleft()
                    if not executor.waiting:
                        del self._waiting[executor]
                    seat.at_hand.append(order)
                    return seat, executor, order
        return None

    def _put_down(self, seat: _Seat, executor: "ImportExecutor", order: _Order) -> None:
        with self._lock:
            seat.at_hand.remove(order)
            executor.outstanding.discard(order)

    def _came_back(self, seat: _Seat, executor: "ImportExecutor", order: _Order, inner: Future[Any]) -> None:
        self._put_down(seat, executor, order)
        error = BrokenExecutor("The pool was shut down.") if inner.cancelled() else inner.exception()
        try:
            if isinstance(error, BrokenExecutor):
                # Elsewhere: the executor that tells so may hold a lock that the next submit to it asks for.
                threading.Thread(target=self._hand_over, name="replaces a pool process", daemon=True).start()
            else:
                self._hand_over()
        finally:
            if error is not None:
                order.future.set_exception(error)
            else:
                order.future.set_result(inner.result())


class ImportExecutor(Executor):
    """The pool as one import uses it. Its orders are done in the order in which they came."""

    def __init__(
        self, pool: ImportPool, left: Callable[[], int], *, is_small: bool, takes_long: Callable[..., bool]
    ) -> None:
        self.left = left
        self.is_small = is_small
        self.waiting: deque[_Order] = deque()
        self.outstanding: set[_Order] = set()
        self._pool = pool
        self._takes_long = takes_long
        self._is_over = False

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have a call done by one of the pool's processes."""
        if self._is_over:
            raise RuntimeError("This import's executor has been shut down.")
        future: Future[T] = Future()
        self._pool._take(self, _Order(future, fn, args, kwargs, self._takes_long(*args, **kwargs)))  # noqa: SLF001
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Take no more orders of this import. The processes stay, for the other imports."""
        self._is_over = True
        if cancel_futures:
            self._pool._cancel([self])  # noqa: SLF001
        if wait:
            _wait_for(list(self.outstanding))


def _wait_for(orders: list[_Order]) -> None:
    wait([order.future for order in orders])
