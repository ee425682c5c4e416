"""Runs a local Globus: a main process that holds the port, one worker process that does everything.

One worker only: the transfer engine and the SQLite writer live in it. It serves each request in a thread.
Both processes end with their parent, however that ended, so that nothing holds the port afterwards.
"""

from __future__ import annotations

import ctypes
import functools
import logging
import multiprocessing.util
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

from flask import Flask
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from globus_local import STARTED_BY
from globus_local.app import make_app
from globus_local.config import Config
from globus_local.errors import GlobusLocalError

REQUEST_THREADS = 64
STOP_SECONDS = 2  # requests that run longer after SIGTERM are cut off
PARENT_POLL_SECONDS = 0.2  # only where the kernel has no pidfd
PR_SET_PDEATHSIG = 1

log = logging.getLogger(__name__)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {"_granian": {"handlers": ["stderr"], "level": "ERROR", "propagate": False}},
}


class PortBusyError(GlobusLocalError):
    """Something listens on the wanted address already."""

    code = "serve.port_busy"

    def __init__(self, host: str, port: int, reason: str) -> None:
        super().__init__(
            f"The local Globus cannot listen on {host}:{port} ({reason}). "
            "Stop what listens there, or set another `port`."
        )
        self.host, self.port = host, port


def serve(config: Config, *, parent: int | None = None) -> None:
    """Serve until SIGTERM or SIGINT; both end everything within about three seconds.

    It also ends with its parent: the process `parent` where that is given (at once where it is gone already), else
    the one that it had when it began. A process that had none left then, or whose parent is init, is not watched.

    Raises:
        PortBusyError: the address is taken.
    """
    if parent is not None or STARTED_BY > 1:
        end_with_parent(STARTED_BY if parent is None else parent)
    _check_port(config)
    server = Server(
        "globus_local",
        address=config.host,
        port=config.port,
        interface=Interfaces.WSGI,
        workers=1,
        blocking_threads=REQUEST_THREADS,
        workers_kill_timeout=STOP_SECONDS,
        websockets=False,
        log_level=LogLevels.error,
        log_dictconfig=LOGGING,
    )
    server.on_startup(lambda: log.info("%s is at %s", config.title, config.issuer))
    server.serve(target_loader=functools.partial(_load, config, os.getpid()), wrap_loader=False)


def end_with_parent(parent: int) -> None:
    """From now on this process is killed as soon as the process `parent`, its parent, is gone; at once if it is."""
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)
    watch = threading.Thread(target=_die_after, args=(parent,), name="end-with-parent", daemon=True)
    watch.start()


def _die_after(parent: int) -> None:
    try:
        descriptor = os.pidfd_open(parent)
        if os.getppid() == parent:
            select.select([descriptor], [], [])
    except OSError:  # no pidfd here, or the parent is gone already
        while os.getppid() == parent:
            time.sleep(PARENT_POLL_SECONDS)
    os.kill(os.getpid(), signal.SIGKILL)


def _load(config: Config, main_process: int) -> Callable[..., Any]:
    """Runs in the worker process: what Granian calls for each request."""
    # The kernel's signal is quicker than our thread, but misses a parent that died before this call.
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    end_with_parent(main_process)
    # Ctrl-C is for the main process: a worker that ends by itself would look like a failure to it.
    os.setpgid(0, 0)
    app = make_app(config)
    _start_engine(app)
    return app


def _start_engine(app: Flask) -> None:
    from globus_local.transfer.engine import Engine  # noqa: PLC0415 (the main process needs none of it)
    from globus_local.world import EXTENSION  # noqa: PLC0415

    engine = Engine(app.extensions[EXTENSION])
    engine.start()
    # multiprocessing's children run no atexit functions, only these.
    multiprocessing.util.Finalize(None, engine.stop, exitpriority=10)


def _check_port(config: Config) -> None:
    """Granian would share the port with whoever has it; so ask the kernel first."""
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((config.host, config.port))
        except OSError as error:
            raise PortBusyError(config.host, config.port, error.strerror or str(error)) from error
