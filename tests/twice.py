"""Run pytest, and what failed a second time by itself.

    python tests/twice.py PYTEST-OPTION...

Some journeys watch real processes against a clock, and a busy machine can make one of three thousand tests
miss its moment. A few failures are therefore tried once more, one after the other on a quiet machine, and
those that pass then are named: they are defects of the tests, to be mended. A test that fails twice fails.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import pytest

MOST_TRIED_AGAIN: Final = 5  # more than that is no accident


def main(options: list[str]) -> int:
    """The exit status of pytest, of the second run where there was one."""
    with tempfile.TemporaryDirectory(prefix="moorage-tests-") as folder:
        pytest_with = [sys.executable, "-m", "pytest", "-o", f"cache_dir={folder}"]
        ended = subprocess.run([*pytest_with, *options], check=False).returncode
        failed = _last_failed(Path(folder))
        if ended != pytest.ExitCode.TESTS_FAILED or not 0 < len(failed) <= MOST_TRIED_AGAIN:
            return ended
        print(f"Tried once more, each by itself: {len(failed)}", flush=True)
        ended = subprocess.run([*pytest_with, *options, "-n", "0", "--last-failed"], check=False).returncode
        if ended == pytest.ExitCode.OK:
            print("PASSED AT THE SECOND TRY ONLY, to be mended:", *failed, sep="\n  ", flush=True)
        return ended


def _last_failed(cache: Path) -> list[str]:
    """The tests that pytest's own cache says have failed."""
    try:
        return list(json.loads((cache / "v" / "cache" / "lastfailed").read_text()))
    except FileNotFoundError:
        return []


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
