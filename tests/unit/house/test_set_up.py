"""How set-up finds a Python, and what it does not do twice."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]


def find_python(folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = ["/bin/sh", str(ROOT / "tools" / "find-python.sh")]
    return subprocess.run(
        command, env={"PATH": str(folder), **environment}, capture_output=True, text=True, check=False
    )


def put(folder: Path, name: str, script: str) -> None:
    program = folder / name
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)


def test_a_shim_without_its_python_is_passed_over(tmp_path: Path) -> None:
    put(tmp_path, "python3.13", "echo 'command not found' >&2; exit 127")
    put(tmp_path, "python3", f'exec "{sys.executable}" "$@"')

    outcome = find_python(tmp_path)

    assert outcome.returncode == 0
    assert Path(outcome.stdout.strip()).is_file()


def test_the_python_that_is_asked_for_comes_first(tmp_path: Path) -> None:
    put(tmp_path, "python3.13", "echo /wrong")
    put(tmp_path, "mine", "echo /right")

    assert find_python(tmp_path, PYTHON="mine").stdout == "/right\n"


def test_without_a_python_the_next_step_is_said(tmp_path: Path) -> None:
    put(tmp_path, "python3", "exit 1")

    outcome = find_python(tmp_path)

    assert outcome.returncode == 1
    assert "Python 3.11 or newer" in outcome.stderr
    assert "PYTHON=" in outcome.stderr


@pytest.fixture(scope="module")
def set_up() -> ModuleType:
    found = importlib.util.spec_from_file_location("set_up", ROOT / "tools" / "set_up.py")
    assert found is not None
    assert found.loader is not None
    module = importlib.util.module_from_spec(found)
    found.loader.exec_module(module)
    return module


def test_an_interrupted_installation_is_done_again_and_a_finished_one_is_not(
    set_up: ModuleType, tmp_path: Path
) -> None:
    (tmp_path / "bin").mkdir()
    lock = tmp_path / "lock.txt"
    lock.write_text("something==1\n")

    put(tmp_path / "bin", "python", "exit 1")
    with pytest.raises(SystemExit, match="Run the same command again"):
        set_up.install(tmp_path, "run", lock)
    put(tmp_path / "bin", "python", f'echo "$@" >> "{tmp_path}/installed"')
    set_up.install(tmp_path, "run", lock)
    set_up.install(tmp_path, "run", lock)

    assert len((tmp_path / "installed").read_text().splitlines()) == 1
    lock.write_text("something==2\n")
    set_up.install(tmp_path, "run", lock)
    assert len((tmp_path / "installed").read_text().splitlines()) == 2
