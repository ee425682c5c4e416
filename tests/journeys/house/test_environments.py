"""Set-up on a real environment, as an interrupted run leaves it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.journey
def test_a_half_made_environment_is_made_again(tmp_path: Path) -> None:
    environment = tmp_path / "half made"
    (environment / "bin").mkdir(parents=True)
    shutil.copy("/bin/false", environment / "bin" / "python")
    script = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'tools')!r}); import pathlib, set_up;"
        f" set_up.make_environment(pathlib.Path({str(environment)!r}))"
    )

    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)

    pip = subprocess.run([environment / "bin" / "python", "-m", "pip", "--version"], capture_output=True, check=False)
    assert pip.returncode == 0
