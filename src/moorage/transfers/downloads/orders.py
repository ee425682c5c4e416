"""Having an executor do a tree's batches: an order whose process died is asked for again."""

from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Executor, Future
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

TRIES: Final = 3  # an order that ended its process may have been innocent

T = TypeVar("T")


@dataclass
class Asked(Generic[T]):
    """An order that is being done."""

    executor: Executor
    act: Callable[[Any], T]
    order: Any
    future: Future[T]

    def result(self) -> T:
        """Wait for the answer.

        Raises:
            BrokenExecutor: the process died with it again and again.
            OSError: what the order raises.
        """
        for _ in range(TRIES - 1):
            try:
                return self.future.result()
            except BrokenExecutor:
                self.future = self.executor.submit(self.act, self.order)
        return self.future.result()


@dataclass(frozen=True)
class Orders:
    """An executor, and how many orders keep it busy."""

    executor: Executor
    in_flight: int = 4

    def ask(self, act: Callable[[Any], T], order: Any) -> Asked[T]:
        """Have an order done."""
        return Asked(self.executor, act, order, self.executor.submit(act, order))
