"""A worker's process is killed in the middle of an import: real processes, a real pool, SIGKILL."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from import_process import FILES

TESTS = Path(__file__).parents[2]
SEAMS = [
    "manifest: batch written",
    "scanned",
    "placed",
    "right kept",
    "register: range written",
    "registered",
    "published",
]


def run(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One step in a process of its own, in a session of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MOORAGE_")}
    return subprocess.run(
        [sys.executable, str(TESTS / "import_process.py"), *arguments],
        env={**environment, "MOORAGE_DATA": str(data), "MOORAGE_POOL_PROCESSES": "2"},
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
        timeout=120,
    )


def done(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    outcome = run(data, *arguments)
    assert outcome.returncode == 0, outcome.stderr
    return outcome


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a database and a sealed upload."""
    data = tmp_path_factory.mktemp("kills") / "data"
    data.mkdir()
    done(data, "prepare")
    return data


@pytest.mark.parametrize("seam", SEAMS)
def test_after_a_kill_the_next_worker_ends_the_import_and_nothing_is_lost(
    seam: str, prepared: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(prepared, data)

    killed = run(data, "work", seam)

    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert processes_of(data) == []
    after, at_the_end = json.loads(done(data, "finish").stdout)
    assert set(after["seen"]) | set(after["left"]) >= set(FILES)
    every_file = {path: content.decode() for path, content in FILES.items()}
    if seam == "published":
        assert (after["state"], after["seen"]) == ("imported", every_file)
    else:
        assert (after["state"], after["head"], after["seen"]) == ("importing", 0, {})
        assert at_the_end == {"state": "imported", "head": 1, "seen": every_file, "left": []}


def processes_of(data: Path) -> list[int]:
    """Processes that still work with this data folder, after they have had time to see that their parent is gone."""
    mark = f"MOORAGE_DATA={data}".encode()
    until = time.monotonic() + 10
    while (alive := _with_environment(mark)) and time.monotonic() < until:
        time.sleep(0.1)
    return alive


def _with_environment(mark: bytes) -> list[int]:
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                if mark in (folder / "environ").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
            except OSError:
                continue
    return found
