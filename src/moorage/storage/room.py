"""How much room a store has, and the floor below which nothing new begins."""

import os
import tempfile
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class FreeSpace:
    """A file system's size and what we may still write to it."""

    total_bytes: int
    free_bytes: int

    def above_floor(self, *, percent: int, floor_bytes: int) -> int:
        """Bytes left above the floor, the larger of `percent` of the whole and `floor_bytes`; negative below it."""
        return self.free_bytes - max(self.total_bytes * percent // 100, floor_bytes)


def free_space(folder: Path) -> FreeSpace:
    """The room of the file system that a folder lies on."""
    status = os.statvfs(folder)
    return FreeSpace(status.f_blocks * status.f_frsize, status.f_bavail * status.f_frsize)


def can_write(folder: Path) -> bool:
    """Whether a file can be made in this folder now: not on a full, read-only or missing file system."""
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"probe")
            probe.flush()
            os.fsync(probe.fileno())
    except OSError:
        return False
    return True
