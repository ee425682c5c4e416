"""Walks through the state machine that chance takes only now and then; see `test_state_machine`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from commons_machine import CommonsMachine
from stepped_world import make_batches_small
from stepwise import mortal_processes

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE = {"a": b"one", "d/a": b"two", "d/b": b"three"}
ARRIVES = {"a": b"one", "d/a": b"three", "d/c": b"one", "e/a": b"two"}


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    make_batches_small(monkeypatch)


@contextmanager
def a_walk(tmp_path: Path) -> Iterator[CommonsMachine]:
    with mortal_processes():
        machine = CommonsMachine(tmp_path / str(number) for number in count())
        try:
            machine.the_project_holds_something(files=BEFORE)
            yield machine
            machine.all_is_well()
            machine.come_to_rest()
        finally:
            machine.stepped.close()


def arrive(machine: CommonsMachine) -> None:
    machine.open(files=ARRIVES, is_done=True, on_conflict="version", into="")


@pytest.mark.parametrize("steps", [2, 5])
@pytest.mark.parametrize("into", [None, "m/n"])
def test_what_an_import_has_planned_against_is_removed_or_moved(tmp_path: Path, steps: int, into: str | None) -> None:
    with a_walk(tmp_path) as machine:
        arrive(machine)
        machine.an_import_is_overtaken(which=0, path=0, steps=steps, into=into)


@pytest.mark.parametrize("steps", [1, 4, 7])
def test_a_worker_wakes_up_in_the_middle_of_another_ones_work(tmp_path: Path, steps: int) -> None:
    with a_walk(tmp_path) as machine:
        arrive(machine)
        machine.a_worker_goes_on(which=0, steps=steps, dies=None)
        machine.another_worker_takes_an_import_over(which=0)
        for _ in range(3):
            machine.a_worker_goes_on(which=1, steps=2, dies=None)
            machine.a_worker_goes_on(which=0, steps=2, dies=None)
            machine.all_is_well()


def test_a_collector_comes_after_remnants_have_gone(tmp_path: Path) -> None:
    with a_walk(tmp_path) as machine:
        arrive(machine)
        machine.a_worker_goes_on_to_its_end(which=0)
        machine.days_pass(days=31, dies=None)
        for _ in range(3):
            machine.collect(days=31, dies=None, seams=None)
            machine.all_is_well()
