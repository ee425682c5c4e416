"""Moves that tests of transfers share: open an area, ask for a transfer, wait for what must come."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import globus_sdk

from local_globus import ADA, COMMONS, LAB, PORTAL, LocalGlobusProcess

WAIT_SECONDS = 30.0


def open_area(service: LocalGlobusProcess, name: str, *, permissions: str = "rw", principal: str = ADA) -> str:
    """Make `/name/` on COMMONS with a rule for Ada. Returns the rule's id."""
    (service.commons / name).mkdir()
    document = {
        "DATA_TYPE": "access",
        "principal_type": "identity",
        "principal": principal,
        "path": f"/{name}/",
        "permissions": permissions,
    }
    created = service.transfer(PORTAL).add_endpoint_acl_rule(COMMONS, document)
    return str(created["access_id"])


def submit(
    client: globus_sdk.TransferClient,
    *items: tuple[str, str],
    recursive: bool | None = None,
    source: str = LAB,
    destination: str = COMMONS,
    **options: Any,
) -> str:
    """Ask for a transfer of some (source path, destination path) pairs. Returns the task's id."""
    data = globus_sdk.TransferData(source_endpoint=source, destination_endpoint=destination, **options)
    for source_path, destination_path in items:
        if recursive is None:
            data.add_item(source_path, destination_path)
        else:
            data.add_item(source_path, destination_path, recursive=recursive)
    return str(client.submit_transfer(data)["task_id"])


def wait_for_end(client: globus_sdk.TransferClient, task_id: str) -> dict[str, Any]:
    """The task's document once it is over."""
    return wait_for_task(client, task_id, lambda task: task["status"] != "ACTIVE")


def wait_for_task(
    client: globus_sdk.TransferClient, task_id: str, condition: Callable[[dict[str, Any]], bool]
) -> dict[str, Any]:
    """The task's document as soon as it fulfils a condition."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition(task := dict(client.get_task(task_id).data)):
        assert time.monotonic() < deadline, f"this task did not get there: {task}"
        time.sleep(0.03)
    return task


def error_of(call: Callable[[], Any]) -> tuple[int, str | None]:
    """The HTTP status and the code of the error that a call ends in."""
    try:
        call()
    except globus_sdk.TransferAPIError as error:
        return error.http_status, error.code
    raise AssertionError("the call succeeded")
