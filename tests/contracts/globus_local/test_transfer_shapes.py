"""Our documents have every key of those that globus-sdk has recorded from the real service (`globus_sdk.testing`)."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from globus_sdk.testing import RegisteredResponse, get_response_set

from local_globus import ADA, COMMONS, LAB, PORTAL, ROBOT, LocalGlobusProcess
from transfer_tasks import open_area, submit, wait_for_end


def recorded(name: str, case: str = "default") -> dict[str, Any]:
    found = get_response_set(f"transfer.{name}").lookup(case)
    assert isinstance(found, RegisteredResponse)
    assert isinstance(found.json, dict)
    return found.json


def missing(real: Any, ours: Any, place: str = "") -> list[str]:
    """Where the recorded document has a key, or a kind of value, that ours lacks. null goes with anything."""
    if real is None or ours is None:
        return []
    if isinstance(real, dict):
        if not isinstance(ours, dict):
            return [f"{place}: no object"]
        lacking = [f"{place}.{key}" for key in real if key not in ours]
        return lacking + [
            problem for key in real if key in ours for problem in missing(real[key], ours[key], f"{place}.{key}")
        ]
    if isinstance(real, list):
        if not isinstance(ours, list):
            return [f"{place}: no list"]
        return missing(real[0], ours[0], f"{place}[]") if real and ours else []
    return [] if type(real) is type(ours) else [f"{place}: {type(ours).__name__}, not {type(real).__name__}"]


@pytest.fixture(scope="module")
def finished(local_globus: LocalGlobusProcess) -> str:
    """A transfer that is over."""
    open_area(local_globus, "shapes")
    (local_globus.lab / "file").write_text("x")
    robot = local_globus.transfer(ROBOT)
    task_id = submit(robot, ("/file", "/shapes/file"), verify_checksum=True)
    wait_for_end(robot, task_id)
    return task_id


def test_task_lists(local_globus: LocalGlobusProcess, finished: str) -> None:
    robot, portal = local_globus.transfer(ROBOT), local_globus.transfer(PORTAL)

    assert missing(recorded("task_list"), robot.task_list().data) == []
    assert missing(recorded("task_list")["DATA"][0], robot.get_task(finished).data) == []
    ours = portal.endpoint_manager_task_list(filter_endpoint=COMMONS, filter_owner_id=ADA)
    assert missing(recorded("endpoint_manager_task_list"), ours.data) == []
    one = portal.endpoint_manager_get_task(finished)
    assert missing(recorded("endpoint_manager_task_list")["DATA"][0], one.data) == []


def test_delivered_files(local_globus: LocalGlobusProcess, finished: str) -> None:
    real = recorded("endpoint_manager_task_successful_transfers")
    portal = local_globus.transfer(PORTAL)

    ours = portal.endpoint_manager_task_successful_transfers(finished)

    assert missing(real, ours.data) == []
    assert ours["DATA"][0]["source_path"] is None, "the other side's paths are not shown"
    assert ours["DATA"][0]["destination_path"] == "/shapes/file"


def test_stat_and_its_errors(local_globus: LocalGlobusProcess, finished: str) -> None:
    robot = local_globus.transfer(ROBOT)

    assert missing(recorded("operation_stat"), robot.operation_stat(LAB, path="/file").data) == []
    for case, collection, path in (("not_found", LAB, "/missing"), ("permission_denied", COMMONS, "/")):
        answer = error_document(local_globus, f"/v0.10/operation/endpoint/{collection}/stat", path)
        assert missing(recorded("operation_stat", case), answer) == []
        assert answer["code"] == recorded("operation_stat", case)["code"]


def error_document(service: LocalGlobusProcess, route: str, path: str) -> dict[str, Any]:
    token = service.token(ROBOT, "urn:globus:auth:scope:transfer.api.globus.org:all")
    answer = requests.get(
        service.url + route, params={"path": path}, headers={"Authorization": f"Bearer {token}"}, timeout=10
    )
    document: dict[str, Any] = answer.json()
    return document


def test_results_of_changes(local_globus: LocalGlobusProcess, finished: str) -> None:
    robot = local_globus.transfer(ROBOT)
    pairs = {
        "operation_mkdir": robot.operation_mkdir(LAB, "/made"),
        "operation_rename": robot.operation_rename(LAB, "/made", "/renamed"),
        "get_submission_id": robot.get_submission_id(),
        "cancel_task": robot.cancel_task(finished),
        "submit_transfer": robot.post(
            "/v0.10/transfer",
            data={
                "DATA_TYPE": "transfer",
                "source_endpoint": LAB,
                "destination_endpoint": LAB,
                "DATA": [{"source_path": "/file", "destination_path": "/copy"}],
            },
        ),
        "submit_delete": robot.post(
            "/v0.10/delete",
            data={"DATA_TYPE": "delete", "endpoint": LAB, "recursive": True, "DATA": [{"path": "/renamed"}]},
        ),
    }

    for name, ours in pairs.items():
        real = recorded(name)
        assert missing(real, ours.data) == [], name
        assert real.get("DATA_TYPE") in (None, ours["DATA_TYPE"])
        if name != "cancel_task":  # that one is over already
            assert real.get("code") == ours.data.get("code")
