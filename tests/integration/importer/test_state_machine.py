"""Uploads, imports and changes of a project in any order, with workers that die, sleep and wake up late.

What hypothesis chooses is done by the real engine, one step of one worker at a time, and by `upload_model`. After every
step readers must see what the model says, every staged byte must be somewhere, and every upload in its state. With
MOORAGE_DEEP=2000 so many examples are tried, each longer.
"""

from __future__ import annotations

import faulthandler
import os
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from commons_machine import CommonsMachine
from moorage.files import change_effects, collecting, registering, subtrees, undo_plan
from moorage.importer import batches, job, queue, register, replanning, runs, scan, writing
from moorage.storage import walk
from stepwise import mortal_processes

pytestmark = pytest.mark.django_db(transaction=True)

DEEP = int(os.environ.get("MOORAGE_DEEP", "0"))


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a handful of files has several batches of every kind; nothing pauses, and every step reports."""
    for module, name, value in (
        *((module, "PAUSE_SECONDS", 0.0) for module in (job, registering, collecting)),
        *((module, name, 3) for module in (writing, register) for name in ("FIRST_ROWS", "MOST_ROWS")),
        *((module, "GROUP_ENTRIES", 3) for module in (scan, queue)),
        (batches, "MAX_FILES", 2),
        (walk, "PART_ENTRIES", 3),
        (replanning, "ROWS_PER_BATCH", 2),
        (runs, "RANGE_ROWS", 3),
        (job, "REPORT_SECONDS", 0.0),
        (registering, "CLEAR_ROWS", 2),
        (undo_plan, "CHUNK_ROWS", 2),
        (change_effects, "BATCH_ROWS", 2),
        (subtrees, "FILES_PER_PIECE", 2),
        (subtrees, "FOLDERS_PER_PIECE", 2),
    ):
        monkeypatch.setattr(module, name, value)


@pytest.fixture
def folders(tmp_path: Path) -> Iterator[Path]:
    """A folder for every example."""
    return (tmp_path / f"example {number}" for number in count())


def test_whatever_happens_readers_see_whole_revisions_and_no_staged_byte_is_lost(folders: Iterator[Path]) -> None:
    class OneCommons(CommonsMachine):
        def __init__(self) -> None:
            super().__init__(folders)

    # Finding the smallest example of a failure takes minutes; what hangs is noticed by `stepwise`.
    faulthandler.cancel_dump_traceback_later()
    with mortal_processes():
        run_state_machine_as_test(
            OneCommons,
            settings=settings(
                max_examples=DEEP or 12,
                stateful_step_count=60 if DEEP else 25,
                deadline=None,
                print_blob=True,
                suppress_health_check=list(HealthCheck),
            ),
        )
