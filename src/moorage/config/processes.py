"""Processes and ports of one machine: a child that ends with its parent, a port that is free or not."""

import ctypes
import os
import select
import signal
import socket
import threading
import time
from contextlib import closing

from moorage.errors import UnavailableError

PR_SET_PDEATHSIG = 1  # prctl(2)


class PortBusyError(UnavailableError):
    """Another program listens there."""

    code = "start.port_busy"

    def __init__(self, what: str, host: str, port: int, option: str) -> None:
        super().__init__(
            f"Port {port} on {host}, wanted for the {what}, is in use by another program. "
            f"Stop that program, or choose another port with {option}."
        )
        self.port = port


def end_with_parent(parent: int) -> None:
    """From now on this process is killed as soon as the process `parent`, its parent, is gone, however that ended.

    At once where it is gone already. So `parent` comes from the parent: asked here, the kernel would name its heir.
    """
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    # The kernel's signal misses a parent that died before that call.
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
    threading.Thread(target=_die_after, args=(parent,), name="end-with-parent", daemon=True).start()


def _die_after(parent: int) -> None:
    try:
        with closing(os.fdopen(os.pidfd_open(parent), "rb", buffering=0)) as watched:
            if os.getppid() == parent:
                select.select([watched], [], [])
    except OSError:  # no pidfd here, or the parent is gone already
        while os.getppid() == parent:
            time.sleep(0.2)
    os.kill(os.getpid(), signal.SIGKILL)


def check_port_free(what: str, host: str, port: int, *, option: str) -> None:
    """Raise PortBusyError when something listens on the port already."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortBusyError(what, host, port, option) from error


def answers(host: str, port: int) -> bool:
    """Whether something accepts connections there."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - a listener there answers on loopback
    try:
        with socket.create_connection((reachable, port), timeout=1):
            return True
    except OSError:
        return False
