"""Token documents: what the token endpoint answers, one document for each resource server."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from authlib.oauth2.rfc6749 import InvalidGrantError

from globus_local.auth.clients import Client
from globus_local.auth.identities import Identity
from globus_local.auth.oidc import id_token
from globus_local.auth.scopes import AUTH_SERVER, by_server, parse_scopes
from globus_local.auth.tokens import ACCESS_SECONDS
from globus_local.world import LocalGlobus


@dataclass(frozen=True, kw_only=True)
class TokenGrant:
    """What is to be issued: for whom, to which client, with which scopes."""

    client: Client
    identity: Identity
    scope: str
    session_id: str | None = None
    auth_time: int | None = None
    nonce: str | None = None
    state: str | None = None
    offline: bool = False
    refresh_secret: str | None = None  # a refresh token is being used: its life goes on, no new one


def token_documents(world: LocalGlobus, grant: TokenGrant) -> dict[str, Any]:
    """Issue the tokens. The first document is the top-level one, the others are its `other_tokens`."""
    servers = by_server(parse_scopes(grant.scope), world.config)
    documents = [_issue(world, grant, server, names) for server, names in servers.items()]
    first = documents[0]
    if "openid" in servers.get(AUTH_SERVER, ()) and grant.refresh_secret is None:
        first["id_token"] = id_token(
            world, identity=grant.identity, client_id=grant.client.id, scopes=servers[AUTH_SERVER],
            access_token=first["access_token"], auth_time=grant.auth_time or int(time.time()),
            nonce=grant.nonce,
        )  # fmt: skip
    if grant.state is not None:
        first["state"] = grant.state
    return first | {"other_tokens": documents[1:]}


def _issue(world: LocalGlobus, grant: TokenGrant, server: str, names: frozenset[str]) -> dict[str, Any]:
    access: str | None
    refresh = grant.refresh_secret
    if refresh is not None:
        access = world.tokens.refresh(refresh, names)
        if access is None:  # revoked since it was looked up
            raise InvalidGrantError
    else:
        access, refresh = world.tokens.issue(
            client_id=grant.client.id, identity_id=grant.identity.id, resource_server=server,
            scopes=names, session_id=grant.session_id, refreshable=grant.offline,
        )  # fmt: skip
    document = {
        "access_token": access,
        "token_type": "Bearer",
        "expires_in": ACCESS_SECONDS,
        "resource_server": server,
        "scope": " ".join(sorted(names)),
    }
    return document | ({"refresh_token": refresh} if refresh else {})
