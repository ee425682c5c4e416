"""SIGKILL before every act of an import that changes state: it ends like an undisturbed one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]
PARTS = 3


@pytest.mark.parametrize("part", range(PARTS))
def test_an_import_killed_before_any_act_ends_like_one_that_was_not_disturbed(part: int, tmp_path: Path) -> None:
    database = os.environ.get("MOORAGE_DATABASE", "")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MOORAGE_")}

    outcome = subprocess.run(
        [sys.executable, str(TESTS / "kill_matrix.py"), str(tmp_path / "matrix"), str(part), str(PARTS), database],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=1200,
    )

    assert outcome.returncode == 0, outcome.stderr
    told = json.loads(outcome.stdout.splitlines()[-1])
    print(f"killed at {told['killed']} of {told['points']} points: {told['acts']}")
    assert told["wrong"] == []
    assert told["killed"] * PARTS >= told["points"] - PARTS
    assert {"commit", "link", "unlink", "rmdir", "fchmod", "syncfs"} <= set(told["acts"])
    assert told["points"] > 100
