"""A read lease on an open file: proof that nobody has it open for writing (fcntl(2), F_SETLEASE)."""

import errno
import fcntl
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

_F_SETSIG = 10  # not in Python's fcntl module


class StillOpenError(Exception):
    """Somebody has the file open for writing, or is about to."""


class _Signals:
    """Whether this process ignores the signal that tells of a broken lease. Its default would end the process."""

    are_ignored = False


def ignore_broken_leases() -> None:
    """Have this process ignore the signal of broken leases, if it can: signals are the main thread's.

    It saves a call for every lease.
    """
    if not _Signals.are_ignored and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGIO, signal.SIG_IGN)
        _Signals.are_ignored = True


@dataclass(frozen=True, slots=True)
class ReadLease:
    """`is_held` is False where no lease can be had: another owner, or a file system without leases."""

    descriptor: int
    is_held: bool

    def check(self) -> None:
        """Raise StillOpenError if somebody has asked to write since the lease was taken."""
        # While a lease is being broken, F_GETLEASE answers what it is broken to.
        if self.is_held and fcntl.fcntl(self.descriptor, fcntl.F_GETLEASE) != fcntl.F_RDLCK:
            raise StillOpenError


def set_read_lease(descriptor: int) -> None:
    """Take a read lease as `take_read_lease` does, with fewest steps.

    Raises:
        OSError: EAGAIN where somebody has the file open for writing; another where no lease can be had.
    """
    if not _Signals.are_ignored:
        fcntl.fcntl(descriptor, _F_SETSIG, signal.SIGURG)
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)


def take_read_lease(descriptor: int) -> ReadLease:
    """Take a read lease on a file that is open read-only; who wants to write waits meanwhile (45 s at most).

    Closing the file gives it back.

    Raises:
        StillOpenError: somebody has the file open for writing.
    """
    try:
        if not _Signals.are_ignored:
            # SIGURG is ignored by default.
            fcntl.fcntl(descriptor, _F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        if error.errno == errno.EAGAIN:
            raise StillOpenError from error
        return ReadLease(descriptor, is_held=False)
    return ReadLease(descriptor, is_held=True)


@contextmanager
def read_lease(descriptor: int) -> Iterator[ReadLease]:
    """Hold a read lease until the block ends; see `take_read_lease`."""
    lease = take_read_lease(descriptor)
    try:
        yield lease
    finally:
        if lease.is_held:
            with suppress(OSError):
                fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
