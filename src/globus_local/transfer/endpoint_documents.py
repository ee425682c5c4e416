"""The endpoint document of a collection, with every key that clients look for (globus-wire.md §3.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from globus_local.transfer.endpoints import SERVER_ID, Collection
from globus_local.transfer.roles import effective_roles

if TYPE_CHECKING:
    from globus_local.auth.callers import Caller
    from globus_local.world import LocalGlobus


def endpoint_document(world: LocalGlobus, caller: Caller, collection: Collection) -> dict[str, Any]:
    """Everything that the caller may know of a collection. Where its folder lies is not part of it."""
    roles = effective_roles(caller, collection)
    return {
        "DATA_TYPE": "endpoint",
        "id": collection.id,
        "display_name": collection.display_name,
        "name": collection.id,
        "canonical_name": f"local#{collection.id}",
        "username": "local",
        "entity_type": collection.entity_type,
        "owner_id": SERVER_ID,
        "owner_string": world.config.title,
        "description": collection.description or None,
        "https_server": f"{world.config.issuer}/collections-data/{collection.id}",
        "public": collection.public,
        "default_directory": "/",
        "acl_available": True,
        "acl_editable": "access_manager" in roles,
        "my_effective_roles": roles,
        "in_use": _is_in_use(world, collection),
        "disable_anonymous_writes": True,
        **_CONSTANT,
        "DATA": [],
    }


_CONSTANT: Final[dict[str, Any]] = {
    "organization": None,
    "department": None,
    "keywords": None,
    "contact_email": None,
    "contact_info": None,
    "info_link": None,
    "user_message": None,
    "user_message_link": None,
    "subscription_id": None,
    "force_encryption": False,
    "disable_verify": False,
    "force_verify": False,
    "high_assurance": False,
    "authentication_timeout_mins": None,
    "authentication_policy_id": None,
    "acl_max_expiration_period_mins": None,
    "host_endpoint": None,
    "host_endpoint_id": None,
    "host_endpoint_display_name": None,
    "host_path": None,
    "mapped_collection_id": None,
    "mapped_collection_display_name": None,
    "non_functional_endpoint_id": None,
    "non_functional_endpoint_display_name": None,
    "tlsftp_server": None,
    "gcs_manager_url": None,
    "gcs_version": None,
    "is_globus_connect": False,
    "gcp_connected": None,
    "gcp_paused": None,
    "globus_connect_setup_key": None,
    "non_functional": False,
    "shareable": False,
    "s3_url": None,
    "s3_owner_activated": False,
    "storage_type": None,
    "mfa_required": False,
    "local_user_info_available": False,
    "location": None,
    "network_use": None,
    "max_concurrency": None,
    "preferred_concurrency": None,
    "max_parallelism": None,
    "preferred_parallelism": None,
    "myproxy_server": None,
    "myproxy_dn": None,
    "oauth_server": None,
    "activated": True,
    "expires_in": -1,
    "expire_time": None,
}


def _is_in_use(world: LocalGlobus, collection: Collection) -> bool:
    with world.database.read() as c:
        row = c.execute(
            "SELECT 1 FROM tasks WHERE status = 'ACTIVE' AND (source_id = ? OR destination_id = ?) LIMIT 1",
            (collection.id, collection.id),
        ).fetchone()
    return row is not None
