"""SIGKILL before every act of an import that changes state: it ends like an undisturbed one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parents[2]
PARTS = 2


def test_an_import_killed_before_any_act_ends_like_one_that_was_not_disturbed(tmp_path: Path) -> None:
    matrices = [matrix_of(part, tmp_path / f"matrix-{part}") for part in range(PARTS)]

    for matrix in matrices:
        said, complained = matrix.communicate(timeout=1200)
        assert matrix.returncode == 0, complained
        told = json.loads(said.splitlines()[-1])
        print(f"killed at {told['killed']} of {told['points']} points: {told['acts']}")
        assert told["wrong"] == []
        assert told["killed"] * PARTS >= told["points"] - PARTS
        assert {"commit", "link", "unlink", "rmdir", "fchmod", "syncfs"} <= set(told["acts"])
        assert told["points"] > 100


def matrix_of(part: int, folder: Path) -> subprocess.Popen[str]:
    """A process that kills at each point of its part: the parts run side by side."""
    database = os.environ.get("MOORAGE_DATABASE", "")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MOORAGE_")}
    return subprocess.Popen(
        [sys.executable, str(TESTS / "kill_matrix.py"), str(folder), str(part), str(PARTS), database],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
