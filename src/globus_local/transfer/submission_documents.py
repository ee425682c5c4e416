"""Reading what a client submits: transfer and delete documents (globus-wire.md §3.2)."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from globus_local.errors import TransferError
from globus_local.transfer.copying import ALGORITHMS
from globus_local.transfer.deleting import is_pattern
from globus_local.transfer.instants import parse_instant
from globus_local.transfer.ledger import NewItem
from globus_local.transfer.paths import CollectionPath, InvalidPathError, parse_path

LABEL_LENGTH: Final = 128
_TRUE: Final = ("true", "1", "yes", "on")
_FALSE: Final = ("false", "0", "no", "off", "")


@dataclass(frozen=True)
class Request:
    """What is asked for, checked. `deadline` is None unless the client has set one."""

    kind: str
    label: str | None
    deadline: float | None
    options: dict[str, Any]
    items: Sequence[NewItem]
    source_base: bytes
    destination_base: bytes | None


def bad_request(message: str, code: str = "ClientError.BadRequest") -> TransferError:
    return TransferError(code, message, 400)


def read_bool(value: object, field: str) -> bool:
    """Clients send JSON booleans, "true", "True", 1 (globus-wire.md §1.3)."""
    text = str(value).lower()
    if text not in (*_TRUE, *_FALSE) and value is not None:
        raise bad_request(f"{field} must be true or false, not {value!r}.")
    return text in _TRUE


def read_label(value: object) -> str | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str) or len(value) > LABEL_LENGTH:
        raise bad_request(f"label must be a text of at most {LABEL_LENGTH} characters.")
    return value


def read_deadline(value: object) -> float | None:
    if value is None or value == "":
        return None
    deadline = parse_instant(value, "deadline")
    if deadline <= time.time():
        raise bad_request("deadline is in the past.")
    return deadline


def read_submission_id(document: Mapping[str, Any]) -> str:
    value = document.get("submission_id")
    try:
        return str(uuid.UUID(str(value))) if value else str(uuid.uuid4())
    except ValueError:
        raise bad_request(f"submission_id {value!r} is none. Get one from GET /v0.10/submission_id.") from None


def read_transfer(document: Mapping[str, Any]) -> Request:
    """Check a transfer document. Raises TransferError (400)."""
    sync_level = document.get("sync_level")
    if sync_level not in (None, 0, 1, 2, 3):
        raise bad_request(f"sync_level must be 0, 1, 2, 3 or null, not {sync_level!r}.")
    if document.get("recursive_symlinks", "ignore") not in ("ignore", None):
        raise bad_request("recursive_symlinks can only be 'ignore' here: symbolic links are never copied.")
    options: dict[str, Any] = {
        name: read_bool(document.get(name), name)
        for name in (
            "verify_checksum",
            "preserve_timestamp",
            "encrypt_data",
            "skip_source_errors",
            "fail_on_quota_errors",
            "delete_destination_extra",
        )
    }
    options["sync_level"] = sync_level
    options["filter_rules"] = _filter_rules(document.get("filter_rules"))
    items = [_transfer_item(entry) for entry in _data(document)]
    return Request(
        kind="TRANSFER",
        label=read_label(document.get("label")),
        deadline=read_deadline(document.get("deadline")),
        options=options,
        items=items,
        source_base=_base([(item.source, item.kind == "directory") for item in items]),
        destination_base=_base([(item.destination or item.source, item.kind == "directory") for item in items]),
    )


def read_delete(document: Mapping[str, Any]) -> Request:
    """Check a delete document. Raises TransferError (400)."""
    options = {name: read_bool(document.get(name), name) for name in ("recursive", "ignore_missing", "interpret_globs")}
    items = []
    for entry in _data(document):
        path = _path(entry, "path")
        if path.is_root:
            raise InvalidPathError("The root of a collection cannot be deleted. Name what is in it.")
        pattern = options["interpret_globs"] and is_pattern(path.raw)
        items.append(NewItem("pattern" if pattern else "delete", path))
    return Request(
        kind="DELETE",
        label=read_label(document.get("label")),
        deadline=read_deadline(document.get("deadline")),
        options=options,
        items=items,
        source_base=_base([(item.source, False) for item in items]),
        destination_base=None,
    )


def _data(document: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    entries = document.get("DATA")
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise bad_request("DATA must be a list of items.")
    if not entries:
        raise bad_request("Nothing to do: DATA is empty.", "ClientError.BadRequest.NoTransferItems")
    return entries


def _transfer_item(entry: Mapping[str, Any]) -> NewItem:
    if entry.get("DATA_TYPE", "transfer_item") != "transfer_item":
        raise bad_request(f"Items of type {entry['DATA_TYPE']!r} are not known here; symbolic links are never copied.")
    recursive = entry.get("recursive")
    kind = "auto" if recursive is None else ("directory" if read_bool(recursive, "recursive") else "file")
    algorithm = str(entry.get("checksum_algorithm") or "MD5").upper().replace("-", "")
    if algorithm not in ALGORITHMS:
        raise bad_request(f"checksum_algorithm must be one of {', '.join(ALGORITHMS)}.")
    external = entry.get("external_checksum")
    if external and kind == "directory":
        raise bad_request("external_checksum is for files only.")
    return NewItem(
        kind=kind,
        source=_path(entry, "source_path"),
        destination=_path(entry, "destination_path"),
        external_checksum=str(external) if external else None,
        checksum_algorithm=algorithm,
    )


def _path(entry: Mapping[str, Any], field: str) -> CollectionPath:
    value = entry.get(field)
    if not isinstance(value, str) or not value:
        raise bad_request(f"{field} is missing in an item.")
    return parse_path(value)


def _filter_rules(value: object) -> list[dict[str, Any]]:
    rules = value or []
    if not isinstance(rules, list):
        raise bad_request("filter_rules must be a list.")
    for rule in rules:
        if (
            not isinstance(rule, dict)
            or rule.get("method") not in ("include", "exclude")
            or rule.get("type") not in (None, "file", "dir")
            or not isinstance(rule.get("name"), str)
        ):
            raise bad_request("A filter rule has method (include, exclude), name, and perhaps type (file, dir).")
    return [{"method": rule["method"], "type": rule.get("type"), "name": rule["name"]} for rule in rules]


def _base(paths: Sequence[tuple[CollectionPath, bool]]) -> bytes:
    """The one item's path, or the folder that all items have in common."""
    if len(paths) == 1:
        path, is_folder = paths[0]
        return path.raw_folder if is_folder else path.raw
    first, last = min(path.parent.parts for path, _ in paths), max(path.parent.parts for path, _ in paths)
    common = 0
    while common < min(len(first), len(last)) and first[common] == last[common]:
        common += 1
    return CollectionPath(first[:common]).raw_folder
