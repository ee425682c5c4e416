"""What the managers of a collection see and do: others' tasks on it, and cancelling them.

As in the cloud, a manager of one side often sees no paths (`show_task_paths` shows them).
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from globus_local.errors import TransferError
from globus_local.transfer.task_filters import comma_list, instant_range, marks
from globus_local.transfer.tasks import Task, TaskNotFoundError, task_from

if TYPE_CHECKING:
    from globus_local.auth.callers import Caller
    from globus_local.transfer.endpoints import Collection
    from globus_local.world import LocalGlobus

MESSAGE_LENGTH: Final = 256


class UserNotFoundError(TransferError):
    def __init__(self, owner_id: str) -> None:
        super().__init__("UserNotFound", f"No identity {owner_id!r} has ever used this service.", 404)


@dataclass(frozen=True)
class TaskFilter:
    """Which tasks of managed collections are wanted; None and "" mean any."""

    collection_id: str | None = None
    use: str | None = None  # "source", "destination"
    statuses: str | None = None
    task_ids: str | None = None
    owner_id: str | None = None
    completion_time: str | None = None
    min_faults: int | None = None
    is_paused: bool | None = None


def check_manages(caller: Caller, collection: Collection) -> None:
    """Raises TransferError PermissionDenied (403) for anyone who has no role on the collection."""
    if not collection.is_administered_by(caller.identity_set):
        raise TransferError(
            "PermissionDenied",
            f"{caller.username} has no role on {collection.display_name} that allows this.",
            403,
        )


def list_tasks(
    world: LocalGlobus, caller: Caller, wanted: TaskFilter, *, limit: int, last_key: str | None
) -> tuple[Sequence[Task], str | None]:
    """Tasks on collections that the caller manages, newest first, and the key of the next page (None: no more).

    Raises TransferError: PermissionDenied, EndpointNotFound, UserNotFound.
    """
    _check_combination(wanted)
    if wanted.task_ids:
        _check_manages_all(world, caller, comma_list(wanted.task_ids))
    conditions, values = _on_collections(world, caller, wanted)
    if last_key:
        if not last_key.isdigit():
            raise TransferError("ClientError.BadRequest", f"last_key {last_key!r} is none of ours.", 400)
        conditions.append("number < ?")
        values.append(int(last_key))
    with world.database.read() as c:
        rows = c.execute(
            f"SELECT * FROM tasks WHERE {' AND '.join(conditions)} ORDER BY number DESC LIMIT ?",  # noqa: S608
            (*values, limit + 1),
        ).fetchall()
    following = str(rows[limit - 1]["number"]) if len(rows) > limit else None
    return [task_from(row) for row in rows[:limit]], following


def get_task(world: LocalGlobus, caller: Caller, task_id: str) -> Task:
    """A task on a collection that the caller manages. Raises TaskNotFoundError for any other."""
    task = world.tasks.find(task_id)
    if not managed_sides(world, caller, task):
        raise TaskNotFoundError(task_id)
    return task


def managed_sides(world: LocalGlobus, caller: Caller, task: Task) -> frozenset[str]:
    """On which sides of a task ("SOURCE", "DESTINATION") the caller manages the collection."""
    managed = {collection.id for collection in _managed(world, caller)}
    sides = {"SOURCE": task.source_id, "DESTINATION": task.destination_id}
    return frozenset(side for side, collection_id in sides.items() if collection_id in managed)


def admin_cancel(world: LocalGlobus, caller: Caller, task_ids: Sequence[str], message: str) -> str:
    """Ask tasks to stop; their owners read `message`. Returns an id of this request.

    Raises TransferError: a task is not there, or the caller manages neither side of it.
    """
    if not task_ids or not message or len(message) > MESSAGE_LENGTH:
        raise TransferError(
            "ClientError.BadRequest",
            f"Give task_id_list, and a message of at most {MESSAGE_LENGTH} characters for the owners.",
            400,
        )
    sides = {task_id: managed_sides(world, caller, get_task(world, caller, task_id)) for task_id in task_ids}
    cancel_id = str(uuid.uuid4())
    with world.database.transaction() as c:
        c.execute("INSERT INTO admin_cancels (id, task_ids) VALUES (?, ?)", (cancel_id, ",".join(sides)))
    for task_id, managed in sides.items():
        by = "BOTH" if len(managed) == 2 else next(iter(managed))
        world.tasks.request_cancel(task_id, by_admin_of=by, message=message)
    return cancel_id


def admin_cancel_is_done(world: LocalGlobus, caller: Caller, cancel_id: str) -> bool:
    """Whether all tasks of such a request have ended. Raises TaskNotFoundError if the caller made none."""
    with world.database.read() as c:
        row = c.execute("SELECT task_ids FROM admin_cancels WHERE id = ?", (cancel_id,)).fetchone()
    if row is None:
        raise TaskNotFoundError(cancel_id)
    return all(get_task(world, caller, task_id).status != "ACTIVE" for task_id in comma_list(row["task_ids"]))


def _check_combination(wanted: TaskFilter) -> None:
    """What Globus refuses (the SDK's docstring of endpoint_manager_task_list says so)."""
    statuses = comma_list(wanted.statuses)
    only_running = bool(statuses) and set(statuses) <= {"ACTIVE", "INACTIVE"}
    others = (wanted.collection_id, wanted.statuses, wanted.owner_id, wanted.completion_time)
    problem = None
    if wanted.task_ids and any(others):
        problem = "filter_task_id cannot be combined with other filters."
    elif not only_running and not (wanted.task_ids or wanted.collection_id):
        problem = "Name filter_endpoint or filter_task_id, or ask for running tasks (filter_status=ACTIVE)."
    elif wanted.is_paused is not None and not only_running:
        problem = "filter_is_paused needs a filter_status of ACTIVE or INACTIVE."
    if problem:
        raise TransferError("ClientError.BadRequest", problem, 400)


def _check_manages_all(world: LocalGlobus, caller: Caller, task_ids: Sequence[str]) -> None:
    with world.database.read() as c:
        rows = c.execute(f"SELECT * FROM tasks WHERE id IN ({marks(list(task_ids))})", tuple(task_ids)).fetchall()  # noqa: S608
    if any(not managed_sides(world, caller, task_from(row)) for row in rows):
        raise TransferError("PermissionDenied", "You have no role on a collection of one of these tasks.", 403)


def _managed(world: LocalGlobus, caller: Caller) -> list[Collection]:
    return [each for each in world.collections if each.is_administered_by(caller.identity_set)]


def _on_collections(world: LocalGlobus, caller: Caller, wanted: TaskFilter) -> tuple[list[str], list[object]]:
    if wanted.collection_id:
        collection = world.collections.get(wanted.collection_id)
        check_manages(caller, collection)
        ids = [collection.id]
    else:
        ids = [each.id for each in _managed(world, caller)]
        if not ids:
            raise TransferError("PermissionDenied", f"{caller.username} manages no collection.", 403)
    if wanted.use not in (None, "", "source", "destination"):
        raise TransferError("ClientError.BadRequest", "filter_endpoint_use must be 'source' or 'destination'.", 400)
    columns = [f"{wanted.use}_id"] if wanted.use else ["source_id", "destination_id"]
    either = " OR ".join(f"{column} IN ({marks(ids)})" for column in columns)
    conditions, values = [f"({either})"], list[object](ids * len(columns))
    _filter(world, wanted, conditions, values)
    return conditions, values


def _filter(world: LocalGlobus, wanted: TaskFilter, conditions: list[str], values: list[object]) -> None:
    if wanted.owner_id:
        members = _owner_set(world, wanted.owner_id)
        conditions.append(f"owner_id IN ({marks(members)})")
        values += members
    for column, text in (("status", wanted.statuses), ("id", wanted.task_ids)):
        if text:
            each = comma_list(text)
            conditions.append(f"{column} IN ({marks(each)})")
            values += each
    if wanted.completion_time:
        between, bounds = instant_range("completed_at", wanted.completion_time)
        # As in the cloud: with an open end, unfinished tasks are in, for they will complete some time.
        is_open = wanted.completion_time.endswith(",")
        conditions.append(f"(completed_at IS NULL OR ({between}))" if is_open else f"({between})")
        values += bounds
    if wanted.min_faults is not None:
        conditions.append("faults >= ?")
        values.append(wanted.min_faults)
    if wanted.is_paused:
        conditions.append("0")  # no task is ever paused here


def _owner_set(world: LocalGlobus, owner_id: str) -> list[str]:
    # As in the cloud: a task is found by any identity that is linked with its owner; and someone who has
    # never had a task is not known at all.
    members = sorted(world.identities.set_of(owner_id.lower()))
    with world.database.read() as c:
        known = c.execute(
            f"SELECT 1 FROM tasks WHERE owner_id IN ({marks(members)}) LIMIT 1",  # noqa: S608
            members,
        ).fetchone()
    if known is None:
        raise UserNotFoundError(owner_id)
    return members
