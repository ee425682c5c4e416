"""A disk that refuses some files, as the processes see it that read and store them."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

from moorage.importer.batches.data import Answer, BatchOrder
from moorage.importer.batches.plain import PlainOrder, all_odd


class RefusingExecutor(Executor):
    """Does batches here, but the disk refuses some paths for as long as `refuses` says so: it is asked once a try."""

    def __init__(self, refuses: Callable[[bytes], str]) -> None:
        self.refuses = refuses

    def submit(self, fn: Callable[..., Any], /, *args: Any, **_: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if isinstance(args[0], PlainOrder):
            # It takes no notice of what is unusual: everything goes the usual way.
            future.set_result(all_odd(args[0]))
            return future
        order: BatchOrder = args[0]
        codes = [self.refuses(path) for path, _, _ in order.files]
        good = [index for index, code in enumerate(codes) if not code]
        done: Answer = fn(order._replace(files=tuple(order.files[index] for index in good)))
        refused = [(index, code, "") for index, code in enumerate(codes) if code]
        placed = [(good[index], *rest) for index, *rest in done.placed]
        troubles = [(good[index], code, detail) for index, code, detail in done.troubles]
        future.set_result(Answer(placed, troubles + refused))
        return future
