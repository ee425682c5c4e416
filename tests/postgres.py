"""A PostgreSQL cluster that the tests start themselves, and that ends with them.

    python tests/postgres.py COMMAND...

runs COMMAND with MOORAGE_DATABASE naming an empty database of a fresh cluster. A test that wants one
while the rest runs on SQLite asks for the fixture `postgres_url`.
"""

from __future__ import annotations

import ctypes
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest

from machine import find_postgres_programs, unavailable

START_SECONDS: Final = 30.0
STOP_SECONDS: Final = 15.0
DATABASE: Final = "moorage"
PR_SET_PDEATHSIG: Final = 1

# The tests start over after a power cut anyway, so nothing waits for the disk.
SETTINGS: Final[Mapping[str, str]] = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "100",
}


@contextmanager
def a_cluster(programs: Path, settings: Mapping[str, str] = SETTINGS) -> Iterator[str]:
    """Start a cluster and give the URL of an empty database in it; stop and forget it afterwards.

    Its own sorting order is a language's, not C's: what Moorage compares byte for byte it has to say
    itself. The server ends when this process does, however it ends. With `settings={}` it is as durable
    as it is by default.
    """
    # Under /tmp, because a socket's path must be short and the other account must reach it.
    folder = Path(tempfile.mkdtemp(prefix="moorage-postgres-", dir="/tmp"))
    account = _account(folder)
    password = secrets.token_urlsafe(24)
    try:
        _make_cluster(programs, folder, password, account)
        server, port = _start(programs, folder, password, account, settings)
        try:
            yield f"postgresql://{DATABASE}:{password}@127.0.0.1:{port}/{DATABASE}"
        finally:
            _stop(server)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of an empty database on a cluster of this session's own."""
    programs = find_postgres_programs()
    if programs is None:
        unavailable("PostgreSQL's server programs are not installed (Debian: postgresql).")
    with a_cluster(programs) as url:
        yield url


def _account(folder: Path) -> dict[str, Any]:
    """As whom the server runs: `initdb` and `postgres` refuse to be root."""
    if os.geteuid() != 0:
        return {}
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        os.chown(folder, entry.pw_uid, entry.pw_gid)
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}
    raise LookupError("PostgreSQL refuses to run as root, and there is no account `postgres` or `nobody`.")


def _make_cluster(programs: Path, folder: Path, password: str, account: dict[str, Any]) -> None:
    password_file = folder / "password"
    password_file.write_text(password)
    if account:
        os.chown(password_file, account["user"], account["group"])
    sorting = ["--locale=C.UTF-8"]
    if _major_version(programs) >= 15:
        sorting += ["--locale-provider=icu", "--icu-locale=en"]
    command = [str(programs / "initdb"), f"--pgdata={folder / 'data'}", f"--username={DATABASE}"]
    outcome = subprocess.run(
        [*command, *sorting, "--encoding=UTF8", "--auth=scram-sha-256", f"--pwfile={password_file}", "--no-sync"],
        cwd=folder,
        env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        check=False,
        **account,
    )
    if outcome.returncode != 0:
        raise RuntimeError(f"initdb made no cluster:\n{outcome.stdout}{outcome.stderr}")


def _start(
    programs: Path, folder: Path, password: str, account: dict[str, Any], settings: Mapping[str, str]
) -> tuple[subprocess.Popen[bytes], int]:
    """Start the server on a free port and make the database. A port may be lost to another: try again."""
    log = folder / "server.log"
    for _attempt in range(3):
        port = _free_port()
        options = {**settings, "port": port, "listen_addresses": "127.0.0.1", "unix_socket_directories": folder}
        command = [str(programs / "postgres"), "-D", str(folder / "data")]
        with log.open("ab") as output:
            server = subprocess.Popen(
                [*command, *(part for name, value in options.items() for part in ("-c", f"{name}={value}"))],
                cwd=folder,
                env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 (one system call, which takes no lock)
                **account,
            )
        if _make_database(server, port, password):
            return server, port
        _stop(server)
    raise RuntimeError(f"PostgreSQL did not start:\n{log.read_text()}")


def _make_database(server: subprocess.Popen[bytes], port: int, password: str) -> bool:
    """Make the database as soon as the server answers; False when it ends or never does."""
    until = time.monotonic() + START_SECONDS
    address = f"postgresql://{DATABASE}:{password}@127.0.0.1:{port}/postgres"
    while time.monotonic() < until and server.poll() is None:
        try:
            with psycopg.connect(address, autocommit=True, connect_timeout=5) as connection:
                connection.execute(f"CREATE DATABASE {DATABASE}")
                return True
        except psycopg.OperationalError:
            time.sleep(0.05)
    return False


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.send_signal(signal.SIGINT)  # "fast": ends sessions, waits for nobody
    try:
        server.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGINT)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _major_version(programs: Path) -> int:
    words = subprocess.run([programs / "postgres", "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"\d+", words.stdout)
    return int(found[0]) if found else 0


def _main(command: Sequence[str]) -> int:
    programs = find_postgres_programs()
    if programs is None:
        print("PostgreSQL's server programs are not installed, so the tests on PostgreSQL are skipped.")
        return 1 if os.environ.get("CI") else 0
    with a_cluster(programs) as url:
        return subprocess.run(command, env={**os.environ, "MOORAGE_DATABASE": url}, check=False).returncode


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
