"""Making what was written survive a power cut."""

import ctypes
import os
from pathlib import Path

_libc = ctypes.CDLL(None, use_errno=True)


def sync_folder(folder: Path) -> None:
    """Put a folder's own names on disk: a rename or a new name is durable only afterwards."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file_system(descriptor: int) -> None:
    """Put everything of the file system that a descriptor lies on on disk: syncfs(2), one call for a whole batch.

    Raises:
        OSError: a write failed since the last call; nothing of the batch may be relied on.
    """
    if _libc.syncfs(descriptor) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def sync_around(folder: Path) -> None:
    """Put everything of the file system that a folder lies on on disk.

    Raises:
        OSError: a write failed.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync_file_system(descriptor)
    finally:
        os.close(descriptor)
