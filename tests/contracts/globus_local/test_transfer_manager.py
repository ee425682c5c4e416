"""What the managers of a collection see of its tasks, with the SDK's own paginators."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import globus_sdk
import pytest

from local_globus import ADA, ADA_AT_HOME, BOB, COMMONS, LAB, PORTAL, ROBOT, LocalGlobusProcess, StartLocalGlobus
from transfer_tasks import error_of, open_area, submit, wait_for_end


@pytest.fixture(scope="module")
def open_globus(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalGlobusProcess]:
    """A service that shows the paths of tasks to managers, with four tasks that are over."""
    service = LocalGlobusProcess(tmp_path_factory.mktemp("open-globus"), {"show_task_paths": True})
    service.start()
    open_area(service, "area")
    (service.lab / "file").write_text("x")
    robot = service.transfer(ROBOT)
    for number in range(3):
        wait_for_end(robot, submit(robot, ("/file", f"/area/{number}")))
    wait_for_end(robot, submit(robot, ("/file", "/copy"), destination=LAB))
    yield service
    service.stop()


@pytest.fixture
def portal(open_globus: LocalGlobusProcess) -> globus_sdk.TransferClient:
    return open_globus.transfer(PORTAL)


def tasks(portal: globus_sdk.TransferClient, **filters: Any) -> list[dict[str, Any]]:
    return list(portal.paginated.endpoint_manager_task_list(query_params={"limit": 2}, **filters).items())


def test_all_pages_of_a_collections_tasks_are_read(portal: globus_sdk.TransferClient) -> None:
    found = tasks(portal, filter_endpoint=COMMONS)

    assert [task["destination_base_path"] for task in found] == ["/area/2", "/area/1", "/area/0"]
    assert {task["source_base_path"] for task in found} == {None}, "the other side is not theirs to see"


@pytest.mark.parametrize("owner", [ROBOT, ADA, ADA_AT_HOME])
def test_a_task_is_found_by_any_identity_linked_with_its_owner(portal: globus_sdk.TransferClient, owner: str) -> None:
    assert len(tasks(portal, filter_endpoint=COMMONS, filter_owner_id=owner)) == 3


def test_filters_leave_out_what_they_say(portal: globus_sdk.TransferClient) -> None:
    task_id = tasks(portal, filter_endpoint=COMMONS)[0]["task_id"]

    assert tasks(portal, filter_endpoint=COMMONS, filter_endpoint_use="source") == []
    assert tasks(portal, filter_endpoint=COMMONS, filter_status=["ACTIVE", "INACTIVE"]) == []
    assert tasks(portal, filter_endpoint=COMMONS, filter_min_faults=1) == []
    assert len(tasks(portal, filter_endpoint=COMMONS, filter_completion_time=("2001-01-01", ""))) == 3
    assert tasks(portal, filter_endpoint=COMMONS, filter_completion_time="2001-01-01,2001-01-02") == []
    assert [task["task_id"] for task in tasks(portal, filter_task_id=[task_id])] == [task_id]
    assert tasks(portal, filter_status="ACTIVE") == []


def test_what_the_cloud_refuses_is_refused(portal: globus_sdk.TransferClient, open_globus: LocalGlobusProcess) -> None:
    robot = open_globus.transfer(ROBOT)
    own = submit(robot, ("/file", "/another"), destination=LAB)

    assert error_of(lambda: tasks(portal)) == (400, "ClientError.BadRequest")
    assert error_of(lambda: tasks(portal, filter_owner_id=ADA)) == (400, "ClientError.BadRequest")
    assert error_of(lambda: tasks(portal, filter_endpoint=COMMONS, filter_owner_id=BOB)) == (404, "UserNotFound")
    assert error_of(lambda: tasks(portal, filter_endpoint=LAB)) == (403, "PermissionDenied")
    assert error_of(lambda: tasks(portal, filter_task_id=own)) == (403, "PermissionDenied")
    assert error_of(lambda: portal.endpoint_manager_get_task(own))[0] == 404
    assert error_of(lambda: portal.endpoint_manager_cancel_tasks([own], "Stop."))[0] == 404
    assert (
        error_of(
            lambda: portal.endpoint_manager_task_list(
                filter_endpoint=COMMONS, filter_status="ACTIVE", query_params={"last_key": "x"}
            )
        )[0]
        == 400
    )


def test_a_manager_reads_events_rules_and_delivered_files(portal: globus_sdk.TransferClient) -> None:
    task_id = tasks(portal, filter_endpoint=COMMONS)[0]["task_id"]

    events = [event["code"] for event in portal.paginated.endpoint_manager_task_event_list(task_id).items()]
    (delivered,) = portal.paginated.endpoint_manager_task_successful_transfers(task_id).items()

    assert events == ["SUCCEEDED", "STARTED"]
    assert (delivered["source_path"], delivered["destination_path"]) == (None, "/area/2")
    assert list(portal.paginated.endpoint_manager_task_skipped_errors(task_id).items()) == []
    assert [each["id"] for each in portal.endpoint_manager_monitored_endpoints()] == [COMMONS]
    assert {rule["path"] for rule in portal.endpoint_manager_acl_list(COMMONS)} == {"/", "/area/"}
    assert portal.endpoint_manager_task_pause_info(task_id)["pause_rules"] == []


def test_a_collections_use_as_a_source_tells_who_reads_from_it(
    start_local_globus: StartLocalGlobus,
) -> None:
    service = start_local_globus(show_task_paths=True, bytes_per_second=100_000)
    taken, within, arriving, removed = unfinished_tasks(service)
    unfinished = {"filter_endpoint": COMMONS, "filter_status": ["ACTIVE", "INACTIVE"], "filter_owner_id": ADA}
    portal = service.transfer(PORTAL)

    reading = {task["task_id"]: task for task in tasks(portal, filter_endpoint_use="source", **unfinished)}
    writing = {task["task_id"] for task in tasks(portal, filter_endpoint_use="destination", **unfinished)}

    assert {task_id: task["type"] for task_id, task in reading.items()} == {
        taken: "TRANSFER",
        within: "TRANSFER",
        removed: "DELETE",
    }
    assert writing == {within, arriving}
    assert base_paths(reading[taken]) == ("/tree/", None), "the other side is not theirs to see"
    assert base_paths(reading[within]) == ("/tree/", "/area/copy/")


def test_a_managers_own_side_is_hidden_too_where_paths_are_not_shown(start_local_globus: StartLocalGlobus) -> None:
    service = start_local_globus(bytes_per_second=100_000)
    unfinished_tasks(service)

    found = tasks(service.transfer(PORTAL), filter_endpoint=COMMONS, filter_endpoint_use="source")

    assert len(found) == 3
    assert {base_paths(task) for task in found} == {(None, None)}


def unfinished_tasks(service: LocalGlobusProcess) -> tuple[str, str, str, str]:
    """Ada's transfers from COMMONS, within it and to it, and a delete on it that she has no right to."""
    open_area(service, "tree", permissions="r")
    open_area(service, "area")
    for folder in (service.commons / "tree", service.lab):
        (folder / "slow").write_bytes(b"x" * 3_000_000)
    robot = service.transfer(ROBOT)
    deletion = globus_sdk.DeleteData(endpoint=COMMONS)
    deletion.add_item("/tree/slow")
    return (
        submit(robot, ("/tree/", "/taken/"), source=COMMONS, destination=LAB, recursive=True),
        submit(robot, ("/tree/", "/area/copy/"), source=COMMONS, recursive=True),
        submit(robot, ("/slow", "/area/arriving")),
        str(robot.submit_delete(deletion)["task_id"]),
    )


def base_paths(task: dict[str, Any]) -> tuple[str | None, str | None]:
    return task["source_base_path"], task["destination_base_path"]
