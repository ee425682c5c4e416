"""What docs/how-to/develop-against-the-local-globus.md shows is run as it stands, but for the port."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PAGE = Path(__file__).resolve().parents[3] / "docs" / "how-to" / "develop-against-the-local-globus.md"
DEFAULT_PORT = "8551"
START_SECONDS = 30.0


def shown(language: str) -> str:
    """The page's code in one language."""
    found = re.search(rf"^```{language}\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def port(tmp_path: Path) -> Iterator[str]:
    """The port of a local Globus with the page's settings."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        free = str(listener.getsockname()[1])
    (tmp_path / "globus.toml").write_text(f"port = {free}\n{shown('toml')}")
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "measured.csv").write_text("1,2\n")
    command = [sys.executable, "-m", "globus_local", "serve", "--config", "globus.toml"]
    with (tmp_path / "log").open("w+b") as log:
        server = subprocess.Popen(command, cwd=tmp_path, stdout=log, stderr=log)
        try:
            wait_for(int(free), server)
            yield free
        finally:
            server.terminate()
            server.wait(10)


def wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until and server.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the local Globus did not start")


@pytest.mark.journey
def test_the_program_of_the_page_lists_the_folder(port: str, tmp_path: Path) -> None:
    ids = re.findall(r'^id = "(.*)"', shown("toml"), re.MULTILINE)
    secrets = re.findall(r'^secret = "(.*)"', shown("toml"), re.MULTILINE)
    program = shown("python").replace(DEFAULT_PORT, port)
    names = f"CLIENT_ID, CLIENT_SECRET, COLLECTION_ID = {ids[1]!r}, {secrets[0]!r}, {ids[2]!r}\n"

    outcome = subprocess.run(
        [sys.executable, "-c", names + program], capture_output=True, text=True, timeout=60, check=False
    )

    assert (outcome.stdout, outcome.stderr) == ("['measured.csv']\n", "")
