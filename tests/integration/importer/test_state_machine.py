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
from stepped_world import make_batches_small
from stepwise import mortal_processes

pytestmark = pytest.mark.django_db(transaction=True)

DEEP = int(os.environ.get("MOORAGE_DEEP", "0"))


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    make_batches_small(monkeypatch)


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
                max_examples=DEEP or 8,
                stateful_step_count=60 if DEEP else 25,
                deadline=None,
                print_blob=True,
                suppress_health_check=list(HealthCheck),
            ),
        )
