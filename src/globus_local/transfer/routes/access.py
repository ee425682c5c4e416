"""Access rules of a collection: for its access managers only."""

from __future__ import annotations

import time
import uuid
from typing import Any

from flask import Response, jsonify

from globus_local.errors import TransferError
from globus_local.transfer.documents import rule_document
from globus_local.transfer.endpoints import Collection
from globus_local.transfer.instants import parse_instant
from globus_local.transfer.manager import check_manages
from globus_local.transfer.paths import CollectionPath, InvalidPathError, parse_path
from globus_local.transfer.roles import implicit_rules
from globus_local.transfer.routes.blueprint import blueprint, body, current_caller, result, text_of
from globus_local.transfer.rules import FOR_EVERYONE, PERMISSIONS
from globus_local.world import current_world


@blueprint.get("/endpoint/<collection_id>/access_list")
def list_rules(collection_id: str) -> Response:
    collection = _managed(collection_id)
    return access_list(collection)


def access_list(collection: Collection) -> Response:
    """All rules, with the implicit ones of administrators first."""
    rules = [rule_document(rule) for rule in current_world().rules.all_of(collection)]
    documents = [*implicit_rules(collection), *rules]
    return jsonify(
        {
            "DATA_TYPE": "access_list",
            "endpoint": collection.id,
            "length": len(documents),
            "DATA": documents,
        }
    )


@blueprint.post("/endpoint/<collection_id>/access")
def create_rule(collection_id: str) -> tuple[Response, int]:
    collection, document = _managed(collection_id), body()
    principal_type, principal = _principal(document)
    permissions = _permissions(document.get("permissions"))
    if principal_type == "anonymous" and permissions != "r":
        raise _bad("People who have not signed in may only read ('r').")
    rule = current_world().rules.create(
        collection,
        principal_type=principal_type,
        principal=principal,
        path=_folder(text_of(document, "path")),
        permissions=permissions,
        expires_at=_expiration(document.get("expiration_date")),
    )
    return result("access_create_result", "Created", "Access rule created.", status=201, access_id=rule.id)


@blueprint.get("/endpoint/<collection_id>/access/<rule_id>")
def show_rule(collection_id: str, rule_id: str) -> Response:
    collection = _managed(collection_id)
    return jsonify(rule_document(current_world().rules.get(collection, rule_id)))


@blueprint.put("/endpoint/<collection_id>/access/<rule_id>")
def update_rule(collection_id: str, rule_id: str) -> tuple[Response, int]:
    collection, document, rules = _managed(collection_id), body(), current_world().rules
    rule = rules.get(collection, rule_id)
    permissions, expires_at = rule.permissions, rule.expires_at
    if document.get("permissions") is not None:
        permissions = _permissions(document["permissions"])
    if rule.principal_type == "anonymous" and permissions != "r":
        raise _bad("People who have not signed in may only read ('r').")
    if "expiration_date" in document:
        expires_at = _expiration(document["expiration_date"])
    rules.update(collection, rule_id, permissions=permissions, expires_at=expires_at)
    return result("result", "Updated", f"Access rule {rule_id} has been updated.")


@blueprint.delete("/endpoint/<collection_id>/access/<rule_id>")
def delete_rule(collection_id: str, rule_id: str) -> tuple[Response, int]:
    current_world().rules.delete(_managed(collection_id), rule_id)
    return result("result", "Deleted", f"Access rule {rule_id} has been deleted.")


def _managed(collection_id: str) -> Collection:
    collection = current_world().collections.get(collection_id)
    check_manages(current_caller(), collection)
    return collection


def _principal(document: Any) -> tuple[str, str]:
    principal_type, principal = document.get("principal_type"), document.get("principal") or ""
    if principal_type in FOR_EVERYONE:
        if principal:
            raise _bad(f"A rule for {principal_type} has an empty principal.")
        return principal_type, ""
    if principal_type != "identity":
        raise _bad("principal_type must be identity, all_authenticated_users or anonymous.")
    try:
        return "identity", str(uuid.UUID(str(principal)))
    except ValueError:
        raise _bad(f"principal must be an identity's id, not {principal!r}.") from None


def _permissions(value: object) -> str:
    if value not in PERMISSIONS:
        raise _bad(f"permissions must be 'r' or 'rw', not {value!r}.")
    return str(value)


def _folder(text: str) -> CollectionPath:
    if not (text.startswith("/") and text.endswith("/")):
        raise InvalidPathError(f"An access rule is for a folder: its path begins and ends with '/', not {text!r}.")
    return parse_path(text)


def _expiration(value: object) -> float | None:
    if value in (None, ""):
        return None
    expires_at = parse_instant(value, "expiration_date")
    if expires_at <= time.time():
        raise _bad("expiration_date is in the past.")
    return expires_at


def _bad(message: str) -> TransferError:
    return TransferError("ClientError.BadRequest", message, 400)
