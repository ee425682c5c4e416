"""endpoint_manager: others' tasks on collections that the caller manages."""

from __future__ import annotations

from typing import Any

from flask import Response, jsonify, request

from globus_local.transfer.documents import admin_task_document, delivered_document, skipped_document
from globus_local.transfer.endpoint_documents import endpoint_document
from globus_local.transfer.manager import (
    TaskFilter,
    admin_cancel,
    admin_cancel_is_done,
    check_manages,
    get_task,
    list_tasks,
    managed_sides,
)
from globus_local.transfer.routes.access import access_list
from globus_local.transfer.routes.blueprint import blueprint, body, current_caller, flag, number
from globus_local.transfer.routes.task import event_list, marker_page, pause_info, wanted_events
from globus_local.transfer.submission_documents import bad_request
from globus_local.world import current_world


@blueprint.get("/endpoint_manager/task_list")
def list_managed_tasks() -> Response:
    world, caller = current_world(), current_caller()
    wanted = TaskFilter(
        collection_id=request.args.get("filter_endpoint"),
        use=request.args.get("filter_endpoint_use"),
        statuses=request.args.get("filter_status"),
        task_ids=request.args.get("filter_task_id"),
        owner_id=request.args.get("filter_owner_id"),
        completion_time=request.args.get("filter_completion_time"),
        min_faults=number("filter_min_faults", 0, at_most=10**9) or None,
        is_paused=flag("filter_is_paused", default=False) if "filter_is_paused" in request.args else None,
    )
    tasks, following = list_tasks(
        world, caller, wanted, limit=max(1, number("limit", 100)), last_key=request.args.get("last_key")
    )
    return jsonify(
        {
            "DATA_TYPE": "task_list",
            "DATA": [admin_task_document(world, task, managed_sides(world, caller, task)) for task in tasks],
            "has_next_page": following is not None,
            "last_key": following,
        }
    )


@blueprint.get("/endpoint_manager/task/<task_id>")
def show_managed_task(task_id: str) -> Response:
    world, caller = current_world(), current_caller()
    task = get_task(world, caller, task_id)
    return jsonify(admin_task_document(world, task, managed_sides(world, caller, task)))


@blueprint.get("/endpoint_manager/task/<task_id>/event_list")
def list_managed_events(task_id: str) -> Response:
    world = current_world()
    task = get_task(world, current_caller(), task_id)
    limit, offset = number("limit", 10), number("offset", 0, at_most=10**9)
    is_error = True if flag("filter_is_error", default=False) else wanted_events()
    events, total = world.tasks.events_of(task, limit=limit, offset=offset, is_error=is_error)
    return event_list(events, total, limit, offset)


@blueprint.get("/endpoint_manager/task/<task_id>/pause_info")
def show_managed_pause_info(task_id: str) -> Response:
    get_task(current_world(), current_caller(), task_id)
    return pause_info()


@blueprint.get("/endpoint_manager/task/<task_id>/successful_transfers")
def list_managed_transfers(task_id: str) -> Response:
    world, caller = current_world(), current_caller()
    task = get_task(world, caller, task_id)
    sides = managed_sides(world, caller, task)
    return marker_page(
        "successful_transfers",
        lambda marker, limit: world.tasks.delivered_files_of(task, marker=marker, limit=limit),
        lambda file: _own_side_only(delivered_document(file), sides),
    )


@blueprint.get("/endpoint_manager/task/<task_id>/skipped_errors")
def list_managed_skipped_errors(task_id: str) -> Response:
    world, caller = current_world(), current_caller()
    task = get_task(world, caller, task_id)
    sides = managed_sides(world, caller, task)
    return marker_page(
        "skipped_errors",
        lambda marker, limit: world.tasks.skipped_errors_of(task, marker=marker, limit=limit),
        lambda skipped: _own_side_only(skipped_document(skipped), sides),
    )


def _own_side_only(document: dict[str, Any], sides: frozenset[str]) -> dict[str, Any]:
    """The other side's paths are its own business."""
    return document | {f"{side.lower()}_path": None for side in ("SOURCE", "DESTINATION") if side not in sides}


@blueprint.post("/endpoint_manager/admin_cancel")
def cancel_managed_tasks() -> Response:
    document = body()
    task_ids, message = document.get("task_id_list"), document.get("message")
    if not isinstance(task_ids, list) or not isinstance(message, str):
        raise bad_request("Give task_id_list, a list, and message, a text for the owners of the tasks.")
    cancel_id = admin_cancel(current_world(), current_caller(), [str(each) for each in task_ids], message)
    return _cancel_status(cancel_id)


@blueprint.get("/endpoint_manager/admin_cancel/<cancel_id>")
def show_admin_cancel(cancel_id: str) -> Response:
    return _cancel_status(cancel_id)


def _cancel_status(cancel_id: str) -> Response:
    done = admin_cancel_is_done(current_world(), current_caller(), cancel_id)
    return jsonify({"DATA_TYPE": "admin_cancel", "id": cancel_id, "done": done})


@blueprint.get("/endpoint_manager/monitored_endpoints")
def list_monitored_endpoints() -> Response:
    world, caller = current_world(), current_caller()
    found = [
        endpoint_document(world, caller, each) for each in world.collections.search(caller, scope="administered-by-me")
    ]
    return jsonify({"DATA_TYPE": "monitored_endpoints", "length": len(found), "DATA": found})


@blueprint.get("/endpoint_manager/endpoint/<collection_id>")
def show_managed_endpoint(collection_id: str) -> Response:
    world, caller = current_world(), current_caller()
    collection = world.collections.get(collection_id)
    check_manages(caller, collection)
    return jsonify(endpoint_document(world, caller, collection))


@blueprint.get("/endpoint_manager/endpoint/<collection_id>/hosted_endpoint_list")
def list_hosted_endpoints(collection_id: str) -> Response:
    check_manages(current_caller(), current_world().collections.get(collection_id))
    return jsonify({"DATA_TYPE": "hosted_endpoint_list", "DATA": []})


@blueprint.get("/endpoint_manager/endpoint/<collection_id>/access_list")
def list_managed_rules(collection_id: str) -> Response:
    collection = current_world().collections.get(collection_id)
    check_manages(current_caller(), collection)
    return access_list(collection)
