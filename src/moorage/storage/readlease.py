"""A read lease on an open file: proof that nobody has it open for writing (fcntl(2), F_SETLEASE)."""

import errno
import fcntl
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

_F_SETSIG = 10  # not in Python's fcntl module


class StillOpenError(Exception):
    """Somebody has the file open for writing, or is about to."""


@dataclass(frozen=True)
class ReadLease:
    """`is_held` is False where no lease can be had: another owner, or a file system without leases."""

    descriptor: int
    is_held: bool

    def check(self) -> None:
        """Raise StillOpenError if somebody has asked to write since the lease was taken."""
        # While a lease is being broken, F_GETLEASE answers what it is broken to.
        if self.is_held and fcntl.fcntl(self.descriptor, fcntl.F_GETLEASE) != fcntl.F_RDLCK:
            raise StillOpenError


@contextmanager
def read_lease(descriptor: int) -> Iterator[ReadLease]:
    """Hold a read lease on a file that is open read-only; who wants to write waits meanwhile (45 s at most).

    Raises:
        StillOpenError: somebody has the file open for writing.
    """
    is_held = _take(descriptor)
    try:
        yield ReadLease(descriptor, is_held)
    finally:
        if is_held:
            with suppress(OSError):
                fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)


def _take(descriptor: int) -> bool:
    try:
        # A broken lease is told by a signal; SIGIO, the default, would kill the process, SIGURG is ignored.
        fcntl.fcntl(descriptor, _F_SETSIG, signal.SIGURG)
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        if error.errno == errno.EAGAIN:
            raise StillOpenError from error
        return False
    return True
