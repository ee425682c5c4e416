"""A part of `up` whose parent was gone before it could look is not left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

# Starts a process, tells it who its parent is, and is gone before that one can ask.
START_AND_GO = """
import os, subprocess, sys
part = subprocess.Popen([*sys.argv[1:], "--with-parent", str(os.getpid())])
print(part.pid, flush=True)
os._exit(0)
"""
TELL_AND_STAY = """
import sys, time
{module}.end_with_parent(int(sys.argv[2]))
print("stays", flush=True)
time.sleep(60)
"""
MODULES = ["moorage.config.processes", "globus_local.serve"]


@pytest.mark.parametrize("module", MODULES)
def test_it_ends_at_once_when_its_parent_is_gone_already(module: str) -> None:
    part = [sys.executable, "-c", f"import {module}" + TELL_AND_STAY.format(module=module)]
    # Its pipe is closed when the last who could write into it has ended: the part, whose parent is init by then.
    done = subprocess.run(
        [sys.executable, "-c", START_AND_GO, *part], capture_output=True, text=True, timeout=30, check=False
    )

    assert done.returncode == 0
    assert done.stdout.split()[1:] == []


@pytest.mark.parametrize("module", MODULES)
def test_it_stays_as_long_as_its_parent_does(module: str) -> None:
    command = [sys.executable, "-c", f"import {module}" + TELL_AND_STAY.format(module=module)]
    with subprocess.Popen([*command, "--with-parent", str(os.getpid())], stdout=subprocess.PIPE, text=True) as part:
        assert part.stdout is not None
        assert part.stdout.readline() == "stays\n"
        assert part.poll() is None
        part.kill()

    assert part.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    "command", [["moorage.config", "web"], ["moorage.config", "worker"], ["globus_local", "serve"]]
)
def test_each_part_takes_its_parent_from_whoever_starts_it(command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *command, "--help"], capture_output=True, text=True, timeout=60, check=True
    )

    assert "--with-parent PID" in done.stdout
