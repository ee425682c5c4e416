"""Read leases: who writes to a file is seen, and seeing it ends no process."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from moorage.storage import readlease
from moorage.storage.readlease import StillOpenError, ignore_broken_leases, take_read_lease


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"the bytes")
    return path


def test_a_lease_is_refused_while_somebody_has_the_file_open_for_writing(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY)
    try:
        with file.open("r+b"), pytest.raises(StillOpenError):
            take_read_lease(descriptor)
        assert take_read_lease(descriptor).is_held
    finally:
        os.close(descriptor)


def test_closing_the_file_lets_a_writer_in_at_once(file: Path) -> None:
    descriptor = os.open(file, os.O_RDONLY)
    take_read_lease(descriptor)
    writer = subprocess.Popen([sys.executable, "-c", f"open({str(file)!r}, 'r+b').write(b'XXX')"])
    time.sleep(0.3)
    assert writer.poll() is None, "it waits for the lease"
    assert file.read_bytes() == b"the bytes"

    os.close(descriptor)

    assert writer.wait(10) == 0
    assert file.read_bytes() == b"XXX bytes"


BREAK = """
import os, subprocess, sys, threading, time
from moorage.storage.readlease import StillOpenError, ignore_broken_leases, take_read_lease

how, path = sys.argv[1:]
if how == "main":
    ignore_broken_leases()
elif how == "thread":
    other = threading.Thread(target=ignore_broken_leases)
    other.start()
    other.join()
descriptor = os.open(path, os.O_RDONLY)
lease = take_read_lease(descriptor)
writer = subprocess.Popen([sys.executable, "-c", f"open({path!r}, 'r+b')"])
until = time.monotonic() + 20
while time.monotonic() < until:
    try:
        lease.check()
    except StillOpenError:
        os.close(descriptor)
        sys.exit(writer.wait(10))
    time.sleep(0.01)
sys.exit("nobody was seen")
"""


@pytest.mark.parametrize("how", ["never", "main", "thread"])
def test_a_writer_is_seen_and_ends_no_process_whether_broken_leases_are_ignored_or_not(file: Path, how: str) -> None:
    outcome = subprocess.run(
        [sys.executable, "-c", BREAK, how, str(file)], capture_output=True, text=True, timeout=60, check=False
    )
    assert (outcome.returncode, outcome.stderr) == (0, "")


def test_signals_are_left_alone_in_any_thread_but_the_main_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readlease._Signals, "are_ignored", False)
    failures: list[BaseException] = []

    def act() -> None:
        try:
            ignore_broken_leases()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=act)
    thread.start()
    thread.join()

    assert failures == []
    assert not readlease._Signals.are_ignored
