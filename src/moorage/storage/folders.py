"""Folders below a root, opened by descriptor, one name at a time, never through a link.

A path that was a folder a moment ago may be a link now; opening each name relative to the
descriptor of the one above it cannot leave the root, and has no limit on the length of a path.
"""

import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

FOLDER_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
KEPT_LEVELS = 48  # descriptors kept open; further down one of so many, so that nothing is walked to from far above
DEEPEST_KEPT = KEPT_LEVELS * KEPT_LEVELS


def split_path(path: bytes) -> tuple[bytes, bytes]:
    """The folder and the last name of a relative path; the folder is empty at the root."""
    folder, _, name = path.rpartition(b"/")
    return folder, name


class OpenFolders:
    """The way down to one folder at a time; going to a sibling reopens only what differs.

    A descriptor that `at` returns is valid until the next call.
    """

    def __init__(self, root: Path, *, make: bool = False) -> None:
        self._root = os.open(root, FOLDER_FLAGS)
        self._make = make  # folders that are missing on the way
        self._folder: bytes | None = b""  # where the way leads now; None after a step that failed
        self._names: list[bytes] = []
        self._kept: list[tuple[int, int]] = []  # of how many of `_names`, and their descriptor; the deepest last
        self._loose: int | None = None  # the current folder where it is none of the kept ones

    def at(self, folder: bytes) -> int:
        """The descriptor of a folder below the root (empty: the root).

        Raises:
            OSError: a name on the way is missing, not a folder, a link, or not readable.
        """
        if folder == self._folder:
            return self._current()
        names = folder.split(b"/") if folder else []
        self._folder = None
        self._close_below(self._shared_with(names))
        start = self._kept[-1][0] if self._kept else 0
        self._names = names[:start]
        try:
            self._descend(names[start:])
        except OSError:
            self._close_below(start)
            self._names = names[:start]
            raise
        self._folder = folder
        return self._current()

    def close(self) -> None:
        """Close every descriptor; harmless when repeated."""
        self._close_below(0)
        if self._root >= 0:
            os.close(self._root)
            self._root = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _current(self) -> int:
        if self._loose is not None:
            return self._loose
        return self._kept[-1][1] if self._kept else self._root

    def _shared_with(self, names: list[bytes]) -> int:
        shared = 0
        for ours, theirs in zip(self._names, names, strict=False):
            if ours != theirs:
                break
            shared += 1
        return shared

    def _descend(self, names: list[bytes]) -> None:
        for name in names:
            below = self._open(name)
            self._close_loose()
            self._names.append(name)
            level = len(self._names)
            if level <= KEPT_LEVELS or (level <= DEEPEST_KEPT and level % KEPT_LEVELS == 0):
                self._kept.append((level, below))
            else:
                self._loose = below

    def _open(self, name: bytes) -> int:
        above = self._current()
        try:
            return os.open(name, FOLDER_FLAGS, dir_fd=above)
        except FileNotFoundError:
            if not self._make:
                raise
        with suppress(FileExistsError):
            os.mkdir(name, 0o755, dir_fd=above)
        return os.open(name, FOLDER_FLAGS, dir_fd=above)

    def _close_below(self, level: int) -> None:
        self._close_loose()
        while self._kept and self._kept[-1][0] > level:
            os.close(self._kept.pop()[1])

    def _close_loose(self) -> None:
        if self._loose is not None:
            os.close(self._loose)
            self._loose = None
