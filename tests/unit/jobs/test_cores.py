"""How many cores a process may use, told from the texts of the files that say so."""

from __future__ import annotations

import os

import pytest

from moorage.jobs.cores import cores, count_cores

V2 = "31 23 0:28 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = (
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "33 31 0:30 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
)
# Seen from inside a container without a namespace of its own: the container's group is the top of what is mounted.
V1_IN_A_CONTAINER = "32 31 0:29 /docker/abc /sys/fs/cgroup/cpu ro - cgroup cgroup rw,cpu\n"


def counted(affinity: int, groups: str, mounts: str, **files: str) -> int:
    """The count on a machine where only these files are there."""
    texts = {"/proc/self/cgroup": groups, "/proc/self/mountinfo": mounts, **files}

    def read(path: str) -> str:
        if path not in texts:
            raise FileNotFoundError(path)
        return texts[path]

    return count_cores(affinity, read=read)


def test_without_control_groups_the_affinity_counts() -> None:
    def nothing(path: str) -> str:
        raise FileNotFoundError(path)

    assert count_cores(6, read=nothing) == 6


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        ("max 100000", 8),
        ("400000 100000", 4),
        ("150000 100000", 2),
        ("20000 100000", 1),
        ("1600000 100000", 8),
        ("what is this", 8),
        ("", 8),
    ],
)
def test_a_quota_is_rounded_up_and_never_more_than_the_affinity(limit: str, expected: int) -> None:
    files = {"/sys/fs/cgroup/system.slice/moorage.service/cpu.max": limit}
    assert counted(8, "0::/system.slice/moorage.service\n", V2, **files) == expected


def test_the_tightest_of_the_groups_above_decides() -> None:
    files = {
        "/sys/fs/cgroup/system.slice/moorage.service/cpu.max": "600000 100000",
        "/sys/fs/cgroup/system.slice/cpu.max": "300000 100000",
    }
    assert counted(8, "0::/system.slice/moorage.service\n", V2, **files) == 3


def test_in_a_container_its_own_group_is_the_top() -> None:
    assert counted(8, "0::/\n", V2, **{"/sys/fs/cgroup/cpu.max": "200000 100000"}) == 2
    # A process of another namespace: its path leads out of what can be seen here.
    assert counted(8, "0::/../../other\n", V2, **{"/sys/fs/cgroup/cpu.max": "200000 100000"}) == 2


@pytest.mark.parametrize(("quota", "expected"), [("-1", 8), ("250000", 3), ("0", 8)])
def test_the_first_generation_of_control_groups_is_read_too(quota: str, expected: int) -> None:
    folder = "/sys/fs/cgroup/cpu,cpuacct/moorage"
    files = {f"{folder}/cpu.cfs_quota_us": f"{quota}\n", f"{folder}/cpu.cfs_period_us": "100000\n"}
    assert counted(8, "4:cpuset:/\n2:cpu,cpuacct:/moorage\n0::/\n", V1, **files) == expected


def test_the_first_generation_is_read_inside_a_container_too() -> None:
    files = {"/sys/fs/cgroup/cpu/cpu.cfs_quota_us": "150000\n", "/sys/fs/cgroup/cpu/cpu.cfs_period_us": "50000\n"}
    assert counted(8, "2:cpu:/docker/abc\n", V1_IN_A_CONTAINER, **files) == 3


def test_this_machine_has_cores() -> None:
    assert 1 <= cores() <= len(os.sched_getaffinity(0))
