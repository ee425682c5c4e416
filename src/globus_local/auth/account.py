"""The Account page: who one is, which identities are linked, which programs may act for one."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, session
from werkzeug.wrappers import Response

from globus_local.auth.csrf import protect_forms
from globus_local.auth.pages import check_password
from globus_local.auth.returning import login_url
from globus_local.auth.sessions import SignedIn
from globus_local.auth.wording import words_for
from globus_local.world import LocalGlobus, current_world

blueprint = Blueprint("account", __name__, template_folder="templates", url_prefix="/account")
blueprint.before_request(protect_forms)

Answer = Response | str | tuple[str, int]


@blueprint.get("")
def account() -> Answer:
    world = current_world()
    signed_in = world.sessions.find(session)
    if signed_in is None:
        return redirect(login_url("/account"))
    return _page(world, signed_in)


@blueprint.post("/link")
def link() -> Answer:
    """Link another identity, proved by its password: access given to one is then access of both."""
    world = current_world()
    signed_in = world.sessions.find(session)
    if signed_in is None:
        return redirect(login_url("/account"))
    username = request.form.get("username", "")
    other, problem, status = check_password(world, username, request.form.get("password", ""))
    if other is None:
        return _page(world, signed_in, problem=problem, username=username), status
    if other.id in world.identities.set_of(signed_in.identity_id):
        flash(f"{other.username} is linked already.")
    else:
        before = world.identities.primary_of(other.id)
        world.identities.link(other.id, to=signed_in.identity_id)
        world.sessions.move(from_primary=before.id, to_primary=signed_in.identity_id)
        flash(f"{other.username} is linked.", "success")
    return redirect("/account", 303)


@blueprint.post("/programs/<client_id>/revoke")
def revoke(client_id: str) -> Answer:
    """Take back what a program was allowed; its tokens end now."""
    world = current_world()
    signed_in = world.sessions.find(session)
    if signed_in is None:
        return redirect(login_url("/account"))
    world.consents.revoke(identity_id=signed_in.identity_id, client_id=client_id)
    world.tokens.revoke_client(client_id=client_id, identity_id=signed_in.identity_id)
    flash("The program may not act for you any more.", "success")
    return redirect("/account", 303)


def _page(world: LocalGlobus, signed_in: SignedIn, *, problem: str = "", username: str = "") -> str:
    members = world.identities.members_of(signed_in.identity_id)
    programs = []
    for client_id, scopes in world.consents.clients_of(signed_in.identity_id).items():
        client = world.clients.find(client_id)
        lines = dict.fromkeys(words_for(scope, world.config) for scope in scopes)
        if client is not None:
            programs.append((client, list(lines)))
    return render_template(
        "globus_local/auth/account.html", identity=members[0], members=members, programs=programs,
        problem=problem, username=username,
    )  # fmt: skip
