"""The JSON documents of tasks, files and rules, with every key that Globus sends (globus-wire.md §3.3, §3.6, §3.7)."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from globus_local.transfer.files import Entry
from globus_local.transfer.history import is_forgotten
from globus_local.transfer.instants import iso
from globus_local.transfer.paths import to_text
from globus_local.transfer.rules import Rule
from globus_local.transfer.tasks import DeliveredFile, SkippedError, Task, TaskEvent

if TYPE_CHECKING:
    from globus_local.world import LocalGlobus

_COUNTERS: Final = (
    "faults",
    "files",
    "directories",
    "symlinks",
    "files_skipped",
    "files_transferred",
    "subtasks_total",
    "subtasks_pending",
    "subtasks_retrying",
    "subtasks_succeeded",
    "subtasks_expired",
    "subtasks_canceled",
    "subtasks_failed",
    "subtasks_skipped_errors",
    "bytes_transferred",
    "bytes_checksummed",
    "effective_bytes_per_second",
)


def task_document(world: LocalGlobus, task: Task) -> dict[str, Any]:
    """A task, as its owner sees it."""
    is_over = task.status != "ACTIVE"
    return {
        "DATA_TYPE": "task",
        "task_id": task.id,
        "type": task.kind,
        "status": task.status,
        "label": task.label,
        "username": f"u_{task.owner_id.replace('-', '')}",
        "owner_id": task.owner_id,
        "request_time": _iso(task.requested_at),
        "completion_time": _iso(task.completed_at),
        "deadline": _iso(task.deadline),
        "command": "API 0.10",
        "key": f"{'complete' if is_over else 'active'},{_iso(task.completed_at or task.requested_at)}",
        **_side(world, "source", task.source_id, task.source_base_path),
        **_side(world, "destination", task.destination_id, task.destination_base_path),
        **_options(task),
        **{name: getattr(task, name) for name in _COUNTERS},
        **_condition(task, is_over=is_over),
        "history_deleted": is_forgotten(task.completed_at),
    }


def admin_task_document(world: LocalGlobus, task: Task, managed: frozenset[str]) -> dict[str, Any]:
    """A task, as a manager of one of its sides sees it: without paths unless the configuration shows them."""
    document = task_document(world, task)
    document["owner_string"] = task.owner_username
    for side in ("source", "destination"):
        for name in (
            "host_endpoint",
            "host_endpoint_id",
            "host_endpoint_display_name",
            "host_path",
            "mapped_collection_id",
            "mapped_collection_display_name",
        ):
            document[f"{side}_{name}"] = None
        if not world.config.show_task_paths or side.upper() not in managed:
            document[f"{side}_base_path"] = None
    return document


def event_document(event: TaskEvent) -> dict[str, Any]:
    return {
        "DATA_TYPE": "event",
        "code": event.code,
        "is_error": event.is_error,
        "description": event.description,
        "details": event.details,
        "time": _iso(event.at),
    }


def delivered_document(file: DeliveredFile) -> dict[str, Any]:
    return {
        "DATA_TYPE": "successful_transfer",
        "source_path": file.source_path,
        "destination_path": file.destination_path,
        "size": file.size_bytes,
        "checksum": file.checksum,
        "checksum_algorithm": file.checksum_algorithm,
    }


def skipped_document(skipped: SkippedError) -> dict[str, Any]:
    return {
        "DATA_TYPE": "skipped_error",
        "source_path": skipped.source_path,
        "destination_path": skipped.destination_path,
        "error_code": skipped.code,
        "error_details": skipped.details,
        "error_time": _iso(skipped.at),
        "is_directory": skipped.is_directory,
        "is_symlink": False,
        "is_delete_destination_extra": False,
        "checksum_algorithm": skipped.checksum_algorithm,
        "external_checksum": skipped.external_checksum,
    }


def file_document(entry: Entry) -> dict[str, Any]:
    """A file in a listing. Its time has a space where other documents have a "T"."""
    is_link = entry.link_target is not None
    modified = entry.modified_at.isoformat(sep=" ", timespec="seconds")
    return {
        "DATA_TYPE": "file",
        "name": entry.name,
        "type": entry.kind,
        "size": entry.size_bytes,
        "last_modified": modified,
        "permissions": entry.permissions,
        "user": entry.user,
        "group": entry.group,
        "link_target": entry.link_target,
        "link_size": entry.size_bytes if is_link else None,
        "link_user": entry.user if is_link else None,
        "link_group": entry.group if is_link else None,
        "link_last_modified": modified if is_link else None,
    }


def rule_document(rule: Rule) -> dict[str, Any]:
    return {
        "DATA_TYPE": "access",
        "id": rule.id,
        "principal_type": rule.principal_type,
        "principal": rule.principal,
        "path": to_text(rule.path.raw_folder),
        "permissions": rule.permissions,
        "create_time": iso(rule.created_at),
        "expiration_date": iso(rule.expires_at),
        "role_id": None,
        "role_type": None,
    }


def _side(world: LocalGlobus, side: str, collection_id: str | None, base_path: str | None) -> dict[str, Any]:
    known = {each.id: each.display_name for each in world.collections}
    return {
        f"{side}_endpoint": collection_id and f"local#{collection_id}",
        f"{side}_endpoint_id": collection_id,
        f"{side}_endpoint_display_name": collection_id and known.get(collection_id, collection_id),
        f"{side}_base_path": base_path,
        f"{side}_local_user": None,
        f"{side}_local_user_status": "NO_PERMISSION" if collection_id else None,
    }


def _options(task: Task) -> dict[str, Any]:
    options = json.loads(task.options)
    return {
        "sync_level": options.get("sync_level"),
        "encrypt_data": options.get("encrypt_data", False),
        "verify_checksum": options.get("verify_checksum", False),
        "delete_destination_extra": options.get("delete_destination_extra", False),
        "recursive_symlinks": "ignore",
        "preserve_timestamp": options.get("preserve_timestamp", False),
        "skip_source_errors": options.get("skip_source_errors", False),
        "fail_on_quota_errors": options.get("fail_on_quota_errors", False),
        "filter_rules": [
            {"DATA_TYPE": "filter_rule", **rule} for rule in options.get("filter_rules") or []
        ] or None,
    }  # fmt: skip


def _condition(task: Task, *, is_over: bool) -> dict[str, Any]:
    is_ok = None if is_over else task.nice_status in ("OK", "Queued")
    fatal = task.fatal_error_code and {
        "code": task.fatal_error_code,
        "description": task.fatal_error_description,
    }
    return {
        "nice_status": task.nice_status,
        "nice_status_details": task.nice_status_details,
        "nice_status_short_description": task.nice_status and task.nice_status.lower().replace("_", " "),
        "nice_status_expires_in": None if is_over else -1,
        "is_ok": is_ok,
        "is_paused": False,
        "fatal_error": fatal,
        "canceled_by_admin": task.canceled_by_admin if is_over else None,
        "canceled_by_admin_message": task.canceled_by_admin_message if is_over else None,
    }


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat(timespec="seconds")
