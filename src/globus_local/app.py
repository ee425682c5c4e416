"""Puts a local Globus together: opens its database, applies its configuration, registers the routes.

Starts no thread and no listener; see `serve.py`. A part adds its schema, its object in
`world.LocalGlobus` and its blueprint here, and nowhere else.
"""

from __future__ import annotations

import os
import sqlite3

from flask import Flask, Response, g, request, session

from globus_local.auth import (
    account,
    api,
    attempts,
    authorize,
    clients,
    codes,
    consents,
    identities,
    oidc,
    pages,
    routes,
    sessions,
    tokens,
)
from globus_local.auth.callers import caller_from_session
from globus_local.auth.csrf import csrf_token
from globus_local.auth.keys import load_keys
from globus_local.config import ClientConfig, Config, IdentityConfig
from globus_local.data import routes as data_routes
from globus_local.database import Database
from globus_local.errors import ConfigError, register_error_handlers
from globus_local.transfer import routes as transfer_routes
from globus_local.transfer import schema as transfer_schema
from globus_local.transfer.endpoints import Collections
from globus_local.transfer.rules import Rules
from globus_local.transfer.tasks import Tasks
from globus_local.webapp import routes as webapp_routes
from globus_local.world import EXTENSION, LocalGlobus

SCHEMAS = (
    identities.SCHEMA,
    clients.SCHEMA,
    tokens.SCHEMA,
    sessions.SCHEMA,
    codes.SCHEMA,
    consents.SCHEMA,
    attempts.SCHEMA,
    transfer_schema.SCHEMA,
)
BLUEPRINTS = (
    oidc.blueprint,
    routes.blueprint,
    api.blueprint,
    authorize.blueprint,
    pages.blueprint,
    account.blueprint,
    transfer_routes.blueprint,
    data_routes.blueprint,
    webapp_routes.blueprint,
)

# What a browser application without a server needs of other origins (globus-wire.md §2.5).
SCRIPT_PATHS = (
    "/v2/oauth2/token",
    "/v2/oauth2/userinfo",
    "/v2/api/",
    "/v0.10/",
    "/.well-known/",
    "/jwk.json",
)

SESSION_COOKIE = "globus_local_session"
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self';"
    " connect-src 'self'; form-action 'self'{form_target}; frame-ancestors 'none'; base-uri 'none'"
)


def make_app(config: Config) -> Flask:
    """The Flask application of a local Globus with this configuration."""
    # Pages and static files of all parts lie under webapp/: one look, one place.
    app = Flask("globus_local", template_folder="webapp/templates", static_folder="webapp/static")
    world = build_world(config)
    app.extensions[EXTENSION] = world
    app.config.update(
        SECRET_KEY=world.keys.cookie,
        SESSION_COOKIE_NAME=SESSION_COOKIE,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=config.issuer.startswith("https://"),
    )
    app.jinja_env.globals.update(csrf_token=csrf_token, config=config)
    app.context_processor(lambda: {"signed_in": caller_from_session(world, session)})
    app.after_request(_protect_pages)
    app.after_request(_open_to_scripts)
    for blueprint in BLUEPRINTS:
        app.register_blueprint(blueprint)
    register_error_handlers(app)
    return app


def build_world(config: Config) -> LocalGlobus:
    """Open the data folder and bring what is configured into it. May be done again at each start."""
    config.data_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = config.data_folder / "globus-local.sqlite3"
    # SQLite gives its side files the mode of the database file.
    os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
    database = Database(path, schemas=SCHEMAS)
    rules = Rules(database, config)
    world = LocalGlobus(
        config=config,
        database=database,
        identities=identities.Identities(database),
        clients=clients.Clients(database, config),
        tokens=tokens.Tokens(database),
        sessions=sessions.Sessions(database),
        codes=codes.Codes(database),
        consents=consents.Consents(database),
        attempts=attempts.Attempts(database),
        keys=load_keys(config.data_folder),
        collections=Collections(config, database, rules),
        rules=rules,
        tasks=Tasks(database),
    )
    _apply(config, world)
    return world


def _apply(config: Config, world: LocalGlobus) -> None:
    for identity in config.identities:
        try:
            world.identities.apply(identity)
        except sqlite3.IntegrityError as error:
            raise ConfigError(
                f"The username {identity.username} belongs to another identity already, so {identity.id}"
                " cannot have it. Change one of them."
            ) from error
    for client in config.clients:
        world.clients.apply(client)
        world.identities.ensure_client_identity(client.id, client.name)
    # Links last: they may name identities that come later in the file.
    entries: tuple[IdentityConfig | ClientConfig, ...] = (*config.identities, *config.clients)
    for entry in entries:
        if entry.linked_to is not None:
            if not world.identities.by_ids([entry.linked_to]):
                raise ConfigError(f"{entry.id} is linked to {entry.linked_to}, which does not exist.")
            world.identities.link(entry.id, to=entry.linked_to)


def _protect_pages(response: Response) -> Response:
    if response.mimetype == "text/html":
        target = f" {g.form_target}" if "form_target" in g else ""
        policy = CONTENT_SECURITY_POLICY.format(form_target=target)
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("Cache-Control", "no-store")
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    return response


def _open_to_scripts(response: Response) -> Response:
    """Let scripts of other sites use the programs' routes with a token of theirs; cookies never count there."""
    if request.path.startswith(SCRIPT_PATHS):
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Access-Control-Expose-Headers"] = "WWW-Authenticate, Retry-After"
        if request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Methods"] = "GET, POST, PUT, PATCH, DELETE"
            response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type, X-Globus-Client-Info"
    return response
