"""A Moorage of one run's own, started as on a member's machine: site, worker, local Globus, and its database."""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psycopg

from benchmarks.imports.meters import tree_of
from machine import find_postgres_programs
from postgres import a_cluster
from running_moorage import RunningMoorage, command_line
from script_author import ScriptAuthor

SQLITE: Final = "sqlite"
POSTGRESQL: Final = "postgresql"
DATABASES: Final = (SQLITE, POSTGRESQL)
# A benchmark may fill the disk; everything else is as `up` sets it.
SETTINGS: Final = {"MOORAGE_FREE_FLOOR_BYTES": "0", "MOORAGE_FREE_FLOOR_PERCENT": "0"}
_PUBLISHED: Final = re.compile(r"published .* in ([\d.]+) ms")


@dataclass(frozen=True)
class Site:
    """A running Moorage and the demo member who uses it."""

    running: RunningMoorage
    author: ScriptAuthor
    url: str  # of its database; empty: SQLite in the data folder

    @property
    def processes(self) -> list[int]:
        """The worker, and on PostgreSQL the database's server: whose CPU an import uses."""
        servers = [
            pid
            for pid in tree_of(os.getpid())[1:]
            if self.url and command_line(pid).split("\0")[0].endswith("/postgres")
        ]
        return [self.running.pid_of("worker"), *servers[:1]]

    def area(self, path: str) -> Path:
        """Where the area at this path of the collection lies on disk."""
        return self.running.data / "store" / "collection" / path.strip("/")

    def count(self, table: str) -> int:
        """Rows of one of our tables."""
        query = f"SELECT count(*) FROM {table}"  # noqa: S608 - a name from this package
        if self.url:
            with psycopg.connect(self.url) as connection:
                row = connection.execute(query.encode()).fetchone()
        else:
            with closing(sqlite3.connect(self.running.data / "moorage.sqlite3")) as connection:
                row = connection.execute(query).fetchone()
        return int(row[0]) if row else 0

    def last_publish_ms(self) -> float | None:
        """How long the last publish step took, as the worker's log says."""
        found = _PUBLISHED.findall(self._worker_log())
        return float(found[-1]) if found else None

    def has_met_a_bug(self) -> bool:
        """Whether the worker's log tells of something unforeseen."""
        return "unforeseen" in self._worker_log()

    def _worker_log(self) -> str:
        log = self.running.data / "logs" / "worker.log"
        return log.read_text(errors="replace") if log.exists() else ""


@contextmanager
def a_site(folder: Path, database: str) -> Iterator[Site]:
    """Start one with an empty data folder below `folder`, and stop it afterwards; the folder is left."""
    folder.mkdir(parents=True)
    if database == SQLITE:
        with _started(folder, "") as site:
            yield site
        return
    programs = find_postgres_programs()
    if programs is None:
        raise LookupError("PostgreSQL's server programs are not installed (Debian: postgresql).")
    # As durable as it comes: no setting of ours.
    with a_cluster(programs, settings={}) as url, _started(folder, url) as site:
        yield site


def can_run(database: str) -> bool:
    """Whether this machine has what that database needs."""
    return database == SQLITE or find_postgres_programs() is not None


@contextmanager
def _started(folder: Path, url: str) -> Iterator[Site]:
    environment = SETTINGS | ({"MOORAGE_DATABASE": url} if url else {})
    running = RunningMoorage(folder / "data", environment)
    try:
        running.start()
        yield Site(running, ScriptAuthor(running), url)
    finally:
        running.stop()
