"""Asking for a transfer or a delete: the document is checked, a task is stored, the engine is woken.

What the documents may say: `submission_documents`.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from globus_local.errors import TransferError
from globus_local.transfer.endpoints import Collection
from globus_local.transfer.ledger import NewItem, add_items
from globus_local.transfer.paths import CollectionPath
from globus_local.transfer.submission_documents import (
    Request,
    bad_request,
    read_delete,
    read_submission_id,
    read_transfer,
)

if TYPE_CHECKING:
    from globus_local.auth.callers import Caller
    from globus_local.world import LocalGlobus


@dataclass(frozen=True)
class Submission:
    """The answer to a submission. `is_duplicate`: this submission id was accepted before, with this task."""

    task_id: str
    submission_id: str
    is_duplicate: bool


def submit_transfer(world: LocalGlobus, caller: Caller, document: Mapping[str, Any]) -> Submission:
    """Store a transfer task. `document` is as on the wire; `submission_id` may be absent (then one is made).

    Raises TransferError: ClientError.BadRequest…, EndpointNotFound, PermissionDenied, Conflict.
    """
    submission_id = read_submission_id(document)
    if known := _known_task(world, caller, submission_id):
        return Submission(known, submission_id, is_duplicate=True)
    source = world.collections.get(str(document.get("source_endpoint", "")))
    destination = world.collections.get(str(document.get("destination_endpoint", "")))
    _check_has_access(world, caller, source)
    _check_has_access(world, caller, destination)
    request = read_transfer(document)
    for item in request.items:
        _refuse_overlap(source, destination, item)
    return _store(world, caller, request, submission_id, source=source, destination=destination)


def submit_delete(world: LocalGlobus, caller: Caller, document: Mapping[str, Any]) -> Submission:
    """Store a delete task: {"endpoint", "recursive", "ignore_missing", "DATA": [{"path"}]}."""
    submission_id = read_submission_id(document)
    if known := _known_task(world, caller, submission_id):
        return Submission(known, submission_id, is_duplicate=True)
    collection = world.collections.get(str(document.get("endpoint", "")))
    _check_has_access(world, caller, collection)
    return _store(world, caller, read_delete(document), submission_id, source=collection, destination=None)


def _known_task(world: LocalGlobus, caller: Caller, submission_id: str) -> str | None:
    with world.database.read() as c:
        row = c.execute(
            "SELECT id FROM tasks WHERE owner_id = ? AND submission_id = ?", (caller.identity_id, submission_id)
        ).fetchone()
    return None if row is None else str(row["id"])


def _check_has_access(world: LocalGlobus, caller: Caller, collection: Collection) -> None:
    # Which paths are allowed is judged while the task runs, as Globus does: rules come and go.
    if not world.rules.has_any(caller.identity_set, collection):
        raise TransferError(
            "PermissionDenied",
            f"{caller.username} has no access to {collection.display_name}. "
            "Ask whoever manages the collection, or sign in with another identity.",
            403,
        )


def _refuse_overlap(source: Collection, destination: Collection, item: NewItem) -> None:
    """A folder copied into itself would never end; a file copied onto itself would be lost."""
    if item.destination is None:
        return
    here, there = _on_disk(source, item.source), _on_disk(destination, item.destination)
    if here == there or there[: len(here)] == here:
        raise bad_request(f"{item.source} cannot be copied onto or into itself ({item.destination}).")


def _on_disk(collection: Collection, path: CollectionPath) -> tuple[bytes, ...]:
    root = os.fsencode(os.path.realpath(collection.root))
    return (*(name for name in root.split(b"/") if name), *path.parts)


_NEW_TASK = (
    "INSERT INTO tasks (id, kind, status, label, owner_id, owner_username, submission_id, options, path_pairs,"
    " requested_at, deadline, deadline_is_fixed, source_id, destination_id, source_base_path, destination_base_path,"
    " nice_status) VALUES (?, ?, 'ACTIVE', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'Queued')"
)


def _store(
    world: LocalGlobus,
    caller: Caller,
    request: Request,
    submission_id: str,
    *,
    source: Collection,
    destination: Collection | None,
) -> Submission:
    task_id = str(uuid.uuid4())
    pairs = _pairs_digest(request, source, destination)
    now = time.time()
    try:
        with world.database.transaction() as c:
            _refuse_conflict(c, caller, pairs)
            c.execute(
                _NEW_TASK,
                (
                    task_id,
                    request.kind,
                    request.label,
                    caller.identity_id,
                    caller.username,
                    submission_id,
                    json.dumps(request.options),
                    pairs,
                    now,
                    request.deadline or now + world.config.deadline_seconds,
                    request.deadline is not None,
                    source.id,
                    destination.id if destination else None,
                    request.source_base,
                    request.destination_base,
                ),
            )
            add_items(c, task_id, request.items)
    except sqlite3.IntegrityError:
        # The same submission twice at the same moment: the other one has stored it.
        known = _known_task(world, caller, submission_id)
        if known is None:
            raise
        return Submission(known, submission_id, is_duplicate=True)
    world.tasks.signals.work.set()
    return Submission(task_id, submission_id, is_duplicate=False)


def _pairs_digest(request: Request, source: Collection, destination: Collection | None) -> str:
    digest = hashlib.sha256(f"{request.kind} {source.id} {destination and destination.id}".encode())
    for item in sorted((each.source.raw, each.destination.raw if each.destination else b"") for each in request.items):
        digest.update(b"\0".join((b"", *item)))
    return digest.hexdigest()


def _refuse_conflict(c: sqlite3.Connection, caller: Caller, pairs: str) -> None:
    row = c.execute(
        "SELECT 1 FROM tasks WHERE status = 'ACTIVE' AND owner_id = ? AND path_pairs = ?",
        (caller.identity_id, pairs),
    ).fetchone()
    if row is not None:
        raise TransferError(
            "Conflict", "A task of yours with the same paths is not over yet. Wait for it, or cancel it.", 409
        )
