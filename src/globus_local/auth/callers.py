"""Who is calling, by bearer token or by browser session. The seam to Transfer, data access and web app."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from globus_local.errors import TransferError

if TYPE_CHECKING:
    from globus_local.world import LocalGlobus

TRANSFER_SCOPE = "urn:globus:auth:scope:transfer.api.globus.org:all"


def https_scope(collection_id: str) -> str:
    """The scope that a token needs for HTTPS access to a collection's files."""
    return f"https://auth.globus.org/scopes/{collection_id}/https"


@dataclass(frozen=True)
class Caller:
    """An authenticated identity. Access is judged by `identity_set`: itself and all linked identities."""

    identity_id: str
    identity_set: frozenset[str]
    client_id: str | None
    scopes: frozenset[str]
    username: str


def caller_from_bearer(world: LocalGlobus, authorization_header: str | None, *, scope: str | None) -> Caller:
    """Who holds the access token of an `Authorization` header; `scope`, if given, must be among its scopes.

    Raises:
        TransferError: AuthenticationFailed (401) without a valid token, PermissionDenied (403) without
            the scope.
    """
    kind, _, secret = (authorization_header or "").strip().partition(" ")
    token = world.tokens.find_access(secret.strip()) if kind.lower() == "bearer" and secret else None
    if token is None:
        raise TransferError("AuthenticationFailed", "This needs a valid access token. Sign in again to get one.", 401)
    if scope is not None and scope not in token.scopes:
        raise TransferError(
            "PermissionDenied", f"The access token lacks the scope {scope}.", 403, required_scopes=[scope]
        )
    identity = world.identities.get(token.identity_id)
    return Caller(
        identity_id=identity.id,
        identity_set=world.identities.set_of(identity.id),
        client_id=token.client_id,
        scopes=token.scopes,
        username=identity.username,
    )


def caller_from_session(world: LocalGlobus, session: Mapping[str, Any]) -> Caller | None:
    """Who is signed in to the pages of this service (Flask's `session`), or None."""
    signed_in = world.sessions.find(session)
    if signed_in is None:
        return None
    identity = world.identities.get(signed_in.identity_id)
    return Caller(
        identity_id=identity.id,
        identity_set=world.identities.set_of(identity.id),
        client_id=None,
        scopes=frozenset(),
        username=identity.username,
    )
