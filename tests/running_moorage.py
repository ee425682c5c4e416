"""Starts a real `moorage-server up --demo` for journeys: free ports, a data folder of its own, real processes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import pytest
import requests

from globus_cli import globus_environment
from local_globus import free_port

START_SECONDS = 240
WAIT_SECONDS = 90
T = TypeVar("T")


@dataclass
class RunningMoorage:
    """One supervised group. `demo` is the content of its demo.json."""

    data: Path
    environment: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)
    globus_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def demo(self) -> dict[str, Any]:
        return dict(json.loads((self.data / "demo.json").read_text()))

    @property
    def settings(self) -> dict[str, Any]:
        """What was generated at its first start."""
        return tomllib.loads((self.data / "moorage.toml").read_text())

    @property
    def site(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def said(self) -> str:
        """What the command printed."""
        return (self.data.parent / "up.txt").read_text(errors="replace")

    def start(self) -> None:
        """Start, and wait until the greeting is printed."""
        self.begin()
        eventually(lambda: "Next three clicks" in self.said or self._has_ended(), seconds=START_SECONDS)
        assert not self._has_ended(), f"moorage-server ended:\n{self.said}\n{self.logs}"

    def begin(self) -> None:
        """Start, and wait for nothing."""
        log = (self.data.parent / "up.txt").open("wb")
        command = [sys.executable, "-m", "moorage.config", "up", "--demo", "--data", str(self.data)]
        ports = ["--port", str(self.port), "--globus-port", str(self.globus_port)]
        with log:
            self.process = subprocess.Popen(
                [*command, *ports, *self.options],
                stdout=log,
                stderr=log,
                env={**_plain_environment(), **self.environment},
            )

    def stop(self) -> None:
        """Ctrl-C."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(timeout=20)

    def kill(self) -> None:
        """A power cut: the supervisor gets SIGKILL; everything else has to end by itself."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        eventually(lambda: port_is_free(self.port) and port_is_free(self.globus_port))

    def pid_of(self, part: str) -> int:
        """The process id of "web", "worker" or "globus", children of the supervisor."""
        assert self.process is not None
        words = {"web": "moorage.config\0web", "worker": "moorage.config\0worker", "globus": "serve\0--config"}[part]
        for child in children_of(self.process.pid):
            if words in command_line(child):
                return child
        raise AssertionError(f"no {part} runs")

    @property
    def logs(self) -> str:
        """The end of every part's log."""
        logs = sorted((self.data / "logs").glob("*.log")) if (self.data / "logs").exists() else []
        return "\n".join(f"== {path.name}\n{path.read_text(errors='replace')[-4000:]}" for path in logs)

    def api(self, method: str, path: str, *, token: str | None = None, **options: Any) -> requests.Response:
        """A call of the REST API as the demo member, or with another token."""
        headers = {"Authorization": f"Bearer {token or self.demo['member']['token']}", **options.pop("headers", {})}
        return requests.request(method, f"{self.site}/api/v1{path}", headers=headers, timeout=30, **options)

    def globus_environment(self) -> Mapping[str, str]:
        """For the real `globus` command, as the demo's client identity."""
        demo = self.demo
        return globus_environment(
            auth=demo["globus_auth"],
            transfer=demo["globus_transfer"],
            client_id=demo["client"]["id"],
            client_secret=demo["client"]["secret"],
        )

    def _has_ended(self) -> bool:
        return self.process is None or self.process.poll() is not None


def eventually(answer: Callable[[], T | Literal[False] | None], *, seconds: float = WAIT_SECONDS) -> T:
    """The first true answer; fails when there is none in that time."""
    end = time.monotonic() + seconds
    while True:
        if result := answer():
            return result
        assert time.monotonic() < end, f"it did not come to that within {seconds} s"
        time.sleep(0.2)


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def children_of(pid: int) -> list[int]:
    """Process ids of direct children (proc(5))."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            if parent == pid:
                found.append(int(folder.name))
    return found


def command_line(pid: int) -> str:
    """Its words, separated by NUL."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _plain_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("MOORAGE_", "DJANGO_"))}


@pytest.fixture(scope="module")
def moorage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningMoorage]:
    """One Moorage for all journeys of a module. Make an upload or a project of your own."""
    running = RunningMoorage(tmp_path_factory.mktemp("moorage") / "data")
    running.start()
    yield running
    running.stop()


@pytest.fixture
def start_moorage(tmp_path: Path) -> Iterator[Callable[..., RunningMoorage]]:
    """Start a Moorage of this test's own: `start_moorage("--globus-setting", "…", MOORAGE_QUIET_SECONDS="1")`."""
    started: list[RunningMoorage] = []

    def start(*options: str, **environment: str) -> RunningMoorage:
        folder = tmp_path / f"moorage-{len(started)}"
        folder.mkdir()
        running = RunningMoorage(folder / "data", environment, options)
        started.append(running)
        running.start()
        return running

    yield start
    for running in started:
        running.stop()
