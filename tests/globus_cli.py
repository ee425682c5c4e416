"""The fixture of the real, unmodified `globus` command, in an environment and a home of its own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from machine import find_globus_command, unavailable

WAIT_SECONDS: Final = 60.0


@dataclass(frozen=True)
class GlobusCommand:
    """Runs `globus` as one person would who has nothing but this home folder."""

    command: Path
    home: Path

    def __call__(
        self,
        *arguments: str,
        environment: Mapping[str, str],
        typed: str | None = None,
        check: bool = True,
    ) -> subprocess.CompletedProcess[str]:
        """Run it to its end; `typed` is what the person types.

        Raises:
            AssertionError: it failed, unless `check` is false; with all it printed.
        """
        outcome = subprocess.run(
            [str(self.command), *arguments],
            input=typed if typed is not None else "",
            env={"PATH": os.defpath, "HOME": str(self.home), "LC_ALL": "C.UTF-8", **environment},
            capture_output=True,
            text=True,
            timeout=WAIT_SECONDS,
            check=False,
        )
        if check and outcome.returncode != 0:
            words = f"{outcome.stdout}\n{outcome.stderr}"
            raise AssertionError(f"globus {' '.join(arguments)} ended with {outcome.returncode}:\n{words}")
        return outcome


def globus_environment(
    *, auth: str, transfer: str, client_id: str | None = None, client_secret: str | None = None
) -> dict[str, str]:
    """The variables that aim `globus` at other addresses, as a client identity or for a login.

    An invented environment name keeps its tokens apart from those of the cloud, and works because each
    service has an address; a path is appended to it, so it must end with a slash.
    """
    variables = {
        "GLOBUS_SDK_ENVIRONMENT": "laptop",
        "GLOBUS_SDK_SERVICE_URL_AUTH": auth.rstrip("/") + "/",
        "GLOBUS_SDK_SERVICE_URL_TRANSFER": transfer.rstrip("/") + "/",
    }
    if client_id is not None and client_secret is not None:
        variables |= {"GLOBUS_CLI_CLIENT_ID": client_id, "GLOBUS_CLI_CLIENT_SECRET": client_secret}
    return variables


@pytest.fixture
def globus(tmp_path: Path) -> GlobusCommand:
    """`globus("ls", collection, environment=globus_environment(...))`."""
    command = find_globus_command()
    if command is None:
        unavailable("The globus command is not set up. `make test` does it.")
    home = tmp_path / "globus-home"
    home.mkdir()
    return GlobusCommand(command, home)
