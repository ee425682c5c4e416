"""The caller's own tasks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from flask import Response, jsonify, request

from globus_local.errors import TransferError
from globus_local.transfer.documents import (
    delivered_document,
    event_document,
    skipped_document,
    task_document,
)
from globus_local.transfer.routes.blueprint import blueprint, body, current_caller, number, result
from globus_local.transfer.submission_documents import read_deadline, read_label
from globus_local.transfer.tasks import TaskEvent
from globus_local.world import current_world

Part = TypeVar("Part")
_CANCEL_MESSAGES = {
    "Canceled": "The task has been canceled.",
    "CancelAccepted": "The task will be canceled as soon as its current file is closed.",
    "TaskComplete": "The task was over already; nothing was canceled.",
}


@blueprint.get("/task_list")
def list_tasks() -> Response:
    world = current_world()
    limit, offset = number("limit", 10), number("offset", 0, at_most=10**9)
    tasks, total = world.tasks.list_for(
        current_caller(),
        limit=limit,
        offset=offset,
        filters=request.args.get("filter", ""),
        orderby=request.args.get("orderby") or "request_time DESC",
    )
    documents = [_projected(task_document(world, task)) for task in tasks]
    return jsonify(
        {
            "DATA_TYPE": "task_list",
            "DATA": documents,
            "length": len(documents),
            "limit": limit,
            "offset": offset,
            "total": total,
        }
    )


@blueprint.get("/task/<task_id>")
def show_task(task_id: str) -> Response:
    world = current_world()
    return jsonify(_projected(task_document(world, world.tasks.get(current_caller(), task_id))))


@blueprint.put("/task/<task_id>")
def update_task(task_id: str) -> tuple[Response, int]:
    document, changes = body(), dict[str, Any]()
    if "label" in document:
        changes["label"] = read_label(document["label"])
    if document.get("deadline"):
        changes["deadline"] = read_deadline(document["deadline"])
    current_world().tasks.update(current_caller(), task_id, changes=changes)
    return result("result", "Updated", "The task has been updated.")


@blueprint.post("/task/<task_id>/cancel")
def cancel_task(task_id: str) -> tuple[Response, int]:
    code = current_world().tasks.cancel(current_caller(), task_id)
    return result("result", code, _CANCEL_MESSAGES[code])


@blueprint.get("/task/<task_id>/event_list")
def list_events(task_id: str) -> Response:
    world = current_world()
    limit, offset = number("limit", 10), number("offset", 0, at_most=10**9)
    events, total = world.tasks.events(current_caller(), task_id, limit=limit, offset=offset, is_error=wanted_events())
    return event_list(events, total, limit, offset)


@blueprint.get("/task/<task_id>/successful_transfers")
def list_successful_transfers(task_id: str) -> Response:
    world = current_world()
    task = world.tasks.get(current_caller(), task_id)
    return marker_page(
        "successful_transfers",
        lambda marker, limit: world.tasks.delivered_files_of(task, marker=marker, limit=limit),
        delivered_document,
    )


@blueprint.get("/task/<task_id>/skipped_errors")
def list_skipped_errors(task_id: str) -> Response:
    world = current_world()
    task = world.tasks.get(current_caller(), task_id)
    return marker_page(
        "skipped_errors",
        lambda marker, limit: world.tasks.skipped_errors_of(task, marker=marker, limit=limit),
        skipped_document,
    )


@blueprint.get("/task/<task_id>/pause_info")
def show_pause_info(task_id: str) -> Response:
    current_world().tasks.get(current_caller(), task_id)
    return pause_info()


def pause_info() -> Response:
    """No task is ever paused by an administrator here."""
    return jsonify(
        {
            "DATA_TYPE": "pause_info_limited",
            "pause_rules": [],
            "source_pause_message": None,
            "source_pause_message_share": None,
            "destination_pause_message": None,
            "destination_pause_message_share": None,
        }
    )


def wanted_events() -> bool | None:
    """The query's filter: `is_error:1`, `is_error:0`, or none."""
    wanted = request.args.get("filter", "")
    if wanted in ("", "is_error:0", "is_error:1"):
        return None if not wanted else wanted == "is_error:1"
    raise TransferError("ClientError.BadRequest", "filter can only be is_error:0 or is_error:1.", 400)


def event_list(events: Sequence[TaskEvent], total: int, limit: int, offset: int) -> Response:
    return jsonify(
        {
            "DATA_TYPE": "event_list",
            "DATA": [event_document(event) for event in events],
            "length": len(events),
            "limit": limit,
            "offset": offset,
            "total": total,
        }
    )


def marker_page(
    data_type: str,
    read: Callable[[int, int], tuple[Sequence[Part], int | None]],
    document: Callable[[Part], dict[str, Any]],
) -> Response:
    """A page of a list that is read by `marker`: the last one has no `next_marker`."""
    marker = number("marker", 0, at_most=2**63 - 1)
    parts, following = read(marker, number("limit", 100))
    return jsonify(
        {
            "DATA_TYPE": data_type,
            "marker": marker,
            "next_marker": following,
            "DATA": [document(part) for part in parts],
        }
    )


def _projected(document: dict[str, Any]) -> dict[str, Any]:
    """Only the wanted `fields`, if the query names some."""
    fields = [each for each in request.args.get("fields", "").split(",") if each]
    return {name: value for name, value in document.items() if name in fields} if fields else document
