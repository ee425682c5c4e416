"""Runs the worker loop until a signal asks to stop."""

import signal
import threading

from moorage.jobs.worker import run_worker


def run_until_signal() -> None:
    """Work until SIGTERM or SIGINT; what is not finished then goes on at the next start."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    run_worker(stop)
