"""The site's server: Granian, one worker process with many threads, so that a slow stream blocks nobody."""

import functools
import os
from collections.abc import Callable
from typing import Any

from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server import Server

from moorage.config.processes import check_port_free, end_with_parent

REQUEST_THREADS = 32
STOP_SECONDS = 3


def serve_site(host: str, port: int, *, workers: int = 1) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        PortBusyError: the address is taken.
    """
    # Granian would share the port with whoever has it; so the kernel is asked first.
    check_port_free("site", host, port, option="--port")
    server = Server(
        "moorage",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=REQUEST_THREADS,
        workers_kill_timeout=STOP_SECONDS,
        respawn_failed_workers=True,
        websockets=False,
        log_level=LogLevels.error,
    )
    server.serve(target_loader=functools.partial(_load, os.getpid()), wrap_loader=False)


def _load(parent: int) -> Callable[..., Any]:
    """Runs in each worker process. A server that was killed leaves no worker holding its port."""
    end_with_parent(parent)
    from moorage.config.wsgi import application  # noqa: PLC0415 - Django starts in the worker process only

    return application
