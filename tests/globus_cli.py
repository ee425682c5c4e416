"""The fixture of the real, unmodified `globus` command, in an environment and a home of its own."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from machine import find_globus_command, unavailable
from visitor import Visitor

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
            env=self._environment(environment),
            capture_output=True,
            text=True,
            timeout=WAIT_SECONDS,
            check=False,
        )
        if check and outcome.returncode != 0:
            words = f"{outcome.stdout}\n{outcome.stderr}"
            raise AssertionError(f"globus {' '.join(arguments)} ended with {outcome.returncode}:\n{words}")
        return outcome

    def log_in(self, *arguments: str, environment: Mapping[str, str], username: str, password: str) -> str:
        """`globus login --no-local-server`, or `arguments`: open the link it prints, sign in, paste the code."""
        process = subprocess.Popen(
            [str(self.command), *(arguments or ("login",)), "--no-local-server"],
            env=self._environment(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert process.stdout is not None
        told = ""
        while not (link := re.search(r"http\S+/v2/oauth2/authorize\S+", told)):
            line = process.stdout.readline()
            assert line, told
            told += line
        visitor = Visitor(environment["GLOBUS_SDK_SERVICE_URL_AUTH"].rstrip("/"))
        rest, _ = process.communicate(visitor.code_for(link.group(0), username, password) + "\n", timeout=WAIT_SECONDS)
        assert process.returncode == 0, rest
        return rest

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        return {"PATH": os.defpath, "HOME": str(self.home), "LC_ALL": "C.UTF-8", **more}


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
