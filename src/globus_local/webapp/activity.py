"""The pages that show tasks: the caller's own, and one of them. Each is also a fragment for a script."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from flask import flash, jsonify, redirect, render_template, request, url_for

from globus_local.transfer.endpoints import EndpointNotFoundError
from globus_local.transfer.tasks import Task
from globus_local.webapp import wording
from globus_local.webapp.blueprint import asked_by_script, blueprint, current_caller, see_other
from globus_local.webapp.locations import Spot, View
from globus_local.world import LocalGlobus, current_world

TASKS_PER_PAGE: Final = 50
EVENTS_SHOWN: Final = 50
DELIVERED_PER_PAGE: Final = 100


@dataclass(frozen=True, kw_only=True)
class End:
    """One side of a task: a collection and, where one is known, the folder it was about."""

    name: str
    path: str
    url: str | None  # of the file manager


@dataclass(frozen=True, kw_only=True)
class TaskView:
    """A task as a template needs it. `done_share` is from 0 to 1, or None while there is nothing to count."""

    task: Task
    title: str
    state: wording.State
    is_over: bool
    source: End
    destination: End | None
    done_share: float | None
    progress_words: str
    took: str


@blueprint.get("/activity")
def activity() -> Any:
    """The caller's tasks, newest first."""
    world, caller = current_world(), current_caller()
    page = max(1, request.args.get("page", 1, type=int))
    tasks, total = world.tasks.list_for(caller, limit=TASKS_PER_PAGE, offset=(page - 1) * TASKS_PER_PAGE)
    if total and not tasks:
        return redirect(url_for("webapp.activity"))  # a page past the last one
    template = "webapp/_task_list.html" if asked_by_script() else "webapp/activity.html"
    return render_template(
        template,
        tasks=[view_of(world, each) for each in tasks],
        page=page,
        pages=max(1, math.ceil(total / TASKS_PER_PAGE)),
    )


@blueprint.get("/activity/<task_id>")
@blueprint.get("/activity/<task_id>/overview")
def task(task_id: str) -> Any:
    """One task: state, progress, events, and the files that have arrived."""
    world, caller = current_world(), current_caller()
    found = world.tasks.get(caller, task_id)
    events, event_total = world.tasks.events(caller, task_id, limit=EVENTS_SHOWN)
    marker = max(0, request.args.get("marker", 0, type=int))
    delivered, next_marker = world.tasks.delivered_files(caller, task_id, marker=marker, limit=DELIVERED_PER_PAGE)
    template = "webapp/_task.html" if asked_by_script() else "webapp/task.html"
    return render_template(
        template,
        view=view_of(world, found),
        events=events,
        event_total=event_total,
        delivered=delivered,
        marker=marker,
        next_marker=next_marker,
    )


@blueprint.post("/activity/<task_id>/cancel")
def cancel(task_id: str) -> Any:
    """Ask a task to stop. One that is over already stays as it is, and the page says so."""
    code = current_world().tasks.cancel(current_caller(), task_id)
    message = {
        "Canceled": "The task is cancelled.",
        "TaskComplete": "The task was over already.",
    }.get(code, "The task is being cancelled; it stops as soon as its last write is done.")
    if asked_by_script():
        return jsonify(message=message)
    flash(message, "info")
    return see_other(url_for("webapp.task", task_id=task_id))


def view_of(world: LocalGlobus, task: Task) -> TaskView:
    """Put a task into words."""
    source = _end(world, task.source_id, task.source_base_path)
    destination = None
    if task.destination_id is not None:
        destination = _end(world, task.destination_id, task.destination_base_path)
    is_over = task.completed_at is not None
    until = task.completed_at or datetime.now(UTC)
    return TaskView(
        task=task,
        title=task.label or _title(source, destination),
        state=wording.state(task),
        is_over=is_over,
        source=source,
        destination=destination,
        done_share=_done_share(task, is_over=is_over),
        progress_words=_progress_words(task),
        took=wording.duration((until - task.requested_at).total_seconds()),
    )


def _title(source: End, destination: End | None) -> str:
    if destination is None:
        return f"Deleting in {source.name}"
    return f"{source.name} to {destination.name}"


def _end(world: LocalGlobus, collection_id: str, path: str | None) -> End:
    try:
        name = world.collections.get(collection_id).display_name
    except EndpointNotFoundError:
        return End(name=f"A collection that is gone ({collection_id})", path=path or "", url=None)
    spot = Spot(collection_id=collection_id, path=path or "/")
    return End(name=name, path=path or "", url=View(origin=spot).url())


def _done_share(task: Task, *, is_over: bool) -> float | None:
    """Globus tells no total of bytes: what counts is how many of the items found so far are dealt with."""
    if task.status == "SUCCEEDED":
        return 1.0
    if not task.subtasks_total:
        return None
    waiting = task.subtasks_pending + task.subtasks_retrying
    done = task.subtasks_succeeded if is_over else task.subtasks_total - waiting
    return max(0.0, min(1.0, done / task.subtasks_total))


def _progress_words(task: Task) -> str:
    if task.kind == "DELETE":
        return f"{task.subtasks_succeeded:,} of {wording.count(task.subtasks_total, 'item', 'items')} deleted"
    if not task.files and task.completed_at is None:
        return f"{wording.size(task.bytes_transferred)} so far"
    words = f"{task.files_transferred:,} of {wording.count(task.files, 'file', 'files')}"
    if task.files_skipped:
        words += f", {task.files_skipped:,} not needed"
    return f"{words}, {wording.size(task.bytes_transferred)}"
