"""How a request wakes the engine, stops a running task, and hears that a task has ended.

The database says what is so; these only save waiting. Losing one costs a second, never a task.
"""

from __future__ import annotations

import threading


class Signals:
    """One for each running service."""

    def __init__(self) -> None:
        self.work = threading.Event()
        self._ended = threading.Condition()
        self._stops: dict[str, threading.Event] = {}

    def register(self, task_id: str) -> threading.Event:
        """The event that tells the thread of this task to look whether it must stop."""
        return self._stops.setdefault(task_id, threading.Event())

    def unregister(self, task_id: str) -> None:
        self._stops.pop(task_id, None)
        with self._ended:
            self._ended.notify_all()

    def interrupt(self, task_id: str) -> None:
        """Stop the thread of a task, if it has one, and let the engine look at the task."""
        stop = self._stops.get(task_id)
        if stop is not None:
            stop.set()
        self.work.set()

    def interrupt_all(self) -> None:
        for stop in list(self._stops.values()):
            stop.set()

    def wait_for_an_end(self, seconds: float) -> None:
        """Wait until any task has ended or stopped."""
        with self._ended:
            self._ended.wait(seconds)

    def tell_an_end(self) -> None:
        with self._ended:
            self._ended.notify_all()
