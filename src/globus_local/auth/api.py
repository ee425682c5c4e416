"""What programs ask of `/v2/api/…`: identities, the CLI's own client, consents."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify, request

from globus_local.auth.clients import CLI_TEMPLATE_ID, Client
from globus_local.auth.grants import CONFIDENTIAL
from globus_local.auth.identities import Identity, is_username
from globus_local.auth.oidc import provider_id
from globus_local.auth.routes import authenticate_client, bearer_token
from globus_local.errors import AuthError
from globus_local.world import LocalGlobus, current_world

blueprint = Blueprint("auth_api", __name__, url_prefix="/v2/api")

MAX_IDENTITIES = 500  # in one look-up
MAX_NAME_LENGTH = 200


@blueprint.get("/identities")
def identities() -> Response:
    """Look up by `ids` or by `usernames` (comma separated). Unknown ones are absent, never an error.

    `provision=true` makes an `unused` identity for an unknown username.
    """
    world = current_world()
    _check_may_look_up(world)
    ids, usernames = _listed("ids"), _listed("usernames")
    if bool(ids) == bool(usernames):
        raise AuthError("INVALID_PARAMETERS", "Give either ids or usernames.", 400)
    if len(ids) + len(usernames) > MAX_IDENTITIES:
        raise AuthError("INVALID_PARAMETERS", f"At most {MAX_IDENTITIES} identities at once.", 400)
    if ids:
        found = world.identities.by_ids(ids)
    elif request.args.get("provision", "").lower() == "true":
        known = world.identities.by_usernames(usernames)
        names = {one.username.lower() for one in known}
        fresh = [name for name in usernames if name.lower() not in names and is_username(name)]
        found = known + [world.identities.provision(name) for name in fresh]
    else:
        found = world.identities.by_usernames(usernames)
    document: dict[str, Any] = {"identities": [_identity_document(world, one) for one in found]}
    if request.args.get("include") == "identity_provider":
        document["included"] = {"identity_providers": [_provider_document(world)]}
    return jsonify(document)


@blueprint.get("/identities/<identity_id>")
def identity(identity_id: str) -> Response:
    world = current_world()
    _check_may_look_up(world)
    found = world.identities.by_ids([identity_id])
    if not found:
        raise AuthError("NOT_FOUND", f"There is no identity {identity_id}.", 404)
    return jsonify(identity=_identity_document(world, found[0]))


@blueprint.get("/identities/<identity_id>/consents")
def consents(identity_id: str) -> Response:
    """What this identity has allowed; `all=false` tells only of the asking client."""
    world = current_world()
    token = bearer_token(world)
    if identity_id not in world.identities.set_of(token.identity_id):
        raise AuthError("FORBIDDEN", "Consents are told to the identity that gave them.", 403)
    documents = world.consents.documents(identity_id)
    if request.args.get("all", "").lower() not in {"true", "1"}:
        documents = [document for document in documents if document["client"] == token.client_id]
    return jsonify(consents=documents)


@blueprint.post("/clients")
def create_client() -> tuple[Response, int]:
    """The first step of `globus login`: a client of its own, made from the CLI's template, without auth."""
    body = request.get_json(silent=True)
    wanted = body.get("client") if isinstance(body, dict) else None
    wanted = wanted if isinstance(wanted, dict) else {}
    if wanted.get("template_id") != CLI_TEMPLATE_ID:
        raise AuthError("FORBIDDEN", "Clients are made in this service's configuration, or by the Globus CLI.", 403)
    name = str(wanted.get("name") or "Globus CLI")[:MAX_NAME_LENGTH]
    client, secret = current_world().clients.create_from_template(template_id=CLI_TEMPLATE_ID, name=name)
    credential = {"id": client.id, "name": "Made with the client", "client": client.id, "secret": secret}
    return jsonify(client=_client_document(client), included={"client_credential": credential}), 201


@blueprint.get("/clients/<client_id>")
def show_client(client_id: str) -> Response:
    """A client may look at itself."""
    return jsonify(client=_client_document(_own_client(client_id)))


@blueprint.delete("/clients/<client_id>")
def delete_client(client_id: str) -> Response:
    """`globus logout --delete-client`: a client made from a template may remove itself."""
    client = _own_client(client_id)
    if client.template_id is None:
        raise AuthError("FORBIDDEN", "This client belongs to the configuration of this service.", 403)
    current_world().clients.delete(client.id)
    return jsonify(client=_client_document(client))


def _own_client(client_id: str) -> Client:
    client = authenticate_client(CONFIDENTIAL)
    if client.id != client_id:
        raise AuthError("FORBIDDEN", "A client may only ask about itself.", 403)
    return client


def _check_may_look_up(world: LocalGlobus) -> None:
    if request.headers.get("Authorization", "").lower().startswith("basic "):
        authenticate_client(CONFIDENTIAL)
    else:
        bearer_token(world)


def _listed(name: str) -> list[str]:
    return [item.strip() for item in request.args.get(name, "").split(",") if item.strip()]


def _identity_document(world: LocalGlobus, one: Identity) -> dict[str, Any]:
    return {
        "id": one.id,
        "username": one.username,
        "status": one.status,
        "name": one.name or None,
        "email": one.email or None,
        "organization": one.organization or None,
        "identity_provider": provider_id(world),
        "identity_type": "login",
    }


def _provider_document(world: LocalGlobus) -> dict[str, Any]:
    return {
        "id": provider_id(world),
        "name": world.config.title,
        "short_name": "local",
        "domains": [],
        "alternative_names": [],
    }


def _client_document(client: Client) -> dict[str, Any]:
    confidential = not client.is_public
    return {
        "id": client.id,
        "name": client.name,
        "public_client": client.is_public,
        "client_type": "confidential_client" if confidential else "public_installed_client",
        "grant_types": ["authorization_code", "client_credentials", "refresh_token"]
        if confidential
        else ["authorization_code", "refresh_token"],
        "redirect_uris": list(client.redirect_uris),
        "scopes": [],
        "fqdns": [],
        "required_idp": None,
        "preselect_idp": None,
        "parent_client": client.template_id,
        "project": None,
        "visibility": "private",
        "links": {"privacy_policy": None, "terms_and_conditions": None},
        "prompt_for_named_grant": False,
        "userinfo_from_effective_identity": True,
    }
