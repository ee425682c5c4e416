"""A file system that fails on demand, below everything that Moorage's own code asks of it.

While it is `armed`, every call that code of `storage`, `importer`, `files`, `jobs` or `transfers` makes on the file
system is counted by what it asks (`op`) and by where it comes from (`site`: the innermost lines of Moorage on the way
to it). One call may be told to fail: once, from then on, or as a full or read-only disk fails, where everything that
would need room or change something fails until it is healed. Only calls of the thread that arms it count. What
succeeds is done, but for syncs: they take as long as the machine's disk is busy, and no plug is pulled here.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import io
import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Final, cast
from unittest import mock

import moorage
from fault_errors import OF_THE_DISK, Fault
from moorage.storage import sync

PACKAGE: Final = str(Path(moorage.__file__).parent) + "/"
WATCHED: Final = ("storage/", "importer/", "files/", "jobs/", "transfers/")
SITE_FRAMES: Final = 3

_PLAIN: Final = ("pread", "preadv", "pwrite", "scandir", "listdir", "stat", "lstat", "fstat", "link", "unlink")
_MORE: Final = ("rename", "replace", "mkdir", "rmdir", "chmod", "fchmod", "fsync", "statvfs", "readlink", "utime")
_CALLED: Final = {"preadv": "read", "pread": "read", "pwrite": "write", "lstat": "stat", "replace": "rename"}


@dataclass
class FaultFileSystem:
    """Counts the calls and makes some of them fail. `failed` says how many it has."""

    root: Path
    fault: Fault | None = None
    calls: Counter[tuple[str, str]] = field(default_factory=Counter)
    failed: int = 0
    _is_armed: bool = False

    @contextmanager
    def armed(self) -> Iterator[None]:
        """Within the block it counts and fails."""
        self._thread = threading.get_ident()
        patches = [mock.patch.object(os, name, self._watched(name, getattr(os, name))) for name in (*_PLAIN, *_MORE)]
        patches += [
            mock.patch.object(os, "open", self._opening(os.open)),
            mock.patch.object(io, "open", self._opening(io.open)),
            mock.patch.object(os, "scandir", self._scandir(os.scandir)),
            mock.patch.object(os, "fdopen", self._fdopen(os.fdopen)),
            mock.patch.object(fcntl, "fcntl", self._lease(fcntl.fcntl)),
            mock.patch.object(sync, "_libc", cast("Any", _Libc(self))),
        ]
        for patch in patches:
            patch.start()
        self._is_armed = True
        try:
            yield
        finally:
            self._is_armed = False
            for patch in reversed(patches):
                patch.stop()

    def heal(self) -> None:
        """From here on nothing fails."""
        self.fault = None

    def met(self, op: str, target: object) -> None:
        """A call is about to be made: count it, and raise what it is to fail with."""
        if not self._is_armed or threading.get_ident() != self._thread or not self._is_below(target):
            return
        site = _site()
        if not site:
            return
        self.calls[op, site] += 1
        if self.fault is not None and self._fails(self.fault, op, site):
            self.failed += 1
            raise OSError(self.fault.number, os.strerror(self.fault.number))

    def _fails(self, fault: Fault, op: str, site: str) -> bool:
        if self.failed >= fault.lasts:
            return False
        is_it = (op, site) == (fault.op, fault.site) and self.calls[op, site] >= fault.nth
        # What has failed once on a full disk fails everywhere until there is room.
        return is_it or (self.failed > 0 and op in OF_THE_DISK.get(fault.number, ()))

    def _is_below(self, target: object) -> bool:
        if isinstance(target, int) or not isinstance(target, (str, bytes, os.PathLike)):
            return True
        path = os.fsdecode(target)
        return not path.startswith("/") or path.startswith((str(self.root), "/proc/self/fd/"))

    def _watched(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        op = _CALLED.get(name, name)

        def watched(*args: Any, **named: Any) -> Any:
            self.met("fstat" if op == "stat" and isinstance(args[0], int) else op, args[0])
            return None if op == "fsync" else call(*args, **named)

        return watched

    def _opening(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(path: Any, how: Any = "r", *args: Any, **named: Any) -> Any:
            writes = how & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) if isinstance(how, int) else "r" not in how
            self.met("create" if writes else "open", path)
            return call(path, how, *args, **named)

        return watched

    def _scandir(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(path: Any = ".") -> Any:
            self.met("scandir", path)
            return _Listing(self, call(path))

        return watched

    def _fdopen(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(descriptor: int, mode: str = "r", *args: Any, **named: Any) -> Any:
            if mode != "rb":
                return call(descriptor, mode, *args, **named)
            return io.BufferedReader(_Raw(self, descriptor))

        return watched

    def _lease(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def watched(descriptor: Any, command: int, *args: Any) -> Any:
            if command == fcntl.F_SETLEASE:
                self.met("lease", descriptor)
            return call(descriptor, command, *args)

        return watched


def _site() -> str:
    """The innermost lines of Moorage on the way to this call; empty where it is not its own."""
    frame: FrameType | None = sys._getframe(2)
    places: list[str] = []
    while frame is not None and len(places) < SITE_FRAMES:
        name = frame.f_code.co_filename
        if name.startswith(PACKAGE):
            place = name[len(PACKAGE) :]
            if not places and not place.startswith(WATCHED):
                return ""
            places.append(f"{place}:{frame.f_lineno} {frame.f_code.co_name}")
        frame = frame.f_back
    return " < ".join(places)


class _Listing:
    """What os.scandir returns, whose every step may fail."""

    def __init__(self, faults: FaultFileSystem, entries: Any) -> None:
        self._faults, self._entries = faults, entries

    def __enter__(self) -> _Listing:
        return self

    def __exit__(self, *_: object) -> None:
        self._entries.close()

    def __iter__(self) -> _Listing:
        return self

    def __next__(self) -> Any:
        self._faults.met("next", 0)
        return _Entry(self._faults, next(self._entries))


class _Entry:
    """A directory entry whose questions may fail."""

    def __init__(self, faults: FaultFileSystem, entry: os.DirEntry[Any]) -> None:
        self._faults, self._entry = faults, entry
        self.name, self.path = entry.name, entry.path

    def stat(self, *, follow_symlinks: bool = True) -> os.stat_result:
        self._faults.met("entry", 0)
        return self._entry.stat(follow_symlinks=follow_symlinks)

    def is_file(self, *, follow_symlinks: bool = True) -> bool:
        self._faults.met("entry", 0)
        return self._entry.is_file(follow_symlinks=follow_symlinks)

    def is_dir(self, *, follow_symlinks: bool = True) -> bool:
        self._faults.met("entry", 0)
        return self._entry.is_dir(follow_symlinks=follow_symlinks)


class _Raw(io.FileIO):
    """A file opened by its descriptor, whose reads may fail."""

    def __init__(self, faults: FaultFileSystem, descriptor: int) -> None:
        super().__init__(descriptor)
        self._faults = faults

    def readinto(self, buffer: Any) -> Any:
        self._faults.met("read", 0)
        return super().readinto(buffer)


class _Libc:
    """The C library, whose syncfs(2) may fail."""

    def __init__(self, faults: FaultFileSystem) -> None:
        self._faults = faults

    def syncfs(self, descriptor: int) -> int:
        try:
            self._faults.met("syncfs", descriptor)
        except OSError as error:
            ctypes.set_errno(error.errno or errno.EIO)
            return -1
        return 0
