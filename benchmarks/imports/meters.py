"""What a run costs: wall time, CPU seconds, and the peak memory of its largest process (all from proc(5))."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

SAMPLE_SECONDS: Final = 0.1
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_GONE: Final = (FileNotFoundError, ProcessLookupError, PermissionError)


class LimitReachedError(Exception):
    """The command was stopped because it took longer than it may."""


class CommandFailedError(Exception):
    """The command ended with a status that is not 0; its output is the message."""


@dataclass(frozen=True)
class Cost:
    """`peak_bytes` is that of the largest single process."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int


def tree_of(root: int) -> list[int]:
    """A process and all that descend from it."""
    found = [root]
    for pid in found:
        with suppress(*_GONE):
            for thread in Path(f"/proc/{pid}/task").iterdir():
                found += [int(child) for child in (thread / "children").read_text().split()]
    return found


def cpu_seconds(roots: Iterable[int]) -> float:
    """What the trees have used so far: their own, and that of children that ended and were waited for."""
    ticks = 0
    for root in roots:
        for pid in tree_of(root):
            with suppress(*_GONE):
                fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                ticks += sum(map(int, fields[11:15]))  # utime, stime, cutime, cstime
    return ticks / _TICKS


def peak_bytes(root: int) -> int:
    """The largest VmHWM in a tree."""
    largest = 0
    for pid in tree_of(root):
        with suppress(*_GONE):
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    largest = max(largest, int(line.split()[1]) * 1024)
    return largest


def forget_peaks(root: int) -> None:
    """Let VmHWM begin anew, where the kernel lets us."""
    for pid in tree_of(root):
        with suppress(OSError):
            Path(f"/proc/{pid}/clear_refs").write_text("5")


@dataclass
class Meter:
    """Measures running processes while it is entered: memory of the first tree, CPU of all of them."""

    roots: Sequence[int]
    cpu: float = 0.0
    peak: int = 0
    _ended: threading.Event = field(default_factory=threading.Event)
    _sampler: threading.Thread | None = None

    def __enter__(self) -> Self:
        forget_peaks(self.roots[0])
        self.cpu = -cpu_seconds(self.roots)
        self._sampler = threading.Thread(target=self._sample, daemon=True)
        self._sampler.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.cpu += cpu_seconds(self.roots)
        self._ended.set()
        if self._sampler is not None:
            self._sampler.join()

    def _sample(self) -> None:
        while True:
            self.peak = max(self.peak, peak_bytes(self.roots[0]))
            if self._ended.wait(SAMPLE_SECONDS):
                self.peak = max(self.peak, peak_bytes(self.roots[0]))
                return


def run_command(command: Sequence[str], *, folder: Path, environment: Mapping[str, str], limit_seconds: float) -> Cost:
    """Run one command to its end.

    Raises:
        LimitReachedError: it took longer than `limit_seconds`.
        CommandFailedError: it failed.
    """
    log = folder / "output.txt"
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    with log.open("wb") as output:
        started = time.perf_counter()
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        late = threading.Event()
        timer = threading.Timer(limit_seconds, _stop, (process.pid, late))
        timer.daemon = True
        timer.start()
        with Meter([process.pid]) as meter:
            process.wait()
            seconds = time.perf_counter() - started
    timer.cancel()
    if late.is_set():
        raise LimitReachedError
    if process.returncode:
        raise CommandFailedError(log.read_text(errors="replace")[-2000:])
    now = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Cost(seconds, now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime, meter.peak)


def _stop(pid: int, late: threading.Event) -> None:
    late.set()
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)
