"""The web app's blueprint: who may see its pages, and what templates can use. Routes have their own modules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, abort, g, jsonify, redirect, request, session
from werkzeug.wrappers import Response

from globus_local.auth.callers import Caller, caller_from_session
from globus_local.auth.csrf import protect_forms
from globus_local.auth.returning import login_url
from globus_local.webapp import names, wording
from globus_local.world import current_world

blueprint = Blueprint("webapp", __name__)

SCRIPT_HEADER = "X-Requested-With"


def current_caller() -> Caller:
    """Who is signed in. Every route of this blueprint has someone: see `require_sign_in`."""
    caller = g.caller
    if not isinstance(caller, Caller):
        abort(401)
    return caller


def asked_by_script() -> bool:
    """Whether our own script asks (it wants JSON or a fragment), not a person following a link."""
    return request.headers.get(SCRIPT_HEADER) == "globus-local"


@blueprint.before_request
def require_sign_in() -> Any:
    """Send people to the sign-in page and back here; tell scripts to let the page be loaded again."""
    g.caller = caller_from_session(current_world(), session)
    if g.caller is not None:
        return None
    if asked_by_script():
        return jsonify(code="SignedOut", message="You are signed out. Sign in again to go on."), 401
    return redirect(login_url(_here()))


blueprint.before_request(protect_forms)


_FILTERS: dict[str, Callable[..., str]] = {
    "shown_name": names.shown,
    "plain_name": names.plain,
    "plain_lines": names.plain_lines,
    "encoded_name": names.encode,
    "moment": wording.moment,
    "size": wording.size,
}
for _name, _filter in _FILTERS.items():
    blueprint.add_app_template_filter(_filter, _name)


def _here() -> str:
    """This page, to come back to; after a form, the page it was on."""
    if request.method == "GET":
        return request.full_path.rstrip("?")
    address = urlsplit(request.referrer or "/")
    return f"{address.path}?{address.query}" if address.query else address.path


def see_other(url: str) -> Response:
    """Answer a form: go and look there."""
    return redirect(url, code=303)
