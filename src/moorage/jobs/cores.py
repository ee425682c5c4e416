"""How many cores this process may use: its affinity, and what its control groups leave of them.

A container is limited by a quota of CPU time, which the affinity does not show. Both generations of
control groups are read, cgroup v2's `cpu.max` and v1's `cpu.cfs_quota_us`; see cgroups(7).
"""

import math
import os
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

Read = Callable[[str], str]  # a file's text; raises OSError where there is none


def cores() -> int:
    """How many cores this process may use, rounded up; at least 1."""
    return count_cores(len(os.sched_getaffinity(0)), read=lambda path: Path(path).read_text())


def count_cores(affinity: int, *, read: Read) -> int:
    """The smallest of the affinity and of all quotas that hold for this process, rounded up; at least 1."""
    return max(1, min([affinity, *(math.ceil(quota) for quota in _quotas(read))]))


def _quotas(read: Read) -> Iterator[float]:
    """The cores that each control group above this process may keep busy. Nothing where there is no limit."""
    try:
        groups, mounts = read("/proc/self/cgroup"), read("/proc/self/mountinfo")
    except OSError:
        return
    for mount in _mounts(mounts):
        for folder in _folders(mount, groups):
            quota = (_quota_v2 if mount.is_v2 else _quota_v1)(folder, read)
            if quota is not None:
                yield quota


class _Mount(NamedTuple):
    """Where a hierarchy of control groups can be read. `root` is the group that stands at its top there."""

    is_v2: bool
    root: PurePosixPath
    at: PurePosixPath


def _mounts(mountinfo: str) -> Iterator[_Mount]:
    """The hierarchies that limit CPU time (proc(5), `mountinfo`)."""
    for line in mountinfo.splitlines():
        mount, _, system = (part.split() for part in line.partition(" - "))
        if len(mount) < 5 or len(system) < 3:
            continue
        kind, options = system[0], system[2].split(",")
        if kind == "cgroup2" or (kind == "cgroup" and "cpu" in options):
            yield _Mount(kind == "cgroup2", PurePosixPath(mount[3]), PurePosixPath(mount[4]))


def _folders(mount: _Mount, groups: str) -> Iterator[PurePosixPath]:
    """The folders of this process's group in a hierarchy and of every group above it, as far as they can be seen."""
    for line in groups.splitlines():
        number, controllers, path = line.split(":", 2)
        if (number == "0") if mount.is_v2 else ("cpu" in controllers.split(",")):
            group = PurePosixPath(path)
            # Seen from inside a container, its own group can be the top.
            inside = group.relative_to(mount.root) if group.is_relative_to(mount.root) else PurePosixPath()
            folder = mount.at / inside
            yield from (folder, *(above for above in folder.parents if above.is_relative_to(mount.at)))


def _quota_v2(folder: PurePosixPath, read: Read) -> float | None:
    return _cores_of(_words(folder / "cpu.max", read))


def _quota_v1(folder: PurePosixPath, read: Read) -> float | None:
    return _cores_of(_words(folder / "cpu.cfs_quota_us", read) + _words(folder / "cpu.cfs_period_us", read))


def _words(path: PurePosixPath, read: Read) -> list[str]:
    try:
        return read(str(path)).split()
    except OSError:
        return []


def _cores_of(words: list[str]) -> float | None:
    """`words` are the microseconds of each period, and how long a period is. `max` and -1 are no limit."""
    try:
        quota, period = (int(word) for word in words)
    except ValueError:
        return None
    return quota / period if quota > 0 and period > 0 else None
