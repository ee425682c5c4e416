"""Forms are only accepted from our own pages: a random word in the session that each form must repeat."""

from __future__ import annotations

import hmac
import secrets

from flask import abort, request, session

FIELD = "csrf_token"
HEADER = "X-CSRF-Token"


def csrf_token() -> str:
    """The word of this session; templates write it into a hidden field, scripts send it as a header."""
    if FIELD not in session:
        session[FIELD] = secrets.token_urlsafe(24)
    return str(session[FIELD])


def protect_forms() -> None:
    """Refuse unsafe methods without the word. Used as `blueprint.before_request(protect_forms)`."""
    if request.method in {"GET", "HEAD", "OPTIONS"}:
        return
    given = request.headers.get(HEADER) or request.form.get(FIELD, "")
    if not hmac.compare_digest(given.encode(), str(session.get(FIELD, "")).encode()) or not given:
        abort(400, "This form is out of date. Go back, reload the page, and send it again.")
