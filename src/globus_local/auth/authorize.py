"""`/v2/oauth2/authorize`: the page where a person lets a client act for her.

Sign-in comes first if it must (`prompt=login`, required identities), then consent, unless it was given before or
the operator vouches for the client. Whether the request itself is right is Authlib's business (`grants.py`).
"""

from __future__ import annotations

from typing import Any

from authlib.oauth2.rfc6749 import OAuth2Error
from authlib.oidc.core.errors import (
    ConsentRequiredError,
    LoginRequiredError,
)
from flask import Blueprint, abort, redirect, render_template, request, session
from werkzeug.wrappers import Response

from globus_local.auth.clients import Client
from globus_local.auth.csrf import protect_forms
from globus_local.auth.grants import Consenter, GlobusRequest, server
from globus_local.auth.returning import allow_form_target, forget_fresh, is_fresh, login_url
from globus_local.auth.scopes import OFFLINE, Scope, parse_scopes
from globus_local.auth.sessions import SignedIn
from globus_local.auth.wording import scopes_in_words
from globus_local.world import LocalGlobus, current_world

blueprint = Blueprint("authorize", __name__, template_folder="templates")
blueprint.before_request(protect_forms)


@blueprint.get("/v2/oauth2/authorize")
def ask() -> Response | str:
    """Sign in, ask for consent, or go straight back to the client with a code."""
    world = current_world()
    collection = _collection_client(world)
    if collection is not None:
        return _back_to_file(world, collection)
    grant = _checked_grant()
    if isinstance(grant, Response):
        return grant
    silent = request.args.get("prompt") == "none"
    signed_in = world.sessions.find(session)
    if signed_in is None or _must_sign_in(world, signed_in):
        return _refuse(grant, LoginRequiredError) if silent else redirect(login_url(_here()))
    scopes = parse_scopes(grant.request.scope)
    if _needs_consent(world, grant.request.client, signed_in, scopes):
        return _refuse(grant, ConsentRequiredError) if silent else _consent_page(world, grant, signed_in)
    return _back_with_code(world, grant, signed_in, scopes)


@blueprint.post("/v2/oauth2/authorize")
def decide() -> Response | str:
    """The answer of the consent page."""
    world = current_world()
    grant = _checked_grant()
    if isinstance(grant, Response):
        return grant
    signed_in = world.sessions.find(session)
    if signed_in is None:
        return redirect(login_url(_here()))
    if request.form.get("decision") != "allow":
        forget_fresh()
        return _as_response(server.create_authorization_response(grant=grant, grant_user=None))
    return _back_with_code(world, grant, signed_in, parse_scopes(grant.request.scope))


def _checked_grant() -> Any:
    """Authlib's grant for this request; or the answer to a request that is wrong."""
    try:
        return server.get_consent_grant()
    except OAuth2Error as error:
        if error.redirect_uri:
            return _as_response(server.handle_error_response(GlobusRequest(), error))
        abort(400, f"The program that sent you here made a mistake: {error.description or error.error}")
    except ValueError:
        # Authlib's description would have quoted characters that OAuth does not allow in one.
        abort(400, "The program that sent you here made a mistake: its request cannot be read.")


def _must_sign_in(world: LocalGlobus, signed_in: SignedIn) -> bool:
    fresh = is_fresh(_here())
    if "login" in request.args.get("prompt", "").split() and not fresh:
        return True
    authenticated = world.identities.by_ids(signed_in.authentications)
    required = _listed("session_required_identities")
    domains = tuple(f"@{domain}" for domain in _listed("session_required_single_domain"))
    if required and not required <= {identity.id for identity in authenticated}:
        return True
    return bool(domains) and not any(one.username.endswith(domains) for one in authenticated)


def _consent_page(world: LocalGlobus, grant: Any, signed_in: SignedIn) -> str:
    allow_form_target(grant.redirect_uri)
    return render_template(
        "globus_local/auth/consent.html",
        client=grant.request.client,
        identity=world.identities.get(signed_in.identity_id),
        lines=scopes_in_words(parse_scopes(grant.request.scope), world.config),
        here=_here(),
        login_url=login_url(_here()),
    )


def _needs_consent(world: LocalGlobus, client: Client, signed_in: SignedIn, scopes: tuple[Scope, ...]) -> bool:
    if not client.consent:
        return False
    if "consent" in request.args.get("prompt", "").split():
        return True
    return not world.consents.covers(identity_id=signed_in.identity_id, client_id=client.id, scopes=scopes)


def _back_with_code(world: LocalGlobus, grant: Any, signed_in: SignedIn, scopes: tuple[Scope, ...]) -> Response:
    offline = request.args.get("access_type") == "offline" or any(s.name == OFFLINE for s in scopes)
    world.consents.grant(
        identity_id=signed_in.identity_id, client_id=grant.request.client.id, scopes=scopes,
        allows_refresh=offline,
    )  # fmt: skip
    forget_fresh()
    consenter = Consenter(
        identity=world.identities.get(signed_in.identity_id),
        session_id=signed_in.id,
        auth_time=signed_in.auth_time,
    )
    return _as_response(server.create_authorization_response(grant=grant, grant_user=consenter))


def _refuse(grant: Any, reason: type[OAuth2Error]) -> Response:
    error = reason(redirect_uri=grant.redirect_uri)
    error.state = grant.request.payload.state
    return _as_response(server.handle_error_response(grant.request, error))


def _collection_client(world: LocalGlobus) -> Client | None:
    client = world.clients.find(request.args.get("client_id", ""))
    return client if client is not None and client.redirect_prefix is not None else None


def _back_to_file(world: LocalGlobus, collection: Client) -> Response:
    """A browser that wanted a protected file: our own session is all that it needs there."""
    wanted = request.args.get("redirect_uri", "")
    if not collection.check_redirect_uri(wanted):
        abort(400, "This link to a file is not of this collection.")
    if world.sessions.find(session) is None:
        return redirect(login_url(_here()))
    return redirect(wanted)


def _here() -> str:
    return request.full_path


def _listed(name: str) -> set[str]:
    return {item.strip() for item in request.args.get(name, "").split(",") if item.strip()}


def _as_response(answer: Any) -> Response:
    assert isinstance(answer, Response)  # noqa: S101 (for the type checker: Authlib has no types)
    return answer
