"""Acting as another account of the machine, which only root can, or as root without its powers over files."""

from __future__ import annotations

import ctypes
import os
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_CAPABILITIES_3 = 0x20080522  # capset(2)
_OVER_FILES = 1 << 1 | 1 << 2 | 1 << 3  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH, CAP_FOWNER


def let_in(path: Path) -> None:
    """Let other accounts on their way to a temporary folder of this test."""
    for folder in [path, *path.parents]:
        if "pytest" in str(folder):
            folder.chmod(0o711)


def as_nobody(act: Callable[[], Any]) -> Any:
    """What `act` returns when another account does it."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        os.write(writing, pickle.dumps(act()))
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, "rb") as answer:
        os.waitpid(child, 0)
        return pickle.loads(answer.read())  # noqa: S301 - our own


@contextmanager
def without_powers_over_files() -> Iterator[None]:
    """This thread is held to the modes of files within, as any other account is."""
    if os.geteuid() != 0:
        yield
        return
    before = _capabilities()
    _set_capabilities([before[0] & ~_OVER_FILES, *before[1:]])
    try:
        yield
    finally:
        _set_capabilities(before)


def _capabilities() -> list[int]:
    """Effective, permitted and inheritable ones, twice: the lower and the upper 32."""
    found = (ctypes.c_uint32 * 6)()
    if ctypes.CDLL(None, use_errno=True).capget((ctypes.c_uint32 * 2)(_CAPABILITIES_3, 0), found):
        raise OSError(ctypes.get_errno(), "capget")
    return list(found)


def _set_capabilities(wanted: list[int]) -> None:
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES_3, 0)
    if ctypes.CDLL(None, use_errno=True).capset(header, (ctypes.c_uint32 * 6)(*wanted)):
        raise OSError(ctypes.get_errno(), "capset")
