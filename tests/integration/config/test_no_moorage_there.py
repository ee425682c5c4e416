"""A command that looks after a Moorage makes none where a folder's name was mistyped."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import pytest

from local_globus import free_port

COMMANDS = [["fixity"], ["check-store", "--mend"], ["check"], ["invite", "a@b.example"], ["end-account", "a@b.example"]]
PARTS = [["web", "--with-parent", str(os.getpid())], ["worker", "--with-parent", str(os.getpid())]]


def plain_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("MOORAGE_", "DJANGO_"))}


@contextmanager
def running(part: str, *, data: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", "moorage.config", part, "--data", str(data), "--with-parent", str(os.getpid())]
    with subprocess.Popen(command, env={**plain_environment(), **environment}) as process:
        try:
            yield process
        finally:
            process.terminate()


def moorage_server(*words: str, data: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "moorage.config", *words, "--data", str(data)],
        capture_output=True, text=True, timeout=120, check=False, env={**plain_environment(), **environment},
    )  # fmt: skip


@pytest.mark.parametrize("command", [*COMMANDS, *PARTS], ids=lambda command: command[0])
def test_it_is_said_in_one_sentence_and_nothing_is_made(command: list[str], tmp_path: Path) -> None:
    done = moorage_server(*command, data=tmp_path / "typo")

    assert done.returncode == 1
    assert done.stderr.startswith(f"Error: There is no Moorage in {tmp_path / 'typo'}. ")
    assert len(done.stderr.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_an_empty_database_is_no_moorage(tmp_path: Path) -> None:
    (tmp_path / "moorage.sqlite3").touch()

    done = moorage_server("fixity", data=tmp_path)

    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert {path.suffix for path in tmp_path.iterdir()} <= {".sqlite3", ".sqlite3-wal", ".sqlite3-shm"}


def test_a_mistyped_folder_is_refused_where_the_environment_names_the_database(tmp_path: Path) -> None:
    moorage_server("migrate", data=tmp_path / "new")
    database = f"sqlite:///{tmp_path / 'new' / 'moorage.sqlite3'}"

    done = moorage_server("fixity", data=tmp_path / "typo", MOORAGE_DATABASE=database)

    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert not (tmp_path / "typo").exists()


@pytest.mark.parametrize("part", ["web", "worker"])
def test_a_part_that_is_started_before_migrate_says_so(part: str, tmp_path: Path) -> None:
    (tmp_path / "moorage.sqlite3").touch()

    done = moorage_server(part, "--with-parent", str(os.getpid()), data=tmp_path)

    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert {path.suffix for path in tmp_path.iterdir()} <= {".sqlite3", ".sqlite3-wal", ".sqlite3-shm"}


@pytest.mark.parametrize("part", ["web", "worker"])
def test_a_part_waits_for_a_database_that_does_not_answer(part: str, tmp_path: Path) -> None:
    pytest.importorskip("psycopg")
    data = tmp_path / "moorage"
    data.mkdir()
    database = f"postgresql://nobody@{quote(str(tmp_path), safe='')}/none"  # nobody listens in this folder
    with (
        running(part, data=data, MOORAGE_DATABASE=database, MOORAGE_PORT=str(free_port())) as process,
        pytest.raises(subprocess.TimeoutExpired),
    ):
        process.wait(timeout=8)


@pytest.mark.parametrize("part", ["web", "worker"])
def test_a_part_runs_where_migrate_has_been(part: str, tmp_path: Path) -> None:
    moorage_server("migrate", data=tmp_path / "new")

    with (
        running(part, data=tmp_path / "new", MOORAGE_PORT=str(free_port())) as process,
        pytest.raises(subprocess.TimeoutExpired),
    ):
        process.wait(timeout=8)


def test_what_migrate_has_made_is_there(tmp_path: Path) -> None:
    assert moorage_server("migrate", data=tmp_path / "new").returncode == 0

    done = moorage_server("fixity", data=tmp_path / "new")

    assert (done.returncode, done.stdout) == (0, "0 objects read (0 bytes): 0 damaged.\n")


def test_a_database_that_waits_for_migrations_is_said(tmp_path: Path) -> None:
    moorage_server("migrate", data=tmp_path)
    with sqlite3.connect(tmp_path / "moorage.sqlite3") as database:
        newest = "SELECT max(name) FROM django_migrations WHERE app = 'files'"
        database.execute(f"DELETE FROM django_migrations WHERE app = 'files' AND name = ({newest})")  # noqa: S608

    done = moorage_server("fixity", data=tmp_path)

    assert (done.returncode, done.stderr) == (
        1,
        "Error: The database is not up to date. Run `moorage-server migrate` first.\n",
    )
