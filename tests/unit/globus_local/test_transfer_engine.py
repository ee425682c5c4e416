"""The engine's decisions: whose task runs next, and what becomes of one that cannot."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from globus_local.app import build_world
from globus_local.auth.callers import Caller
from globus_local.config import CollectionConfig, Config, IdentityConfig
from globus_local.transfer.engine import Engine
from globus_local.transfer.submissions import submit_delete, submit_transfer
from globus_local.transfer.tasks import Task
from globus_local.world import LocalGlobus

ADA = "aaaaaaaa-0000-4000-8000-000000000001"
BOB = "bbbbbbbb-0000-4000-8000-000000000001"
HERE = "dddddddd-0000-4000-8000-000000000001"
THERE = "dddddddd-0000-4000-8000-000000000002"
WAIT_SECONDS = 20.0


def a_world(folder: Path, *names: str) -> LocalGlobus:
    """A local Globus with some of the collections Here and There."""
    collections = []
    for collection_id, name in ((HERE, "Here"), (THERE, "There")):
        (folder / name).mkdir(exist_ok=True)
        if name in names:
            collections.append(
                CollectionConfig(id=collection_id, display_name=name, path=folder / name, administrators=(ADA, BOB))
            )
    return build_world(
        Config(
            data_folder=folder / "data",
            retry_seconds=0.1,
            identities=(IdentityConfig(id=ADA, username="ada"), IdentityConfig(id=BOB, username="bob")),
            collections=tuple(collections),
        )
    )


def caller(identity_id: str) -> Caller:
    return Caller(identity_id, frozenset({identity_id}), None, frozenset(), identity_id)


def a_task_that_waits(world: LocalGlobus, owner: str, name: str) -> str:
    """Its source is not there, so it is tried again and again."""
    item = {"source_path": "/missing", "destination_path": f"/{name}"}
    document = {"source_endpoint": HERE, "destination_endpoint": THERE, "DATA": [item]}
    return submit_transfer(world, caller(owner), document).task_id


def wait_for(world: LocalGlobus, task_id: str, condition: Callable[[Task], bool]) -> Task:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition(task := world.tasks.find(task_id)):
        assert time.monotonic() < deadline, task
        time.sleep(0.02)
    return task


@pytest.fixture
def world(tmp_path: Path) -> LocalGlobus:
    return a_world(tmp_path, "Here", "There")


@pytest.fixture
def engine(world: LocalGlobus) -> Iterator[Engine]:
    engine = Engine(world)
    engine.start()
    yield engine
    engine.stop()


def test_one_owners_full_queue_keeps_neither_others_nor_deletes_waiting(world: LocalGlobus, engine: Engine) -> None:
    of_ada = [a_task_that_waits(world, ADA, f"ada-{number}") for number in range(4)]
    of_bob = a_task_that_waits(world, BOB, "bob")
    delete = {"endpoint": HERE, "ignore_missing": True, "DATA": [{"path": "/nothing"}]}
    deletion = submit_delete(world, caller(ADA), delete).task_id

    for task_id in (*of_ada[:3], of_bob):
        wait_for(world, task_id, lambda task: task.faults > 0)

    assert wait_for(world, deletion, lambda task: task.status != "ACTIVE").status == "SUCCEEDED"
    assert world.tasks.find(of_ada[3]).nice_status == "Queued"


def test_a_task_whose_collection_is_gone_fails_and_says_so(world: LocalGlobus, tmp_path: Path) -> None:
    task_id = a_task_that_waits(world, ADA, "x")

    smaller = a_world(tmp_path, "Here")
    engine = Engine(smaller)
    engine.start()
    task = wait_for(smaller, task_id, lambda task: task.status != "ACTIVE")
    engine.stop()

    assert (task.status, task.fatal_error_code) == ("FAILED", "ENDPOINT_DELETED")
    assert THERE in str(task.fatal_error_description)


def test_a_second_engine_waits_until_the_first_is_gone(world: LocalGlobus, engine: Engine, tmp_path: Path) -> None:
    task_id = a_task_that_waits(world, ADA, "x")
    wait_for(world, task_id, lambda task: task.faults > 0)
    other_world = a_world(tmp_path, "Here", "There")
    second = Engine(other_world)

    second.start()
    time.sleep(0.5)
    engine.stop()
    stopped_at = world.tasks.find(task_id).faults
    wait_for(world, task_id, lambda task: task.faults > stopped_at)
    second.stop()
    at_the_end = world.tasks.find(task_id).faults
    time.sleep(0.5)

    assert world.tasks.find(task_id).faults == at_the_end, "nobody works on it any more"
    assert world.tasks.find(task_id).status == "ACTIVE"


def test_a_cancelled_task_frees_its_place_at_once(world: LocalGlobus, engine: Engine) -> None:
    tasks = [a_task_that_waits(world, ADA, str(number)) for number in range(4)]
    for task_id in tasks[:3]:
        wait_for(world, task_id, lambda task: task.faults > 0)

    assert world.tasks.cancel(caller(ADA), tasks[0]) == "Canceled"

    wait_for(world, tasks[3], lambda task: task.nice_status != "Queued")
    assert world.tasks.find(tasks[0]).subtasks_canceled == 1
