"""What is left of a task, told from its tables: after a crash in the middle, and long after its end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from globus_local.app import build_world
from globus_local.auth.callers import Caller
from globus_local.config import CollectionConfig, Config, IdentityConfig
from globus_local.transfer.faults import FaultError
from globus_local.transfer.history import KEPT_SECONDS, forget_old_items
from globus_local.transfer.ledger import BATCH_ITEMS, Ledger, NewItem
from globus_local.transfer.manager import TaskFilter, UserNotFoundError, list_tasks
from globus_local.transfer.paths import parse_path
from globus_local.transfer.running import TaskRun
from globus_local.transfer.submissions import submit_delete, submit_transfer
from globus_local.transfer.tasks import Task
from globus_local.world import LocalGlobus

ADA = "aaaaaaaa-0000-4000-8000-000000000001"
BOB = "bbbbbbbb-0000-4000-8000-000000000001"
HERE = "dddddddd-0000-4000-8000-000000000001"
THERE = "dddddddd-0000-4000-8000-000000000002"
ada = Caller(ADA, frozenset({ADA}), None, frozenset(), "ada@example.org")


@pytest.fixture
def world(tmp_path: Path) -> LocalGlobus:
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    return build_world(
        Config(
            data_folder=tmp_path / "data",
            identities=(IdentityConfig(id=ADA, username="ada@example.org"), IdentityConfig(id=BOB, username="bob")),
            collections=(
                CollectionConfig(id=HERE, display_name="Here", path=tmp_path / "here", administrators=(ADA,)),
                CollectionConfig(id=THERE, display_name="There", path=tmp_path / "there", administrators=(ADA,)),
            ),
        )
    )


def a_transfer(world: LocalGlobus, source: str, destination: str) -> str:
    item = {"source_path": source, "destination_path": destination}
    document = {"source_endpoint": HERE, "destination_endpoint": THERE, "DATA": [item]}
    return submit_transfer(world, ada, document).task_id


def run(world: LocalGlobus, task_id: str) -> Task:
    with world.database.read() as c:
        row = c.execute("SELECT * FROM tasks WHERE id = ?", (task_id,)).fetchone()
    TaskRun(world, row, threading.Event()).run()
    return world.tasks.find(task_id)


def started_before(world: LocalGlobus, task_id: str) -> None:
    """As if a service had begun with this task and was killed."""
    with world.database.transaction() as c:
        c.execute("UPDATE tasks SET started_at = ? WHERE id = ?", (time.time(), task_id))


def law_of_subtasks(task: Task) -> bool:
    parts = ("pending", "retrying", "succeeded", "expired", "canceled", "failed", "skipped_errors")
    return bool(task.subtasks_total == sum(getattr(task, f"subtasks_{part}") for part in parts))


@pytest.mark.parametrize("tried_before", [False, True])
def test_a_folder_that_was_half_read_when_the_service_was_killed_is_read_anew(
    world: LocalGlobus, tmp_path: Path, tried_before: bool
) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / "here" / name).write_text(name)
    task_id = a_transfer(world, "/", "/copy/")
    started_before(world, task_id)
    ledger = Ledger(world.database, task_id)
    (folder,) = ledger.next_items()
    if tried_before:
        ledger.fault(folder, FaultError("ENDPOINT_ERROR", "a bad moment", side="source"), retry_at=time.time())
        ledger.flush()
    ledger.add_children(folder, [NewItem("file", parse_path("/a"), parse_path("/copy/a"))])

    task = run(world, task_id)

    assert (task.status, task.files, task.files_transferred) == ("SUCCEEDED", 3, 3)
    assert (task.subtasks_total, law_of_subtasks(task)) == (4, True)


def test_a_folder_that_cannot_be_read_to_its_end_leaves_no_items(world: LocalGlobus) -> None:
    task_id = a_transfer(world, "/", "/copy/")
    ledger = Ledger(world.database, task_id)
    (folder,) = ledger.next_items()

    def entries() -> Iterator[NewItem]:
        for number in range(BATCH_ITEMS + 1):
            yield NewItem("file", parse_path(f"/{number}"), parse_path(f"/copy/{number}"))
        raise OSError

    with pytest.raises(OSError):  # noqa: PT011 (the very one from above)
        ledger.add_children(folder, entries())

    task = world.tasks.find(task_id)
    assert (task.subtasks_total, task.subtasks_pending) == (1, 1)
    assert ledger.next_items() == [folder]


def test_a_folder_that_was_deleted_just_before_a_crash_is_deleted(world: LocalGlobus, tmp_path: Path) -> None:
    (tmp_path / "here" / "gone").mkdir()
    document = {"endpoint": HERE, "recursive": True, "DATA": [{"path": "/gone"}]}
    task_id = submit_delete(world, ada, document).task_id
    ledger = Ledger(world.database, task_id)
    ledger.begin(ledger.next_items()[0])
    (tmp_path / "here" / "gone").rmdir()

    assert run(world, task_id).status == "SUCCEEDED"


def test_what_came_to_each_file_is_forgotten_after_thirty_days(world: LocalGlobus, tmp_path: Path) -> None:
    (tmp_path / "here" / "file").write_text("x")
    old, recent = a_transfer(world, "/file", "/old"), a_transfer(world, "/file", "/recent")
    run(world, old)
    run(world, recent)
    with world.database.transaction() as c:
        c.execute("UPDATE tasks SET completed_at = ? WHERE id = ?", (time.time() - KEPT_SECONDS - 60, old))

    assert forget_old_items(world.database) == 1
    assert forget_old_items(world.database) == 0

    assert world.tasks.delivered_files(ada, old) == ([], None)
    assert len(world.tasks.delivered_files(ada, recent)[0]) == 1
    assert world.tasks.get(ada, old).status == "SUCCEEDED"


def test_a_managers_list_is_read_page_by_page(world: LocalGlobus) -> None:
    tasks = [a_transfer(world, "/missing", f"/{number}") for number in range(5)]
    wanted = TaskFilter(collection_id=THERE, use="destination", owner_id=ADA)

    found, key = list[str](), None
    while True:
        page, key = list_tasks(world, ada, wanted, limit=2, last_key=key)
        found += [task.id for task in page]
        if key is None:
            break

    assert found == tasks[::-1]
    assert list_tasks(world, ada, TaskFilter(collection_id=THERE, use="source"), limit=9, last_key=None) == ([], None)


def test_a_completion_time_without_an_end_also_finds_what_will_complete_later(
    world: LocalGlobus, tmp_path: Path
) -> None:
    (tmp_path / "here" / "file").write_text("x")
    over, running = a_transfer(world, "/file", "/over"), a_transfer(world, "/missing", "/running")
    run(world, over)

    def found(completion_time: str) -> set[str]:
        wanted = TaskFilter(collection_id=THERE, completion_time=completion_time)
        return {task.id for task in list_tasks(world, ada, wanted, limit=9, last_key=None)[0]}

    assert found("2001-01-01,") == {over, running}
    assert found(",2099-01-01") == {over}
    assert found("2099-01-01,") == {running}


def test_an_owner_who_never_had_a_task_is_not_known(world: LocalGlobus) -> None:
    a_transfer(world, "/missing", "/x")

    for owner in (BOB, HERE, "nobody"):
        with pytest.raises(UserNotFoundError):
            list_tasks(world, ada, TaskFilter(collection_id=HERE, owner_id=owner), limit=9, last_key=None)


def test_several_pages_of_delivered_files_miss_none(world: LocalGlobus, tmp_path: Path) -> None:
    for number in range(7):
        (tmp_path / "here" / str(number)).write_text("x")
    task_id = a_transfer(world, "/", "/copy/")
    run(world, task_id)

    found, marker = list[str](), 0
    while True:
        files, following = world.tasks.delivered_files(ada, task_id, marker=marker, limit=3)
        found += [file.source_path for file in files]
        if following is None:
            break
        marker = following

    assert sorted(found) == [f"/{number}" for number in range(7)]
