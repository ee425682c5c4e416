"""The process `globus-local serve`: starting, ending, and what it leaves."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from globus_sdk.scopes import TransferScopes
from werkzeug.security import check_password_hash

from local_globus import ROBOT, START_SECONDS, LocalGlobusProcess, StartLocalGlobus, free_port, is_alive

WAIT_SECONDS = 10


def children_of(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_until_free(port: int) -> float:
    """Seconds until the port can be bound."""
    begun = time.monotonic()
    while time.monotonic() < begun + WAIT_SECONDS:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                time.sleep(0.05)
            else:
                return time.monotonic() - begun
    raise AssertionError(f"port {port} is still held")


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_within_three_seconds_and_with_status_0(
    sent: signal.Signals, start_local_globus: StartLocalGlobus
) -> None:
    service = start_local_globus()
    assert service.process is not None
    # A connection that never sends its request must not hold it up.
    with socket.create_connection(("127.0.0.1", service.port)):
        begun = time.monotonic()
        service.process.send_signal(sent)
        assert service.process.wait(timeout=WAIT_SECONDS) == 0

    assert time.monotonic() - begun < 3


def test_ctrl_c_reaches_it_as_one_and_is_no_failure(start_local_globus: StartLocalGlobus) -> None:
    service = start_local_globus()
    assert service.process is not None

    os.killpg(service.process.pid, signal.SIGINT)  # what a terminal does

    assert service.process.wait(timeout=WAIT_SECONDS) == 0
    assert "ERROR" not in service.log


def test_a_killed_main_process_takes_its_worker_along(start_local_globus: StartLocalGlobus) -> None:
    service = start_local_globus()
    assert service.process is not None
    (worker,) = children_of(service.process.pid)

    service.process.kill()
    service.process.wait()

    assert wait_until_free(service.port) < 3
    assert not is_alive(worker)


def test_a_killed_worker_ends_the_service_so_that_a_supervisor_sees_it(
    start_local_globus: StartLocalGlobus,
) -> None:
    service = start_local_globus()
    assert service.process is not None
    (worker,) = children_of(service.process.pid)

    os.kill(worker, signal.SIGKILL)

    assert service.process.wait(timeout=WAIT_SECONDS) == 1


def test_it_ends_when_its_parent_is_killed(start_local_globus: StartLocalGlobus, tmp_path: Path) -> None:
    service = start_local_globus()
    service.stop()
    command = f"{sys.executable} -m globus_local serve --config '{service.config_path}' & wait"
    with (tmp_path / "log").open("wb") as log:
        parent = subprocess.Popen(["/bin/sh", "-c", command], stdout=log, stderr=log)
    deadline = time.monotonic() + START_SECONDS
    while nobody_answers_at(service.port):
        assert time.monotonic() < deadline, "the service does not start"
        time.sleep(0.1)
    (main,) = children_of(parent.pid)

    parent.kill()
    parent.wait()

    assert wait_until_free(service.port) < 3
    assert not is_alive(main)


def test_it_ends_when_its_parent_is_killed_while_it_starts(
    start_local_globus: StartLocalGlobus, tmp_path: Path
) -> None:
    service = start_local_globus()
    service.stop()
    command = f"{sys.executable} -X importtime -m globus_local serve --config '{service.config_path}' & wait"
    log = tmp_path / "log"
    with log.open("wb") as file:
        parent = subprocess.Popen(["/bin/sh", "-c", command], stdout=file, stderr=file)
    deadline = time.monotonic() + START_SECONDS
    while "| globus_local\n" not in log.read_text():
        assert time.monotonic() < deadline, "the service does not start"
        time.sleep(0.01)
    (main,) = children_of(parent.pid)

    parent.kill()
    parent.wait()

    while is_alive(main):
        assert time.monotonic() < deadline, "the service goes on without its parent"
        time.sleep(0.1)


def nobody_answers_at(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_busy_port_is_said_in_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        config = tmp_path / "globus-local.toml"
        config.write_text(f'data_folder = "data"\nport = {port}\n')

        outcome = subprocess.run(
            [sys.executable, "-m", "globus_local", "serve", "--config", str(config)],
            capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip

    assert outcome.returncode == 1
    assert f"127.0.0.1:{port}" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_tokens_keys_and_sessions_outlive_a_restart(start_local_globus: StartLocalGlobus) -> None:
    service = start_local_globus()
    transfer = service.transfer(ROBOT)
    transfer.get_submission_id()

    service.kill()
    service.start()

    assert transfer.get_submission_id()["value"]


def test_only_the_owner_can_read_the_secrets(start_local_globus: StartLocalGlobus) -> None:
    service = start_local_globus()
    service.token(ROBOT, str(TransferScopes.all))

    folder = service.folder / "data"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir() if path.is_file()}

    assert {"signing-key.pem", "cookie-secret", "globus-local.sqlite3"} <= set(modes)
    assert {mode & 0o077 for mode in modes.values()} == {0}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_identities_and_clients_can_be_added_by_command(tmp_path: Path) -> None:
    service = LocalGlobusProcess(tmp_path)
    service.port = free_port()
    service.config_path.write_text(f'data_folder = "data"\nport = {service.port}\n')

    def globus_local(*arguments: str) -> str:
        command = [sys.executable, "-m", "globus_local", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout

    config = ["--config", str(service.config_path)]
    ada = globus_local("identity", "add", *config, "ada@example.org", "--password", "correct horse").strip()
    told = globus_local("client", "add", *config, "Robot", "--linked-to", ada)
    listed = globus_local("identity", "list", *config)

    hashed = globus_local("identity", "hash", "--password", "correct horse").strip()

    assert check_password_hash(hashed, "correct horse")
    assert "secret: " in told
    assert f"{ada}  used    ada@example.org" in listed
    assert "@clients.auth.globus.org" in listed
