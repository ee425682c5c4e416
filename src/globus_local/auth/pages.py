"""The pages people sign in and out on, make an account on, and copy a code from. Consent is in `authorize.py`."""

from __future__ import annotations

import logging
import math
from urllib.parse import parse_qs, urlsplit

from flask import Blueprint, abort, flash, redirect, render_template, request, session
from werkzeug.wrappers import Response

from globus_local.auth.clients import Client
from globus_local.auth.csrf import protect_forms
from globus_local.auth.identities import MIN_PASSWORD_LENGTH, Identity, UsernameTakenError, is_username
from globus_local.auth.returning import allow_form_target, mark_fresh, safe_path
from globus_local.world import LocalGlobus, current_world

blueprint = Blueprint("auth_pages", __name__, template_folder="templates", url_prefix="/v2/web")
blueprint.before_request(protect_forms)

Answer = Response | str | tuple[str, int]

log = logging.getLogger(__name__)


@blueprint.get("/login")
def login() -> Answer:
    """Sign in, then go on to `next`."""
    return _login_page(username=_suggested_username(current_world()))


@blueprint.post("/login")
def sign_in() -> Answer:
    world = current_world()
    username, password = request.form.get("username", ""), request.form.get("password", "")
    identity, problem, status = check_password(world, username, password)
    if identity is None:
        return _login_page(username=username, problem=problem), status
    return _signed_in(world, identity)


@blueprint.get("/create-account")
def create_account_page() -> Answer:
    _check_may_create_account(current_world())
    return _create_account_page(problems={})


@blueprint.post("/create-account")
def create_account() -> Answer:
    """Make an identity whose username is the e-mail address, and go on as her where she was."""
    world = current_world()
    _check_may_create_account(world)
    problems = _problems_of_new_account()
    if problems:
        return _create_account_page(problems=problems), 422
    email = request.form["email"].strip().lower()
    try:
        identity = world.identities.create(
            username=email, name=request.form.get("name", "").strip(), email=email,
            organization=request.form.get("organization", "").strip(), password=request.form["password"],
        )  # fmt: skip
    except UsernameTakenError as error:
        return _create_account_page(problems={"email": str(error)}), 409
    return _signed_in(world, identity)


@blueprint.post("/sign-out")
def sign_out() -> Answer:
    current_world().sessions.sign_out(session)
    flash("You are signed out.")
    return redirect("/v2/web/login")


@blueprint.get("/logout")
def logout() -> Answer:
    """Sign out, and offer a way back to the client that sent the person here, if it is one of its addresses."""
    world = current_world()
    world.sessions.sign_out(session)
    client = world.clients.find(request.args.get("client_id", ""))
    back = request.args.get("redirect_uri", "")
    if client is None or not _is_of_client(back, client):
        back = ""
    name = request.args.get("redirect_name") or (client.name if client else "")
    return render_template("globus_local/auth/signed_out.html", back=back, name=name)


@blueprint.get("/auth-code")
def auth_code() -> Answer:
    """Where `globus login --no-local-server` ends: the code, for copying into the terminal."""
    return render_template("globus_local/auth/code.html", code=request.args.get("code", ""))


def check_password(world: LocalGlobus, username: str, password: str) -> tuple[Identity | None, str, int]:
    """The identity; or None, what to tell the person, and the HTTP status."""
    address = request.remote_addr or ""
    wait = world.attempts.begin(username, address)
    if wait > 0:
        return None, f"Too many attempts failed. Try again in {math.ceil(wait)} seconds.", 429
    identity = world.identities.authenticate(username, password)
    if identity is None:
        log.warning("sign-in of %r from %s failed", username[:200], address)
        return None, "No account has this username and password. Check both and try again.", 403
    world.attempts.succeeded(username, address)
    return identity, "", 200


def _signed_in(world: LocalGlobus, identity: Identity) -> Response:
    path = _next()
    primary = world.identities.primary_of(identity.id)
    world.sessions.sign_in(session, primary_id=primary.id, authenticated_id=identity.id)
    mark_fresh(path)
    return redirect(path, 303)


def _login_page(*, username: str, problem: str = "") -> str:
    world = current_world()
    client = _continuing_client(world)
    query = parse_qs(urlsplit(_next()).query)
    return render_template(
        "globus_local/auth/login.html", next=_next(), username=username, problem=problem, client=client,
        message=query.get("session_message", [""])[0],
    )  # fmt: skip


def _create_account_page(*, problems: dict[str, str]) -> str:
    client = _continuing_client(current_world())
    return render_template(
        "globus_local/auth/create_account.html", next=_next(), problems=problems, values=request.form,
        client=client, min_password_length=MIN_PASSWORD_LENGTH,
    )  # fmt: skip


def _problems_of_new_account() -> dict[str, str]:
    problems = {}
    password = request.form.get("password", "")
    if not is_username(request.form.get("email", "").strip()):
        problems["email"] = "Give an e-mail address, like ada@example.org."
    if len(password) < MIN_PASSWORD_LENGTH:
        problems["password"] = f"A password has at least {MIN_PASSWORD_LENGTH} characters."
    elif password != request.form.get("password_again", ""):
        problems["password_again"] = "The two passwords differ."  # noqa: S105 (a sentence)
    return problems


def _check_may_create_account(world: LocalGlobus) -> None:
    if not world.config.create_account:
        abort(404, "Accounts are made by the operator of this service. Ask her for one.")


def _continuing_client(world: LocalGlobus) -> Client | None:
    """The client whose authorize request goes on after this page; its answer may leave this service."""
    parts = urlsplit(_next())
    if parts.path != "/v2/oauth2/authorize":
        return None
    query = parse_qs(parts.query)
    client = world.clients.find(query.get("client_id", [""])[0])
    redirect_uri = query.get("redirect_uri", [""])[0]
    if client is None or not client.check_redirect_uri(redirect_uri):
        return None
    allow_form_target(redirect_uri)
    return client


def _suggested_username(world: LocalGlobus) -> str:
    query = parse_qs(urlsplit(_next()).query)
    if hint := query.get("login_hint"):
        return hint[0]
    required = query.get("session_required_identities", [""])[0].split(",")
    found = world.identities.by_ids(required)
    return found[0].username if found else ""


def _next() -> str:
    return safe_path(request.values.get("next"))


def _is_of_client(uri: str, client: Client) -> bool:
    origins = {urlsplit(registered)[:2] for registered in client.redirect_uris}
    try:
        parts = urlsplit(uri)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and parts[:2] in origins
