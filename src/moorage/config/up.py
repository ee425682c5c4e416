"""`moorage-server up`: site, worker and local Globus as one supervised group on one machine.

Everything lies in one data folder. Addresses are given at each start and reach the parts by the
environment; what is generated once is in the data folder's `moorage.toml`.
"""

import fcntl
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from moorage.config.demo.logins import DemoLogins, demo_logins, write_demo_file
from moorage.config.demo.sample import write_sample
from moorage.config.local import make_private_folder, settings_of, toml_lines, write_private
from moorage.config.local_globus import (
    CALLBACK_PATH,
    GlobusClient,
    GlobusCollection,
    GlobusPerson,
    GlobusRule,
    LocalGlobus,
)
from moorage.config.options import UP_NAME
from moorage.config.processes import answers, check_port_free
from moorage.config.supervisor import Child, Supervisor
from moorage.errors import ConflictError, UnavailableError

START_SECONDS = 120.0
LOCAL_GLOBUS_SETTINGS = ("globus_client_id", "globus_client_secret", "globus_collection_id")
LOCAL_QUIET_SECONDS = 3
DEMO_FREE_FLOOR_BYTES = 2**30


class StartFailedError(UnavailableError):
    code = "start.failed"


class AlreadyRunningError(ConflictError):
    """Two groups in one data folder would rewrite each other's addresses."""

    code = "start.already_running"

    def __init__(self, data: Path, pid: str) -> None:
        super().__init__(
            f"Moorage is running in {data} already (process {pid}). Use that one, stop it, or choose another "
            "folder with --data."
        )


@dataclass(frozen=True)
class Addresses:
    """Where the parts listen, and what they are called from outside."""

    bind: str
    port: int
    globus_port: int
    public_url: str = ""
    globus_public_url: str = ""

    @property
    def site(self) -> str:
        return self.public_url.rstrip("/") or f"http://{self._name}:{self.port}"

    @property
    def site_names(self) -> tuple[str, ...]:
        """Every address that people may type for the site: on a laptop two names mean the same."""
        if self.bind == "127.0.0.1" and not self.public_url:
            return self.site, f"http://localhost:{self.port}"
        return (self.site,)

    @property
    def globus(self) -> str:
        return self.globus_public_url.rstrip("/") or f"http://{self._name}:{self.globus_port}"

    @property
    def _name(self) -> str:
        if self.bind in {"0.0.0.0", "::"}:  # noqa: S104 - all interfaces: people need a name to reach one
            return socket.gethostname()
        return f"[{self.bind}]" if ":" in self.bind else self.bind


def run_up(
    data: Path, addresses: Addresses, *, demo: bool, globus_settings: dict[str, object], say: Callable[[str], None]
) -> None:
    """Start everything, say where it is, and keep it running until a signal.

    Raises:
        AlreadyRunningError: another `up` works in this data folder.
        PortBusyError: a wanted port is taken.
        StartFailedError: a part did not come up.
    """
    with only_one(data):
        _run(data, addresses, demo=demo, globus_settings=globus_settings, say=say)


@contextmanager
def only_one(data: Path) -> Iterator[None]:
    """Hold the data folder for this process; the kernel lets go of it when the process ends, however it ends.

    Raises:
        AlreadyRunningError: another `up` holds it.
    """
    make_private_folder(data)
    with (data / "up.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise AlreadyRunningError(data, lock.read().strip() or "unknown") from error
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def _run(
    data: Path, addresses: Addresses, *, demo: bool, globus_settings: dict[str, object], say: Callable[[str], None]
) -> None:
    say("Moorage is starting…")
    check_port_free("site", addresses.bind, addresses.port, option="--port")
    check_port_free("local Globus", addresses.bind, addresses.globus_port, option="--globus-port")
    settings = settings_of(data)
    logins = demo_logins(data) if demo else None
    globus = replace(_local_globus(data, addresses, settings, logins), extra=globus_settings)
    config_file = globus.write()
    environment = _environment(data, addresses, settings, demo=demo)
    write_private(
        data / UP_NAME, "# Written by `moorage-server up` at each start.\n" + toml_lines(_addresses_of(addresses))
    )
    for line in _prepare(environment, logins, data, addresses, str(settings["globus_collection_id"])):
        say(line)
    group = Supervisor(_children(data, environment, config_file), say=say)
    group.start()
    ready = lambda: all(answers(addresses.bind, port) for port in (addresses.port, addresses.globus_port))  # noqa: E731
    if not group.wait_until(ready, seconds=START_SECONDS) and not group.is_stopping:
        group.stop()
        raise StartFailedError(f"Moorage did not come up within {START_SECONDS:g} s. Look into {data / 'logs'}.")
    say(_greeting(addresses, logins, data))
    group.run()
    say("Moorage has stopped.")


def this_computer(data: Path) -> Path:
    """The folder behind the demo's collection "This computer"."""
    return data / "this-computer"


def _local_globus(
    data: Path, addresses: Addresses, settings: dict[str, object], logins: DemoLogins | None
) -> LocalGlobus:
    client_id = str(settings["globus_client_id"])
    moorage = GlobusClient(
        client_id,
        str(settings["globus_client_secret"]),
        "Moorage",
        redirect_uris=tuple(site + CALLBACK_PATH for site in addresses.site_names),
    )
    store = GlobusCollection(
        str(settings["globus_collection_id"]),
        "Moorage",
        Path(os.environ.get("MOORAGE_STORE") or str(settings.get("store", data / "store"))) / "collection",
        administrators=(client_id,),
        description="Uploads to and downloads from Moorage's projects.",
    )
    folder, host, port, url = data / "globus", addresses.bind, addresses.globus_port, addresses.globus
    if logins is None:
        return LocalGlobus(folder, host, port, url, clients=(moorage,), collections=(store,))
    computer = GlobusCollection(
        logins.this_computer_id,
        "This computer",
        this_computer(data),
        # Everybody may take the samples; only the demo member's identity set may write here.
        rules=(GlobusRule("/", "rw", logins.identity_id), GlobusRule("/", "r")),
        description="A folder of this machine with sample data.",
    )
    person = GlobusPerson(
        logins.identity_id, logins.member.email, "Ada Demo", logins.member.password, "Institute of Materials"
    )
    client = GlobusClient(logins.client_id, logins.client_secret, "Demo script", linked_to=logins.identity_id)
    return LocalGlobus(
        folder, host, port, url, clients=(moorage, client), collections=(store, computer), people=(person,)
    )


def _addresses_of(addresses: Addresses) -> dict[str, object]:
    return {
        "bind": addresses.bind,
        "port": addresses.port,
        "public_url": addresses.site,
        "globus_auth_url": addresses.globus + "/",
        "globus_transfer_url": addresses.globus + "/",
        "globus_web_url": addresses.globus,
        "globus_create_account_url": addresses.globus + "/v2/web/create-account",
    }


def _environment(data: Path, addresses: Addresses, settings: dict[str, object], *, demo: bool) -> dict[str, str]:
    """What the parts are told. What the caller has set in her environment wins, where it is no address."""
    defaults = {"MOORAGE_QUIET_SECONDS": str(LOCAL_QUIET_SECONDS), "MOORAGE_WATCHED_INTERVAL_SECONDS": "2"}
    if demo:
        defaults["MOORAGE_FREE_FLOOR_BYTES"] = str(DEMO_FREE_FLOOR_BYTES)
        defaults["MOORAGE_FREE_FLOOR_PERCENT"] = "0"
    fixed = {
        "MOORAGE_DATA": str(data),
        **{f"MOORAGE_{name.upper()}": str(value) for name, value in _addresses_of(addresses).items()},
        # The local Globus knows this client and this collection, whatever else the environment says.
        **{f"MOORAGE_{name.upper()}": str(settings[name]) for name in LOCAL_GLOBUS_SETTINGS},
        "DJANGO_SETTINGS_MODULE": "moorage.config.settings",
        "PYTHONUNBUFFERED": "1",
    }
    return defaults | dict(os.environ) | fixed


def _prepare(
    environment: dict[str, str], logins: DemoLogins | None, data: Path, addresses: Addresses, collection_id: str
) -> list[str]:
    """Migrations, the store and, for the demo, its rows, its data set and demo.json. Each is safe to repeat.

    Returns what is to be said of it: nothing where all is well.
    """
    if logins:
        write_sample(this_computer(data) / "sample data")
        addresses_of = {
            "site": addresses.site,
            "globus_auth": addresses.globus + "/",
            "globus_transfer": addresses.globus + "/",
            "globus_web": addresses.globus,
        }
        write_demo_file(data, logins, addresses_of, collection_id, this_computer(data))
    command = [sys.executable, "-m", "moorage.config", "migrate", *(["--demo"] if logins else [])]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StartFailedError(f"The database could not be brought up to date:\n{done.stdout}{done.stderr}")
    return done.stdout.splitlines()[1:]


def _children(data: Path, environment: dict[str, str], globus_config: Path) -> list[Child]:
    logs = data / "logs"
    server = [sys.executable, "-m", "moorage.config"]
    # Told, not asked for by the child: one that starts after we were killed would take our heir for its parent.
    with_us = ["--with-parent", str(os.getpid())]
    # A program beside us that we meet over HTTP only: its console script, or its module where there is none.
    script = shutil.which("globus-local", path=str(Path(sys.executable).parent))
    globus = [script] if script else [sys.executable, "-m", "globus_local"]
    return [
        Child(
            "local Globus",
            [*globus, "serve", "--config", str(globus_config), *with_us],
            logs / "globus.log",
            environment,
        ),
        Child("site", [*server, "web", *with_us], logs / "web.log", environment),
        Child("worker", [*server, "worker", *with_us], logs / "worker.log", environment),
    ]


def _greeting(addresses: Addresses, logins: DemoLogins | None, data: Path) -> str:
    lines = [f"Moorage is at {addresses.site}", f"Its data is in {data}; Ctrl-C stops it."]
    if logins:
        lines += [
            "",
            f"Sign in as        {logins.member.email}   {logins.member.password}",
            "                  (the same e-mail and password sign you in at the local Globus)",
            f"A second member   {logins.second_member.email}   {logins.second_member.password}",
            f"For scripts       {data / 'demo.json'}",
            "",
            "Next three clicks:",
            "  1. Sign in there, open the project, choose Globus Uploads, name an upload and press Create.",
            '  2. Press Goto Globus, choose the collection "This computer", tick "sample data" and start the transfer.',
            "  3. Go back to Upload Status, press DONE, then Import now.",
        ]
    return "\n".join(lines)
