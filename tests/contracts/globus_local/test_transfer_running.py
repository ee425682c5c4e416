"""Tasks while they run: progress, lost rules, cancelling, deadlines, queues, kills. On a slowed-down service."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import globus_sdk
import pytest

from local_globus import ADA, COMMONS, PORTAL, ROBOT, LocalGlobusProcess
from transfer_tasks import error_of, open_area, submit, wait_for_end, wait_for_task

RATE = 2_000_000
BIG = 20_000_000  # ten seconds at that rate


@pytest.fixture(scope="module")
def slow_globus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalGlobusProcess]:
    service = LocalGlobusProcess(
        tmp_path_factory.mktemp("slow-globus"), {"bytes_per_second": RATE, "progress_bytes": 200_000}
    )
    service.start()
    (service.lab / "big").write_bytes(os.urandom(BIG))
    yield service
    service.stop()


@pytest.fixture
def robot(slow_globus: LocalGlobusProcess) -> globus_sdk.TransferClient:
    return slow_globus.transfer(ROBOT)


@pytest.fixture
def area(slow_globus: LocalGlobusProcess, request: pytest.FixtureRequest) -> Path:
    open_area(slow_globus, request.node.name)
    made: Path = slow_globus.commons / request.node.name
    return made


def is_moving(task: dict[str, Any]) -> bool:
    return bool(task["bytes_transferred"] > 0)


def a_rule_for(area: Path) -> dict[str, Any]:
    return {
        "DATA_TYPE": "access",
        "principal_type": "identity",
        "principal": ADA,
        "path": f"/{area.name}/",
        "permissions": "rw",
    }


def rule_of(portal: globus_sdk.TransferClient, area: Path) -> str:
    return next(str(rule["id"]) for rule in portal.endpoint_acl_list(COMMONS) if rule["path"] == f"/{area.name}/")


def codes(client: globus_sdk.TransferClient, task_id: str) -> list[str]:
    return [event["code"] for event in client.task_event_list(task_id, limit=1000)]


def test_progress_moves_within_a_big_file_and_a_cancelled_task_writes_no_more(
    robot: globus_sdk.TransferClient, area: Path
) -> None:
    task_id = submit(robot, ("/big", f"/{area.name}/big"))

    first = wait_for_task(robot, task_id, is_moving)["bytes_transferred"]
    later = wait_for_task(robot, task_id, lambda task: task["bytes_transferred"] > first)["bytes_transferred"]
    answer = robot.cancel_task(task_id)
    task = wait_for_end(robot, task_id)
    size = (area / "big").stat().st_size
    time.sleep(0.5)

    assert 0 < first < later < BIG
    assert answer["code"] == "Canceled"
    assert (task["status"], task["fatal_error"]["code"]) == ("FAILED", "CANCELED")
    assert task["subtasks_canceled"] == task["subtasks_total"] == 1
    assert task["completion_time"] is not None
    assert (area / "big").stat().st_size == size < BIG
    assert codes(robot, task_id)[0] == "CANCELED"
    assert robot.cancel_task(task_id)["code"] == "TaskComplete"


def test_a_task_that_loses_its_rule_stops_writing_and_goes_on_when_it_comes_back(
    robot: globus_sdk.TransferClient, slow_globus: LocalGlobusProcess, area: Path
) -> None:
    portal = slow_globus.transfer(PORTAL)
    (slow_globus.lab / "pieces").mkdir(exist_ok=True)
    for number in range(8):
        (slow_globus.lab / "pieces" / str(number)).write_bytes(b"x" * 500_000)
    task_id = submit(robot, ("/pieces/", f"/{area.name}/"), recursive=True)
    wait_for_task(robot, task_id, is_moving)

    portal.delete_endpoint_acl_rule(COMMONS, rule_of(portal, area))
    faulty = wait_for_task(robot, task_id, lambda task: task["nice_status"] == "PERMISSION_DENIED")
    before = sorted((each.name, each.stat().st_size) for each in area.iterdir())
    time.sleep(0.7)
    after = sorted((each.name, each.stat().st_size) for each in area.iterdir())
    still = robot.get_task(task_id)
    portal.add_endpoint_acl_rule(COMMONS, a_rule_for(area))
    task = wait_for_end(robot, task_id)

    assert before == after
    assert (faulty["status"], faulty["is_ok"]) == ("ACTIVE", False)
    assert still["status"] == "ACTIVE"
    assert task["status"] == "SUCCEEDED"
    assert task["faults"] > 0
    assert sorted((each.name, each.stat().st_size) for each in area.iterdir()) == [
        (str(number), 500_000) for number in range(8)
    ]


def test_a_rule_that_ends_in_the_middle_of_a_file_stops_that_file(
    robot: globus_sdk.TransferClient, slow_globus: LocalGlobusProcess, area: Path
) -> None:
    portal = slow_globus.transfer(PORTAL)
    task_id = submit(robot, ("/big", f"/{area.name}/big"))
    wait_for_task(robot, task_id, is_moving)

    portal.update_endpoint_acl_rule(COMMONS, rule_of(portal, area), {"permissions": "r"})
    wait_for_task(robot, task_id, lambda task: task["faults"] > 0)
    size = (area / "big").stat().st_size
    time.sleep(0.7)

    assert (area / "big").stat().st_size == size < BIG
    robot.cancel_task(task_id)


def test_a_missing_file_is_a_fault_and_not_a_failure(robot: globus_sdk.TransferClient, area: Path) -> None:
    task_id = submit(robot, ("/missing", f"/{area.name}/file"), ("/pipe", f"/{area.name}/pipe"))

    task = wait_for_task(robot, task_id, lambda task: task["faults"] >= 4)

    assert task["status"] == "ACTIVE"
    assert task["nice_status"] == "FILE_NOT_FOUND"
    assert task["subtasks_retrying"] == 2
    assert robot.task_event_list(task_id, query_params={"filter": "is_error:1"})["total"] >= 4
    robot.cancel_task(task_id)


def test_what_is_no_file_is_never_opened(
    robot: globus_sdk.TransferClient, slow_globus: LocalGlobusProcess, area: Path
) -> None:
    os.mkfifo(slow_globus.lab / "a-pipe")
    (slow_globus.lab / "a-link").symlink_to("/etc/passwd")
    os.mkfifo(area / "a-pipe-there")
    (slow_globus.lab / "a-file").write_text("x")
    items = [
        ("/a-pipe", f"/{area.name}/1"),
        ("/a-link", f"/{area.name}/2"),
        ("/a-file", f"/{area.name}/a-pipe-there"),
    ]

    task_id = submit(robot, *items)
    task = wait_for_task(robot, task_id, lambda task: task["subtasks_retrying"] == 3)
    robot.cancel_task(task_id)

    assert task["nice_status"] == "ENDPOINT_ERROR"
    assert [each.name for each in area.iterdir()] == ["a-pipe-there"]


def test_recursive_has_to_fit_what_is_there(
    robot: globus_sdk.TransferClient, slow_globus: LocalGlobusProcess, area: Path
) -> None:
    (slow_globus.lab / "plain").write_text("x")
    (slow_globus.lab / "folder").mkdir()
    as_folder = submit(robot, ("/plain", f"/{area.name}/a"), recursive=True)
    as_file = submit(robot, ("/folder", f"/{area.name}/b"), recursive=False)

    assert wait_for_task(robot, as_folder, lambda task: task["faults"] > 0)["nice_status"] == "NOT_A_DIRECTORY"
    assert wait_for_task(robot, as_file, lambda task: task["faults"] > 0)["nice_status"] == "IS_A_DIRECTORY"
    robot.cancel_task(as_folder)
    robot.cancel_task(as_file)
    assert list(area.iterdir()) == []


def test_a_task_ends_at_its_deadline(robot: globus_sdk.TransferClient, area: Path) -> None:
    deadline = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() + 2))

    task = wait_for_end(robot, submit(robot, ("/missing", f"/{area.name}/file"), deadline=deadline))

    assert (task["status"], task["fatal_error"]["code"]) == ("FAILED", "EXPIRED")
    assert task["subtasks_expired"] == 1
    assert codes(robot, task["task_id"])[0] == "EXPIRED"


def test_a_fourth_task_waits_and_can_be_cancelled_while_it_waits(robot: globus_sdk.TransferClient, area: Path) -> None:
    tasks = [submit(robot, ("/big", f"/{area.name}/{number}")) for number in range(4)]
    for task_id in tasks[:3]:
        wait_for_task(robot, task_id, lambda task: task["nice_status"] == "OK")

    waiting = robot.get_task(tasks[3])
    cancelled = robot.cancel_task(tasks[3])

    assert (waiting["status"], waiting["nice_status"], waiting["bytes_transferred"]) == ("ACTIVE", "Queued", 0)
    assert cancelled["code"] == "Canceled"
    assert not (area / "3").exists()
    fifth = submit(robot, ("/a-small-one", f"/{area.name}/5"))
    assert robot.get_task(fifth)["nice_status"] == "Queued"
    robot.cancel_task(tasks[0])
    wait_for_task(robot, fifth, lambda task: task["nice_status"] != "Queued")
    for task_id in [*tasks[1:3], fifth]:
        robot.cancel_task(task_id)


def test_a_manager_sees_and_cancels_a_members_task(
    robot: globus_sdk.TransferClient, slow_globus: LocalGlobusProcess, area: Path
) -> None:
    portal = slow_globus.transfer(PORTAL)
    task_id = submit(robot, ("/big", f"/{area.name}/big"))
    wait_for_task(robot, task_id, is_moving)

    (seen,) = portal.endpoint_manager_task_list(
        filter_status="ACTIVE,INACTIVE", filter_endpoint=COMMONS, filter_endpoint_use="destination", filter_owner_id=ADA
    )["DATA"]
    cancel = portal.endpoint_manager_cancel_tasks([task_id], "The upload is over.")
    task = wait_for_end(robot, task_id)
    size = (area / "big").stat().st_size
    time.sleep(0.5)

    assert (seen["task_id"], seen["destination_base_path"], seen["source_base_path"]) == (task_id, None, None)
    assert (task["status"], task["fatal_error"]["code"]) == ("FAILED", "CANCELED")
    assert (task["canceled_by_admin"], task["canceled_by_admin_message"]) == ("DESTINATION", "The upload is over.")
    assert (area / "big").stat().st_size == size
    assert portal.endpoint_manager_cancel_status(cancel["id"])["done"] is True
    assert portal.endpoint_manager_get_task(task_id)["status"] == "FAILED"
    assert error_of(lambda: robot.endpoint_manager_task_list(filter_endpoint=COMMONS)) == (403, "PermissionDenied")


def test_after_a_kill_a_task_goes_on_from_its_last_file(slow_globus: LocalGlobusProcess, area: Path) -> None:
    folder = slow_globus.lab / "many"
    folder.mkdir()
    for number in range(10):
        (folder / str(number)).write_bytes(os.urandom(400_000))
    robot = slow_globus.transfer(ROBOT)
    task_id = submit(robot, ("/many/", f"/{area.name}/"), recursive=True, verify_checksum=True)
    before = wait_for_task(robot, task_id, lambda task: task["files_transferred"] >= 3)
    arrived = {each.name: each.stat().st_mtime_ns for each in area.iterdir()}

    slow_globus.kill()
    slow_globus.start()
    robot = slow_globus.transfer(ROBOT)
    between = robot.get_task(task_id)
    task = wait_for_end(robot, task_id)

    assert between["files_transferred"] >= before["files_transferred"]
    assert (task["status"], task["files_transferred"], task["files"]) == ("SUCCEEDED", 10, 10)
    assert task["bytes_transferred"] == 4_000_000
    assert {each.name: each.read_bytes() for each in area.iterdir()} == {
        each.name: each.read_bytes() for each in folder.iterdir()
    }
    untouched = [name for name, modified in arrived.items() if (area / name).stat().st_mtime_ns == modified]
    assert len(untouched) >= before["files_transferred"]
    assert codes(robot, task_id).count("STARTED") == 1


def test_a_stop_in_the_middle_of_a_big_file_is_quick_and_the_file_begins_anew(
    slow_globus: LocalGlobusProcess, area: Path
) -> None:
    robot = slow_globus.transfer(ROBOT)
    (slow_globus.lab / "middling").write_bytes(os.urandom(3_000_000))
    task_id = submit(robot, ("/middling", f"/{area.name}/file"), verify_checksum=True)
    wait_for_task(robot, task_id, is_moving)

    asked_at = time.monotonic()
    slow_globus.stop()
    seconds = time.monotonic() - asked_at
    slow_globus.start()
    task = wait_for_end(slow_globus.transfer(ROBOT), task_id)

    assert seconds < 5
    assert (task["status"], task["faults"], task["bytes_transferred"]) == ("SUCCEEDED", 0, 3_000_000)
    assert (area / "file").read_bytes() == (slow_globus.lab / "middling").read_bytes()


def test_a_folder_swapped_for_a_link_while_a_task_runs_leads_nowhere(
    robot: globus_sdk.TransferClient, slow_globus: LocalGlobusProcess, area: Path, tmp_path: Path
) -> None:
    folder = slow_globus.lab / "swapped"
    (folder / "inner").mkdir(parents=True)
    for number in range(6):
        (folder / "inner" / str(number)).write_bytes(b"mine" * 100_000)
        (tmp_path / str(number)).write_bytes(b"secret" * 100_000)
    task_id = submit(robot, ("/swapped/", f"/{area.name}/"), recursive=True)
    wait_for_task(robot, task_id, lambda task: task["files_transferred"] >= 1)

    (folder / "inner").rename(folder / "was-inner")
    (folder / "inner").symlink_to(tmp_path)
    (area / "inner").rename(area / "was-inner")
    (area / "inner").symlink_to(tmp_path)
    wait_for_task(robot, task_id, lambda task: task["faults"] >= 2)
    robot.cancel_task(task_id)

    assert all(b"secret" not in file.read_bytes() for file in (area / "was-inner").iterdir())
    assert all(file.read_bytes() == b"secret" * 100_000 for file in tmp_path.iterdir())
