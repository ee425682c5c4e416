"""Roles on a collection. The configuration names administrators; they hold every role, and others hold none."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, Final

from globus_local.errors import TransferError
from globus_local.transfer.endpoints import Collection

if TYPE_CHECKING:
    from globus_local.auth.callers import Caller

ROLES: Final = ("administrator", "access_manager", "activity_manager", "activity_monitor")
_NAMESPACE: Final = uuid.UUID("5f0c3a52-5a4e-4d0e-9d5e-0f8a6f3f2a11")


def effective_roles(caller: Caller, collection: Collection) -> list[str]:
    return list(ROLES) if collection.is_administered_by(caller.identity_set) else []


def role_documents(collection: Collection) -> list[dict[str, Any]]:
    """One role "administrator" for each configured administrator: it includes the others."""
    return [
        {
            "DATA_TYPE": "role",
            "id": str(uuid.uuid5(_NAMESPACE, f"{collection.id} {principal}")),
            "principal_type": "identity",
            "principal": principal,
            "role": "administrator",
        }
        for principal in sorted(collection.administrators)
    ]


def role_document(collection: Collection, role_id: str) -> dict[str, Any]:
    """Raises TransferError RoleNotFound (404)."""
    for document in role_documents(collection):
        if document["id"] == role_id:
            return document
    raise TransferError("RoleNotFound", f"There is no role {role_id!r} on {collection.display_name}.", 404)


def implicit_rules(collection: Collection) -> list[dict[str, Any]]:
    """What roles allow, in the shape of access rules: without an id, for they can be neither read nor deleted."""
    return [
        {
            "DATA_TYPE": "access",
            "id": None,
            "principal_type": "identity",
            "principal": role["principal"],
            "path": "/",
            "permissions": "rw",
            "create_time": None,
            "expiration_date": None,
            "role_id": role["id"],
            "role_type": role["role"],
        }
        for role in role_documents(collection)
    ]
