"""What `make test` does with a test that fails once, and with one that fails twice."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TWICE = Path(__file__).parents[2] / "twice.py"

SOMETIMES = """
from pathlib import Path
def test_passes_later():
    seen = Path(__file__).with_name("seen")
    again = seen.exists()
    seen.touch()
    assert again
"""
NEVER = "def test_never():\n    assert False\n"
MANY = "import pytest\n@pytest.mark.parametrize('n', range(6))\ndef test_never(n):\n    assert False\n"
FINE = "def test_fine():\n    pass\n"


@pytest.mark.parametrize(
    ("files", "status", "said"),
    [
        ([FINE], 0, "1 passed"),
        ([SOMETIMES, FINE], 0, "PASSED AT THE SECOND TRY ONLY, to be mended:\n  test_0.py::test_passes_later"),
        ([SOMETIMES, NEVER], 1, "1 failed, 1 passed"),
        ([MANY], 1, "6 failed"),
    ],
)
def test_what_fails_is_tried_once_more(files: list[str], status: int, said: str, tmp_path: Path) -> None:
    for number, text in enumerate(files):
        (tmp_path / f"test_{number}.py").write_text(text)
    (tmp_path / "pytest.ini").touch()
    command = [sys.executable, str(TWICE), "-p", "no:django", "-n", "2", "."]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == status, ran.stdout + ran.stderr
    assert said in ran.stdout
    assert ("once more" in ran.stdout) == (len(files) > 1)
