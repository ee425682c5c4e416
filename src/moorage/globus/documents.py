"""Globus's documents, read into Moorage's words."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from moorage.globus.service import (
    AccessRule,
    AccessRuleId,
    CollectionId,
    CollectionPath,
    Identity,
    IdentityId,
    Permissions,
    ReadingTask,
    TaskId,
    TaskStatus,
    TransferTask,
)

Document = Mapping[str, Any]


def identity_from(document: Document) -> Identity:
    """An identity document of Globus Auth."""
    return Identity(
        id=IdentityId(str(document["id"])),
        username=str(document.get("username") or ""),
        name=str(document.get("name") or ""),
        email=str(document.get("email") or ""),
        organization=str(document.get("organization") or ""),
        status=str(document.get("status") or "used"),
    )


def rule_from(document: Document) -> AccessRule | None:
    """An access document; None for role entries (no id), groups and everybody: those are never ours."""
    if not document.get("id") or document.get("principal_type") != "identity":
        return None
    if document.get("permissions") not in {"r", "rw"}:
        return None
    return AccessRule(
        id=AccessRuleId(str(document["id"])),
        identity=IdentityId(str(document["principal"])),
        path=CollectionPath(str(document["path"])),
        permissions=Permissions(document["permissions"]),
        expires_at=moment_from(document.get("expiration_date")),
    )


def touches_as_destination(document: Document, collection: CollectionId) -> bool:
    """Whether a task writes to the collection: a transfer to it, or a delete on it (where it stands as the source)."""
    if document.get("type") == "DELETE":
        return _end(document, "source") == collection
    return _end(document, "destination") == collection


def reads_from(document: Document, collection: CollectionId) -> bool:
    """Whether a task is a transfer from the collection. A delete has it as its source, too, and does not count."""
    return document.get("type") != "DELETE" and _end(document, "source") == collection


def _end(document: Document, side: str) -> str:
    return str(document.get(f"{side}_endpoint_id") or document.get(f"{side}_endpoint") or "")


def task_from(document: Document) -> TransferTask:
    """A task document, as a collection manager sees it. Paths are None where Globus hides them."""
    is_delete = document.get("type") == "DELETE"
    path = document.get("source_base_path" if is_delete else "destination_base_path")
    fatal = document.get("fatal_error") or {}
    return TransferTask(
        id=TaskId(str(document["task_id"])),
        status=TaskStatus(document["status"]),
        label=str(document.get("label") or ""),
        destination_path=CollectionPath(path) if path else None,
        requested_at=moment_from(document.get("request_time")) or datetime.fromtimestamp(0, UTC),
        completed_at=moment_from(document.get("completion_time")),
        files=int(document.get("files") or 0),
        files_transferred=int(document.get("files_transferred") or 0),
        files_skipped=int(document.get("files_skipped") or 0),
        bytes_transferred=int(document.get("bytes_transferred") or 0),
        bytes_per_second=int(document.get("effective_bytes_per_second") or 0),
        faults=int(document.get("faults") or 0),
        nice_status=str(document.get("nice_status") or ""),
        was_cancelled=bool(document.get("canceled_by_admin")) or fatal.get("code") == "CANCELED",
        is_delete=is_delete,
    )


def reading_task_from(document: Document) -> ReadingTask:
    """The document of a task that reads from the collection, as a collection manager sees it.

    Raises:
        KeyError, ValueError: it does not say what the task is, or when it was asked for.
    """
    path = document.get("source_base_path")
    return ReadingTask(
        id=TaskId(str(document["task_id"])),
        label=str(document.get("label") or ""),
        source_path=CollectionPath(path) if path else None,
        requested_at=_moment(str(document["request_time"])),
        status=TaskStatus(document["status"]),
    )


def moment_from(text: object) -> datetime | None:
    """An ISO 8601 time, with `T` or a space and with or without an offset (then UTC)."""
    return _moment(str(text)) if text else None


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
