"""What programs ask of `/v2/oauth2/…`: tokens, and what a token stands for.

The page `/v2/oauth2/authorize` is in `authorize.py`.
"""

from __future__ import annotations

from typing import Any

from authlib.oauth2.rfc6749 import OAuth2Error
from flask import Blueprint, Response, jsonify, request

from globus_local.auth.clients import Client
from globus_local.auth.grants import ANY_CLIENT, CONFIDENTIAL, GlobusRequest, server
from globus_local.auth.identities import Identity
from globus_local.auth.oidc import profile_claims, provider_id
from globus_local.auth.scopes import AUTH_SERVER
from globus_local.auth.tokens import Token
from globus_local.errors import AuthError
from globus_local.world import LocalGlobus, current_world

blueprint = Blueprint("oauth2", __name__, url_prefix="/v2/oauth2")

IDENTITY_SET_SCOPES = frozenset(
    f"urn:globus:auth:scope:auth.globus.org:{right}" for right in ("view_identity_set", "view_identities")
)


@blueprint.post("/token")
def token() -> Response:
    """RFC 6749 §3.2, with Globus's shape of the answer (globus-wire.md §2.2)."""
    try:
        response: Response = server.create_token_response()
    except ValueError as error:
        # Authlib's answer would have quoted characters that OAuth does not allow in one.
        raise AuthError("INVALID_REQUEST", "The request cannot be read.", 400) from error
    return response


@blueprint.post("/token/introspect")
def introspect() -> Response:
    """RFC 7662, with Globus's additions; `include` takes `session_info`, `identity_set`, both by comma."""
    authenticate_client(CONFIDENTIAL)
    world = current_world()
    found = world.tokens.find(request.values.get("token", ""))
    if found is None:
        return jsonify(active=False)
    identity = world.identities.get(found.identity_id)
    include = {item.strip() for item in request.values.get("include", "").split(",")}
    document = _introspection(world, found, identity)
    if "session_info" in include:
        document["session_info"] = _session_info(world, found)
    if include & {"identity_set", "identities_set"}:
        document["identity_set"] = sorted(world.identities.set_of(identity.id))
    if "identity_set_detail" in include:
        document["identity_set_detail"] = identity_set(world, identity)
    return jsonify(document)


@blueprint.post("/token/validate")
def validate() -> Response:
    """Undocumented; the CLI asks it before every command of a signed-in person."""
    authenticate_client(ANY_CLIENT)
    return jsonify(active=current_world().tokens.find(request.values.get("token", "")) is not None)


@blueprint.post("/token/revoke")
def revoke() -> Response:
    """Always 200, also without a token or with another client's id: `globus logout` does all of that."""
    current_world().tokens.revoke(request.values.get("token", ""))
    return jsonify(active=False)


@blueprint.route("/userinfo", methods=["GET", "POST"])
def userinfo() -> Response:
    """OpenID Connect Core 1.0 §5.3. `identity_set` needs one of IDENTITY_SET_SCOPES."""
    world = current_world()
    found = bearer_token(world)
    if "openid" not in found.scopes:
        raise AuthError("FORBIDDEN", "The access token lacks the scope openid.", 403)
    identity = world.identities.get(found.identity_id)
    document: dict[str, Any] = {"sub": identity.id, **profile_claims(world, identity, found.scopes)}
    document["last_authentication"] = _last_authentication(world, found)
    if found.scopes & IDENTITY_SET_SCOPES:
        document["identity_set"] = identity_set(world, identity)
    return jsonify(document)


def bearer_token(world: LocalGlobus) -> Token:
    """The Auth access token of this request, from its header or from `access_token`.

    Raises:
        AuthError: UNAUTHORIZED (401) without a valid one, FORBIDDEN (403) if it is for another service.
    """
    kind, _, secret = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() != "bearer":
        secret = request.values.get("access_token", "")
    found = world.tokens.find_access(secret.strip())
    if found is None:
        raise AuthError("UNAUTHORIZED", "Call must be authenticated", 401)
    if found.resource_server != AUTH_SERVER:
        raise AuthError("FORBIDDEN", f"This token is for {found.resource_server}, not for Auth.", 403)
    return found


def authenticate_client(methods: list[str]) -> Client:
    """The client that sends this request, by Basic or by parameters.

    Raises:
        AuthError: UNAUTHORIZED (401).
    """
    try:
        client: Client = server.authenticate_client(GlobusRequest(), methods)
    except OAuth2Error as error:
        raise AuthError("UNAUTHORIZED", "The client id or its secret is wrong.", 401) from error
    return client


def identity_set(world: LocalGlobus, identity: Identity) -> list[dict[str, Any]]:
    """The linked identities as userinfo tells them, the primary first."""
    return [
        {
            "sub": member.id,
            "username": member.username,
            "name": member.name or member.username,
            "email": member.email or None,
            "organization": member.organization or None,
            "status": member.status,
            "identity_provider": provider_id(world),
            "identity_provider_display_name": world.config.title,
            "last_authentication": None,
        }
        for member in world.identities.members_of(identity.id)
    ]


def _introspection(world: LocalGlobus, found: Token, identity: Identity) -> dict[str, Any]:
    return {
        "active": True,
        "token_type": "Bearer",
        "scope": " ".join(sorted(found.scopes)),
        "client_id": found.client_id,
        "sub": identity.id,
        "username": identity.username,
        "name": identity.name or identity.username,
        "email": identity.email or None,
        "exp": found.expires_at,
        "iat": found.issued_at,
        "nbf": found.issued_at,
        "aud": [found.resource_server, found.client_id],
        "iss": world.config.issuer,
    }


def _session_info(world: LocalGlobus, found: Token) -> dict[str, Any]:
    session = world.sessions.by_id(found.session_id or "")
    if session is None:
        return {"session_id": None, "authentications": {}}
    provider = provider_id(world)
    return {
        "session_id": session.id,
        "authentications": {
            identity_id: {"auth_time": at, "idp": provider, "acr": None, "amr": None, "custom_claims": {}}
            for identity_id, at in session.authentications.items()
        },
    }


def _last_authentication(world: LocalGlobus, found: Token) -> int | None:
    session = world.sessions.by_id(found.session_id or "")
    return session.auth_time if session is not None else None
