"""OpenID Connect: the discovery document, the keys, and id_tokens.

The issuer is the configured public URL and never the Host header: clients compare it exactly.
"""

from __future__ import annotations

import base64
import hashlib
import time
from typing import Any

from flask import Blueprint, Response, jsonify
from joserfc import jwt

from globus_local.auth.identities import Identity
from globus_local.auth.keys import ALGORITHM
from globus_local.auth.tokens import ACCESS_SECONDS
from globus_local.world import LocalGlobus, current_world

blueprint = Blueprint("oidc", __name__)

CLAIMS = (
    "sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "at_hash", "name", "email",
    "preferred_username", "organization", "identity_provider", "identity_provider_display_name",
    "identity_set", "last_authentication",
)  # fmt: skip


@blueprint.get("/.well-known/openid-configuration")
def discovery() -> Response:
    """OpenID Connect Discovery 1.0 §3. Also reached as `//.well-known/…` (globus-wire.md §2.1)."""
    issuer = current_world().config.issuer
    return jsonify(
        {
            "issuer": issuer,
            "authorization_endpoint": f"{issuer}/v2/oauth2/authorize",
            "token_endpoint": f"{issuer}/v2/oauth2/token",
            "userinfo_endpoint": f"{issuer}/v2/oauth2/userinfo",
            "revocation_endpoint": f"{issuer}/v2/oauth2/token/revoke",
            "introspection_endpoint": f"{issuer}/v2/oauth2/token/introspect",
            "end_session_endpoint": f"{issuer}/v2/web/logout",
            "jwks_uri": f"{issuer}/jwk.json",
            "response_types_supported": ["code"],
            "response_modes_supported": ["query"],
            "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": [ALGORITHM],
            "scopes_supported": ["openid", "email", "profile", "offline_access"],
            "claims_supported": list(CLAIMS),
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
            "code_challenge_methods_supported": ["S256"],
        }
    )


@blueprint.get("/jwk.json")
def keys() -> Response:
    return jsonify(current_world().keys.public_set())


def id_token(
    world: LocalGlobus,
    *,
    identity: Identity,
    client_id: str,
    scopes: frozenset[str],
    access_token: str,
    auth_time: int,
    nonce: str | None,
) -> str:
    """Sign who has signed in. `nonce` is echoed as the client gave it."""
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": world.config.issuer,
        "sub": identity.id,
        "aud": client_id,
        "iat": now,
        "exp": now + ACCESS_SECONDS,
        "auth_time": auth_time,
        "at_hash": _half_hash(access_token),
        **profile_claims(world, identity, scopes),
    }
    if nonce is not None:
        claims["nonce"] = nonce
    key = world.keys.signing
    return jwt.encode({"alg": ALGORITHM, "kid": key.kid}, claims, key, algorithms=[ALGORITHM])


def profile_claims(world: LocalGlobus, identity: Identity, scopes: frozenset[str]) -> dict[str, Any]:
    """What the scopes `profile` and `email` let a client know about an identity."""
    claims: dict[str, Any] = {}
    if "profile" in scopes:
        claims |= {
            "preferred_username": identity.username,
            "name": identity.name or identity.username,
            "organization": identity.organization or None,
            "identity_provider": provider_id(world),
            "identity_provider_display_name": world.config.title,
        }
    if "email" in scopes:
        claims["email"] = identity.email or None
    return claims


def provider_id(world: LocalGlobus) -> str:
    """The one identity provider here; its id is a constant of the issuer."""
    digest = hashlib.sha256(world.config.issuer.encode()).hexdigest()
    return f"{digest[:8]}-{digest[8:12]}-4{digest[13:16]}-8{digest[17:20]}-{digest[20:32]}"


def _half_hash(access_token: str) -> str:
    """`at_hash` (OpenID Connect Core 1.0 §3.1.3.6) for RS512: the left half of a SHA-512."""
    digest = hashlib.sha512(access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest[:32]).rstrip(b"=").decode()
