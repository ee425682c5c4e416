"""Keeps a group of processes running: a dead one is started again and said, and all end together."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO

STOP_SECONDS = 5.0
LONGEST_PAUSE_SECONDS = 10.0
STEADY_SECONDS = 30.0  # a process that ran that long starts again at once when it dies
POLL_SECONDS = 0.2
LARGEST_LOG_BYTES = 20 * 2**20


@dataclass
class Child:
    """One process of the group: its name for people, its command, where its output goes."""

    name: str
    command: Sequence[str]
    log: Path
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    pause_seconds: float = 0.0
    next_start: float = 0.0

    def start(self) -> None:
        self.started = time.monotonic()
        with _log_file(self.log) as log:
            # A session of its own: Ctrl-C reaches the supervisor only, which then stops all in order.
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(self.environment),
                start_new_session=True,
            )


def _log_file(path: Path) -> IO[bytes]:
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LARGEST_LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    return path.open("ab")


@dataclass
class Supervisor:
    """Runs its children until it is told to stop."""

    children: list[Child]
    say: Callable[[str], None]
    _stopping: bool = field(default=False, init=False)

    def start(self) -> None:
        """Start all, and stop all on SIGINT, SIGTERM or SIGHUP."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._stop_soon)
        for child in self.children:
            child.start()

    def run(self) -> None:
        """Watch until a signal asks to stop; then stop all."""
        while not self._stopping:
            for child in self.children:
                self._look_after(child)
            time.sleep(POLL_SECONDS)
        self.stop()

    def wait_until(self, ready: Callable[[], bool], *, seconds: float) -> bool:
        """Look after the children until `ready`, at most so long; False when it did not come to that."""
        end = time.monotonic() + seconds
        while not self._stopping and time.monotonic() < end:
            if ready():
                return True
            for child in self.children:
                self._look_after(child)
            time.sleep(POLL_SECONDS)
        return False

    @property
    def is_stopping(self) -> bool:
        return self._stopping

    def stop(self) -> None:
        """End every child: asked first, killed after STOP_SECONDS."""
        running = [child.process for child in self.children if child.process and child.process.poll() is None]
        for process in running:
            process.terminate()
        end = time.monotonic() + STOP_SECONDS
        for process in running:
            try:
                process.wait(timeout=max(0.1, end - time.monotonic()))
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def _look_after(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is None:
            if now >= child.next_start:
                child.start()
            return
        status = child.process.poll()
        if status is None:
            return
        child.process = None
        steady = now - child.started >= STEADY_SECONDS
        child.pause_seconds = 0.5 if steady else min(LONGEST_PAUSE_SECONDS, max(0.5, child.pause_seconds * 2))
        child.next_start = now + child.pause_seconds
        self.say(
            f"The {child.name} ended ({_in_words(status)}); it is started again in {child.pause_seconds:g} s. "
            f"Its output is in {child.log}."
        )

    def _stop_soon(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a signal handler's form
        self._stopping = True


def _in_words(status: int) -> str:
    return f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"
