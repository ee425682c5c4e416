"""The failures this service tells its callers, and how each part of the URL space words them.

Transfer, Auth and web pages have three shapes; a client must never meet a body that is not of the shape it
parses, not even for an unknown route or a bug (globus-wire.md §1.7).
"""

from __future__ import annotations

import logging
import re
import secrets
from typing import Any

from flask import Flask, Response, g, jsonify, render_template, request
from werkzeug.exceptions import HTTPException, NotFound

log = logging.getLogger(__name__)

# Read by programs: JSON whatever the Accept header says.
PROGRAM_PATHS = ("/v0.10/", "/v2/oauth2/", "/v2/api/", "/.well-known/", "/jwk.json")
PERSON_PATHS = ("/v2/oauth2/authorize",)


class GlobusLocalError(Exception):
    """An anticipated failure: a stable code and a sentence that says what to do next."""

    code = "error"


class ConfigError(GlobusLocalError):
    """The configuration cannot be used as it is."""

    code = "config.invalid"


class TransferError(GlobusLocalError):
    """A Transfer API error document; `data` holds further top-level keys (such as `required_scopes`)."""

    def __init__(self, code: str, message: str, http_status: int, **data: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.http_status = http_status
        self.data = data

    def document(self) -> dict[str, Any]:
        return {
            "code": self.code,
            "message": self.message,
            "request_id": request_id(),
            "resource": request.path,
            **self.data,
        }


class AuthError(GlobusLocalError):
    """A Globus Auth error document: the list that the SDK parses, and OAuth's two keys."""

    def __init__(self, code: str, message: str, http_status: int, **data: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.http_status = http_status
        self.data = data

    def document(self) -> dict[str, Any]:
        error = {
            "status": str(self.http_status),
            "id": request_id(),
            "code": self.code,
            "title": self.code.replace("_", " ").capitalize(),
            "detail": self.message,
        }
        return {
            "errors": [error],
            "error": self.code.lower(),
            "error_description": self.message,
            **self.data,
        }


def request_id() -> str:
    """A short random name of this request; the same in the answer and in the log."""
    if "request_id" not in g:
        g.request_id = secrets.token_urlsafe(7)[:9]
    return str(g.request_id)


def register_error_handlers(app: Flask) -> None:
    """Answer every failure, foreseen or not, in the shape that belongs to the path."""
    app.register_error_handler(TransferError, _answer)
    app.register_error_handler(AuthError, _answer)
    app.register_error_handler(HTTPException, _http_exception)
    app.register_error_handler(Exception, _bug)


def _answer(error: TransferError | AuthError) -> tuple[Response | str, int]:
    if _wants_page():
        return _page(error.message, error.http_status)
    response = jsonify(error.document())
    if error.http_status == 401:
        response.headers["WWW-Authenticate"] = 'Bearer realm="globus"'
    return response, error.http_status


def _http_exception(error: HTTPException) -> Any:
    status = error.code or 500
    if status < 400 or error.response is not None:
        return error
    message = error.description or error.name
    if status == 404 and error.description == NotFound.description:
        message = f"There is nothing at {request.path}."
    if _wants_page():
        return _page(message, status)
    name = {404: "NotFound", 405: "MethodNotAllowed", 413: "RequestTooLarge"}.get(status, "BadRequest")
    if request.path.startswith(("/v2/", "/.well-known/")):
        code = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).upper()
        return jsonify(AuthError(code, message, status).document()), status
    return jsonify(TransferError(name, message, status).document()), status


def _bug(error: Exception) -> tuple[Response | str, int]:
    log.error("request %s %s %s failed", request_id(), request.method, request.path, exc_info=error)
    message = f"Something went wrong here. The log has the details under {request_id()}."
    if _wants_page():
        return _page(message, 500)
    return jsonify(TransferError("InternalError", message, 500).document()), 500


def _wants_page() -> bool:
    path = request.path
    if path.startswith(PROGRAM_PATHS) and not path.startswith(PERSON_PATHS):
        return False
    return "text/html" in request.headers.get("Accept", "")


def _page(message: str, status: int) -> tuple[str, int]:
    return render_template("globus_local/error.html", message=message, status=status), status
