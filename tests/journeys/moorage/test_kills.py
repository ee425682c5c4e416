"""kill -9 of any process, at any time: after the restart everything completes without a person."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import pytest

from processes import has_ended
from running_moorage import START_SECONDS, RunningMoorage, eventually, port_is_free
from script_author import ScriptAuthor

pytestmark = pytest.mark.journey

FILES = {f"folder {number % 7}/file {number:04}.txt": b"content %d" % number * 50 for number in range(400)}


def kill(moorage: RunningMoorage, part: str) -> None:
    """SIGKILL one part; the supervisor starts it again."""
    before = moorage.pid_of(part)
    os.kill(before, signal.SIGKILL)
    eventually(lambda: _pid_or_none(moorage, part) not in {None, before})
    eventually(lambda: not port_is_free(moorage.port) and not port_is_free(moorage.globus_port))


def _pid_or_none(moorage: RunningMoorage, part: str) -> int | None:
    try:
        return moorage.pid_of(part)
    except AssertionError:
        return None


def test_each_part_may_be_killed_during_a_transfer_and_an_import(
    start_moorage: Callable[..., RunningMoorage],
) -> None:
    moorage = start_moorage("--globus-setting", "bytes_per_second=400000")
    author = ScriptAuthor(moorage)
    author.folder("killed", FILES)
    upload = author.open_upload("killed")
    task = author.start_transfer(upload, "killed")

    kill(moorage, "globus")
    kill(moorage, "web")
    kill(moorage, "worker")

    eventually(lambda: author.wait_for_task(task, seconds=60)["status"] == "SUCCEEDED", seconds=120)
    author.done(upload)
    kill(moorage, "worker")
    assert author.wait_for(upload)["state"] == "imported"
    assert set(FILES) <= set(author.project_files())
    assert "is started again" in moorage.said


def test_a_power_cut_in_the_middle_of_everything(start_moorage: Callable[..., RunningMoorage]) -> None:
    moorage = start_moorage("--globus-setting", "bytes_per_second=400000")
    author = ScriptAuthor(moorage)
    author.folder("cut", FILES)
    upload = author.open_upload("cut")
    task = author.start_transfer(upload, "cut")

    moorage.kill()
    moorage.start()

    assert author.wait_for_task(task)["status"] == "SUCCEEDED"
    author.done(upload)
    eventually(lambda: author.upload(upload["id"])["state"] != "open")
    moorage.kill()
    moorage.start()
    assert author.wait_for(upload)["state"] == "imported"
    assert set(FILES) <= set(author.project_files())


def test_a_power_cut_while_the_parts_start_leaves_none_of_them(start_moorage: Callable[..., RunningMoorage]) -> None:
    moorage = start_moorage()
    moorage.stop()
    moorage.begin()
    assert moorage.process is not None
    end = time.monotonic() + START_SECONDS
    while _pid_or_none(moorage, "worker") is None:  # the last to be started; it still loads its modules
        assert time.monotonic() < end, moorage.said
    parts = [moorage.pid_of(part) for part in ("globus", "web", "worker")]

    moorage.process.kill()
    moorage.process.wait()

    assert all(has_ended(part, within=30) for part in parts)
    moorage.start()


@pytest.mark.parametrize("step", ["sealing", "scan", "plan", "digest", "register"])
def test_the_worker_killed_at_each_step_of_an_import_loses_nothing(moorage: RunningMoorage, step: str) -> None:
    author = ScriptAuthor(moorage)
    project = author.new_project(f"Killed at {step}")
    author.folder("steps", FILES)
    upload = author.open_upload(f"killed at {step}", project=project)
    author.transfer(upload, "steps")
    author.done(upload)

    def has_come_so_far() -> bool:
        now = author.upload(upload["id"])
        return now["state"] == "imported" or step in {now["state"], now["step"]}

    eventually(has_come_so_far)
    kill(moorage, "worker")

    assert author.wait_for(upload)["state"] == "imported"
    assert set(author.project_files(project=project)) == set(FILES)
    assert author.upload(upload["id"])["problems"] == 0
