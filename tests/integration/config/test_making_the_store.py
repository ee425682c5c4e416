"""Who makes the store of an installation: `migrate`, and with it `up`; never a part that is started by itself."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local_globus import free_port

FOLDERS = ("collection", "sealed", "objects", "trees", "trash")
MARK = Path("objects/.moorage-store")


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith(("MOORAGE_", "DJANGO_"))}


def moorage_server(*words: str, data: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "moorage.config", *words, "--data", str(data)],
        capture_output=True, text=True, timeout=120, check=False, env=environment(),
    )  # fmt: skip


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """An installation that has an object."""
    data = tmp_path / "data"
    done = moorage_server("migrate", data=data)
    assert (done.returncode, done.stdout) == (0, "The database is up to date.\n"), done.stderr
    assert (data / "store" / MARK).is_dir()
    with sqlite3.connect(data / "moorage.sqlite3") as database:
        database.execute(
            "INSERT INTO files_storedobject (digest, size_bytes, crc32, modified_ns, changed_ns, state, "
            "state_changed_at) VALUES (?, 1, 0, 0, 0, 'live', '2026-01-01')",
            [bytes(32)],
        )
    return data


def unmount(data: Path) -> None:
    shutil.rmtree(data / "store")
    for name in FOLDERS:
        (data / "store" / name).mkdir(parents=True)


@pytest.mark.parametrize("part", ["web", "worker"])
def test_a_part_that_starts_without_the_disk_makes_no_store(data: Path, part: str) -> None:
    unmount(data)
    command = [sys.executable, "-m", "moorage.config", part, "--data", str(data), "--with-parent", str(os.getpid())]
    with subprocess.Popen(command, env={**environment(), "MOORAGE_PORT": str(free_port())}) as process:
        time.sleep(6)
        assert process.poll() is None
        process.terminate()

    assert sorted(path.name for path in (data / "store").rglob("*")) == sorted(FOLDERS)


def test_migrate_makes_no_store_where_the_database_knows_of_another(data: Path) -> None:
    unmount(data)

    done = moorage_server("migrate", data=data)

    assert done.returncode == 0
    assert f"The store is not there: {data / 'store'} holds nothing of what the database knows." in done.stdout
    assert not (data / "store" / MARK).exists()
    checked = moorage_server("check", data=data)
    assert f"FAILED  Store: {data / 'store'} is not the store" in checked.stdout


def test_an_operator_may_say_that_it_is_the_store_all_the_same(data: Path) -> None:
    shutil.rmtree(data / "store")
    (data / "store" / MARK).mkdir(parents=True)

    assert moorage_server("migrate", data=data).stdout == "The database is up to date.\n"
    assert "ok      Store" in moorage_server("check", data=data).stdout


def test_a_store_from_before_there_were_marks_gets_one(data: Path) -> None:
    (data / "store" / MARK).rmdir()
    name = 64 * "0"
    (data / "store" / "objects" / "00").mkdir()
    (data / "store" / "objects" / "00" / name).write_bytes(b"1")

    moorage_server("migrate", data=data)

    assert (data / "store" / MARK).is_dir()
