"""Starts a real `globus-local serve` for tests: a free loopback port, people, clients, two folders."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import globus_sdk

ADA = "aaaaaaaa-0000-4000-8000-000000000001"  # a researcher
ADA_AT_HOME = "aaaaaaaa-0000-4000-8000-000000000002"  # her other identity, linked to ADA
BOB = "bbbbbbbb-0000-4000-8000-000000000001"  # a stranger
PASSWORD = "correct horse"  # of all three
ROBOT = "cccccccc-0000-4000-8000-000000000001"  # a client in Ada's identity set
PORTAL = "cccccccc-0000-4000-8000-000000000002"  # a client that manages COMMONS and signs people in
STRANGER = "cccccccc-0000-4000-8000-000000000003"  # a client without any rights
NATIVE = "cccccccc-0000-4000-8000-000000000004"  # a public client
SECRET = "only for tests"  # of the three confidential clients
PORTAL_REDIRECT = "http://127.0.0.1:9/portal/callback"  # nothing listens there
LAB = "dddddddd-0000-4000-8000-000000000001"  # Ada's own folder: she holds every role
COMMONS = "dddddddd-0000-4000-8000-000000000002"  # PORTAL's folder: others need a rule

START_SECONDS = 60


@dataclass
class LocalGlobusProcess:
    """One running local Globus. `settings` are top-level settings of its configuration file."""

    folder: Path
    settings: dict[str, Any] = field(default_factory=dict)
    port: int = 0
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Its address, without a final slash."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def lab(self) -> Path:
        """The folder behind LAB."""
        return self.folder / "lab"

    @property
    def commons(self) -> Path:
        """The folder behind COMMONS."""
        return self.folder / "commons"

    @property
    def config_path(self) -> Path:
        return self.folder / "globus-local.toml"

    @property
    def log(self) -> str:
        return (self.folder / "log.txt").read_text(errors="replace")

    def start(self) -> None:
        """Start the service and wait until it answers. After `stop` or `kill`: the same one again."""
        self.port = self.port or free_port()
        self.lab.mkdir(exist_ok=True)
        self.commons.mkdir(exist_ok=True)
        self.config_path.write_text(self._configuration())
        with (self.folder / "log.txt").open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "globus_local", "serve", "--config", str(self.config_path)],
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for pytest, whose fixtures end it in order
            )
        self._wait()

    def stop(self) -> None:
        """End it as an operator would."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(timeout=10)

    def kill(self) -> None:
        """End it as a power cut would. The worker process goes with it."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(timeout=10)
        deadline = time.monotonic() + 10
        while not _is_free(self.port):
            assert time.monotonic() < deadline, "the port is still held after the service was killed"
            time.sleep(0.05)

    def token(self, client_id: str, scope: str) -> str:
        """An access token of a confidential client for one scope."""
        app = globus_sdk.ConfidentialAppAuthClient(client_id, SECRET, base_url=self.url + "/")
        document = app.oauth2_client_credentials_tokens(requested_scopes=[scope])
        tokens = list(document.by_resource_server.values())
        return str(tokens[0]["access_token"])

    def transfer(self, client_id: str) -> globus_sdk.TransferClient:
        """The SDK's Transfer client, acting as a confidential client of the configuration."""
        token = self.token(client_id, str(globus_sdk.TransferClient.scopes.all))
        authorizer = globus_sdk.AccessTokenAuthorizer(token)
        return globus_sdk.TransferClient(authorizer=authorizer, base_url=self.url + "/")

    def environment(self) -> dict[str, str]:
        """What to add to a program's environment so that its globus-sdk finds this service."""
        return {
            "GLOBUS_SDK_ENVIRONMENT": "laptop",
            "GLOBUS_SDK_SERVICE_URL_AUTH": self.url + "/",
            "GLOBUS_SDK_SERVICE_URL_TRANSFER": self.url + "/",
        }

    def _wait(self) -> None:
        assert self.process is not None
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"the local Globus ended:\n{self.log}"
            try:
                urllib.request.urlopen(self.url + "/jwk.json", timeout=5).close()  # noqa: S310 (loopback)
                return
            except (urllib.error.URLError, OSError):
                time.sleep(0.05)
        raise AssertionError(f"the local Globus does not answer:\n{self.log}")

    def _configuration(self) -> str:
        settings = {
            "data_folder": str(self.folder / "data"), "port": self.port, "retry_seconds": 0.2,
        } | self.settings  # fmt: skip
        lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
        return "\n".join(lines) + _WORLD


StartLocalGlobus = Callable[..., LocalGlobusProcess]


def free_port() -> int:
    """A loopback port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_alive(pid: int) -> bool:
    """Whether a process exists and is not merely waiting to be reaped."""
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (ProcessLookupError, FileNotFoundError):
        return False
    return state != "Z"


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


_WORLD = f"""
[[identities]]
id = "{ADA}"
username = "ada@example.org"
name = "Ada Lovelace"
organization = "Analytical Engines"
password = "{PASSWORD}"

[[identities]]
id = "{ADA_AT_HOME}"
username = "ada@home.example"
name = "Ada"
password = "{PASSWORD}"
linked_to = "{ADA}"

[[identities]]
id = "{BOB}"
username = "bob@example.org"
name = "Bob"
password = "{PASSWORD}"

[[clients]]
id = "{ROBOT}"
secret = "{SECRET}"
name = "Ada's robot"
linked_to = "{ADA}"

[[clients]]
id = "{PORTAL}"
secret = "{SECRET}"
name = "A portal"
redirect_uris = ["{PORTAL_REDIRECT}"]

[[clients]]
id = "{STRANGER}"
secret = "{SECRET}"
name = "A stranger"

[[clients]]
id = "{NATIVE}"
name = "A native app"
redirect_uris = ["http://localhost/callback"]

[[collections]]
id = "{LAB}"
display_name = "Ada's lab"
path = "lab"
administrators = ["{ADA}"]

[[collections]]
id = "{COMMONS}"
display_name = "Commons"
path = "commons"
administrators = ["{PORTAL}"]
"""
