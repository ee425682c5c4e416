"""Every call on the file system may fail, in every way it can: nothing is lost, torn or stuck, and it is told well.

Which calls there are is found by a recording run of each scene. A sample of the faults is played here; with
MOORAGE_DEEP in the environment, all of them.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import pytest
from django.core.management.color import no_style
from django.db import connection
from django.utils import timezone

from fakes.globus import InMemoryTransferService
from fault_errors import ERRORS, FOR_GOOD, OF_THE_DISK, Fault
from fault_file_system import FaultFileSystem
from fault_scenes import QUIET_SECONDS, Importing, ImportingPlainly, Previewing, Scene
from fault_scenes_of_the_store import Discarding, Storekeeping
from importing import World
from kill_matrix import Inline
from moorage.backends import Backends, Policies, using
from moorage.files import collecting, registering
from moorage.globus.links import GlobusLinks
from moorage.importer.batches import tally
from moorage.importer.ledger import disk_waits, durability, job
from moorage.importer.place import passes
from moorage.importer.plan import scan, still_to_place
from moorage.importer.publish import publishing
from moorage.jobs import import_troubles, imports, previews, setbacks
from moorage.storage import walk
from moorage.storage.layout import StoreLayout
from moorage.transfers.states import UploadState
from small_steps import small_steps

pytestmark = pytest.mark.django_db(transaction=True)

DEEP = bool(os.environ.get("MOORAGE_DEEP"))
A_WHILE = 3  # calls that fail before a disk that was full has room again
LONGEST_SECONDS = 120.0  # whoever still works then is stuck
PATIENCE = 25  # failed calls after which the workers are ended


@pytest.fixture(autouse=True)
def _quick(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """A small tree has several batches of every kind, and nobody waits for long."""
    for module, name, value in (
        (walk, "PART_ENTRIES", 4),
        (scan, "GROUP_ENTRIES", 6),
        (still_to_place, "GROUP_ENTRIES", 6),
        *small_steps(files=5, rows=8),
        (tally, "LARGE_BYTES", 1 << 20),
        (job, "PAUSE_SECONDS", 0.0),
        (registering, "PAUSE_SECONDS", 0.0),
        (collecting, "PAUSE_SECONDS", 0.0),
        (disk_waits, "POLL_SECONDS", 0.01),
        (passes, "AGAIN_SECONDS", 0.01),
        (publishing, "ASK_AGAIN_SECONDS", 0.01),
        (import_troubles, "FIRST_DELAY", timedelta(0)),
        (setbacks, "FIRST_DELAY", timedelta(0)),
    ):
        monkeypatch.setattr(module, name, value)

    # Nobody pulls the plug here, and the machine's disk may be busy.
    off = {"sqlite": "PRAGMA synchronous = OFF", "postgresql": "SET synchronous_commit = off"}
    monkeypatch.setattr(durability, "_LATER", off)
    monkeypatch.setattr(durability, "_AT_ONCE", off)
    monkeypatch.setattr(durability, "_AS_BEFORE", off)
    with connection.cursor() as cursor:
        cursor.execute(off[connection.vendor])

    class Pool:
        orders_for_one = 2

        def executor_for(self, *_: object, **__: object) -> Inline:
            return Inline()

    monkeypatch.setattr(previews, "shared_pool", Pool)
    monkeypatch.setattr(imports, "shared_pool", Pool)


@contextmanager
def a_world(folder: Path) -> Iterator[World]:
    """A store and a database with nothing in them."""
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    connection.ops.execute_sql_flush(connection.ops.sql_flush(no_style(), tables, reset_sequences=False))
    store = StoreLayout(folder)
    store.make()
    policies = Policies(
        free_floor_bytes=0,
        free_floor_percent=0,
        quiet_time=timedelta(seconds=QUIET_SECONDS),
        digest_min_age=timedelta(0),
        fixity_bytes_per_second=0,
    )
    globus = InMemoryTransferService()
    links = GlobusLinks("https://globus.example")
    with using(Backends(globus=globus, links=links, store=store, clock=timezone.now, policies=policies)):
        yield World(globus, store, Inline())
    shutil.rmtree(folder)


class Unforeseen(logging.Handler):
    """Hears of what an import calls a bug of Moorage."""

    def __init__(self) -> None:
        super().__init__()
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if "unforeseen" in record.msg:
            self.heard.append(str(record.exc_info[1]) if record.exc_info else record.getMessage())


def played(kind: type[Scene], folder: Path, fault: Fault | None) -> tuple[FaultFileSystem, list[str], dict[str, Any]]:
    """Play a scene on a file system with a fault: what it was asked for, what was wrong, and how it ended."""
    unforeseen = Unforeseen()
    logging.getLogger("moorage").addHandler(unforeseen)
    try:
        with a_world(folder) as world:
            faults = FaultFileSystem(world.store.root, fault)
            began = time.monotonic()
            scene = kind(world, lambda: faults.failed > PATIENCE or time.monotonic() - began > LONGEST_SECONDS)
            scene.prepare()
            with faults.armed():
                scene.act()
            wrong = scene.wrong()
            wrong += [f"an anticipated error counts as a bug: {one}" for one in unforeseen.heard]
            if fault is not None:
                wrong += [] if faults.failed else ["it was not met"]
                wrong += ["it did not go on by itself"] if is_stuck(scene, fault) else []
            faults.heal()
            scene.is_enough = lambda: False
            expected = EXPECTED.get(kind)
            scene.settle(lambda: expected is None or scene.look() == expected)
            wrong += [f"in the end {one}" for one in scene.wrong()]
            return faults, wrong, scene.look()
    finally:
        logging.getLogger("moorage").removeHandler(unforeseen)


def is_stuck(scene: Scene, fault: Fault) -> bool:
    """Whether a disk that was full or read-only has done more than to make an import wait."""
    if not isinstance(scene, Importing) or fault.number not in OF_THE_DISK:
        return False
    if fault.lasts == FOR_GOOD:
        state, reason = scene.upload.current_state, scene.upload.reason
        return state is UploadState.FAILED or (state is UploadState.IMPORTING and reason != "import.no_room")
    return scene.look() != EXPECTED[type(scene)]


EXPECTED: dict[type[Scene], dict[str, Any]] = {}
OPS: Final[dict[type[Scene], set[str]]] = {  # so that a scene that does nothing any more is noticed
    Importing: {"open", "create", "read", "write", "scandir", "entry", "fstat", "link", "unlink", "rename", "mkdir"}
    | {"rmdir", "fchmod", "lease", "fsync", "syncfs", "statvfs"},
    ImportingPlainly: {"open", "read", "fstat", "link", "mkdir", "fchmod", "lease", "syncfs", "scandir", "entry"},
    Previewing: {"open", "read", "scandir", "lease", "statvfs"},
    Discarding: {"rename", "fsync", "unlink", "rmdir", "chmod", "scandir"},
    Storekeeping: {"open", "read", "rename", "link", "unlink", "mkdir", "fsync", "fstat"},
}
ONLY: Final[dict[type[Scene], str]] = {ImportingPlainly: "" if DEEP else "plain"}  # the rest is in Importing
# A name that is said to be gone is not removed: it stays as a remnant, and its bytes are in the project.
BELIEVED: Final = (errno.ENOENT, "importer/publish/clear.py")


def faults_of(calls: Mapping[tuple[str, str], int], *, only: str) -> Iterator[Fault]:
    """Faults at every site: of each error the first call and the last, once and for good; else a sample of them."""
    seen: set[tuple[str, str]] = set()
    for turn, ((op, site), count) in enumerate(sorted(calls.items())):
        if only not in site:
            continue
        some = [
            Fault(op, site, nth, number, lasts)
            for number in ERRORS[op]
            for nth in sorted({1, count})
            for lasts in (1, A_WHILE, FOR_GOOD)
            if (lasts != A_WHILE or number in OF_THE_DISK) and (lasts == 1 or nth == 1)
            if number != BELIEVED[0] or BELIEVED[1] not in site
        ]
        if DEEP:
            yield from some
        elif (op, site.partition(" < ")[0]) not in seen:
            seen.add((op, site.partition(" < ")[0]))
            yield some[turn % len(some)]


@pytest.mark.parametrize("kind", [Importing, ImportingPlainly, Previewing, Discarding, Storekeeping])
def test_whatever_the_file_system_refuses_nothing_is_lost_or_stuck_and_it_is_told_well(
    kind: type[Scene], tmp_path: Path
) -> None:
    recorded, wrong, EXPECTED[kind] = played(kind, tmp_path / "recorded", None)
    assert wrong == []
    again, _, _ = played(kind, tmp_path / "recorded", None)
    assert again.calls == recorded.calls, "what is asked of the file system is not the same each time"

    faults, found = list(faults_of(recorded.calls, only=ONLY.get(kind, ""))), list[str]()
    for fault in faults:
        _, wrong, ended = played(kind, tmp_path / "played", fault)
        differs = [key for key, value in EXPECTED[kind].items() if ended[key] != value]
        wrong += [f"{key}: {ended[key]} instead of {EXPECTED[kind][key]}" for key in differs]
        found += [f"{fault}: {one}" for one in wrong]

    print(f"{kind.__name__}: {len(faults)} faults at {len(recorded.calls)} sites")
    assert found == []
    assert {op for op, _ in recorded.calls} >= OPS[kind]
