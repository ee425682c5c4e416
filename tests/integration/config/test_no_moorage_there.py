"""A command that looks after a Moorage makes none where a folder's name was mistyped."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = [["fixity"], ["check-store", "--mend"], ["check"], ["invite", "a@b.example"], ["end-account", "a@b.example"]]


def moorage_server(*words: str, data: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("MOORAGE_", "DJANGO_"))}
    return subprocess.run(
        [sys.executable, "-m", "moorage.config", *words, "--data", str(data)],
        capture_output=True, text=True, timeout=120, check=False, env={**plain, **environment},
    )  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
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


def test_what_migrate_has_made_is_there(tmp_path: Path) -> None:
    assert moorage_server("migrate", data=tmp_path / "new").returncode == 0

    done = moorage_server("fixity", data=tmp_path / "new")

    assert (done.returncode, done.stdout) == (0, "0 objects read (0 bytes): 0 damaged.\n")


def test_a_database_that_waits_for_migrations_is_said(tmp_path: Path) -> None:
    moorage_server("migrate", data=tmp_path)
    with sqlite3.connect(tmp_path / "moorage.sqlite3") as database:
        database.execute("DELETE FROM django_migrations WHERE app = 'files' AND name LIKE '0004%'")

    done = moorage_server("fixity", data=tmp_path)

    assert (done.returncode, done.stderr) == (
        1,
        "Error: The database is not up to date. Run `moorage-server migrate` first.\n",
    )
