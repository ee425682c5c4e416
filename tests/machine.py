"""What the machine under the tests offers: Chromium, PostgreSQL's server programs, the `globus` command.

The standard library alone: `tools/set_up.py` asks here too, before anything is installed.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final, NoReturn

ROOT: Final = Path(__file__).resolve().parent.parent


def find_chromium() -> Path | None:
    """The distribution's Chromium; no browser is ever downloaded."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return Path(found)
    return None


def find_postgres_programs() -> Path | None:
    """The folder of the newest PostgreSQL that has both `initdb` and `postgres`.

    Debian keeps them off the PATH, one folder for each major version.
    """
    on_path = shutil.which("initdb")
    candidates = [
        *sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=_major, reverse=True),
        *([Path(on_path).resolve().parent] if on_path else []),
    ]
    for folder in candidates:
        if (folder / "initdb").is_file() and (folder / "postgres").is_file():
            return folder
    return None


def find_globus_command() -> Path | None:
    """The unmodified Globus command, in the environment of its own that `make test` sets up."""
    command = ROOT / ".tools" / "globus-cli" / "bin" / "globus"
    return command if command.is_file() else None


def unavailable(sentence: str) -> NoReturn:
    """Skip this test for what the machine lacks; under CI, where nothing may be lacking, fail it."""
    import pytest

    if os.environ.get("CI"):
        pytest.fail(sentence)
    pytest.skip(sentence)


def _major(folder: Path) -> int:
    name = folder.parent.name
    return int(name) if name.isdecimal() else 0
