"""What all Transfer routes share: the caller, reading a request, the documents of an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeVar

from flask import Blueprint, Response, g, jsonify, request

from globus_local.auth.callers import TRANSFER_SCOPE, Caller, caller_from_bearer
from globus_local.errors import TransferError, request_id
from globus_local.transfer.submission_documents import read_bool
from globus_local.world import current_world

blueprint = Blueprint("transfer", __name__, url_prefix="/v0.10")

Found = TypeVar("Found")
LIMIT_AT_MOST: Final = 1000


@blueprint.before_request
def _authenticate() -> Response | None:
    if request.method == "OPTIONS":
        return Response(status=204)
    g.caller = caller_from_bearer(current_world(), request.headers.get("Authorization"), scope=TRANSFER_SCOPE)
    return None


def current_caller() -> Caller:
    """Who makes this request."""
    caller = g.caller
    assert isinstance(caller, Caller)  # noqa: S101 (for the type checker: `_authenticate` put it there)
    return caller


def body() -> Mapping[str, Any]:
    """The JSON document that was sent. Raises TransferError ClientError.BadRequest if it is none."""
    try:
        document = request.get_json(force=True, silent=True)
    except RecursionError:  # brackets in brackets in brackets
        document = None
    if not isinstance(document, dict):
        raise TransferError("ClientError.BadRequest", "The body must be a JSON document.", 400)
    return document


def text_of(document: Mapping[str, Any], field: str) -> str:
    """A text that the document must have."""
    value = document.get(field)
    if not isinstance(value, str) or not value:
        raise TransferError("ClientError.BadRequest", f"{field} is missing.", 400)
    return value


def number(name: str, default: int, *, at_most: int = LIMIT_AT_MOST) -> int:
    """A non-negative number of the query string."""
    value = request.args.get(name, "")
    if value in ("", "null"):
        return default
    if not value.isdigit():
        raise TransferError("ClientError.BadRequest", f"{name} must be a number, not {value!r}.", 400)
    return min(int(value), at_most)


def flag(name: str, *, default: bool) -> bool:
    """A boolean of the query string, however the client writes it."""
    value = request.args.get(name)
    return default if value is None else read_bool(value, name)


def result(data_type: str, code: str, message: str, *, status: int = 200, **further: Any) -> tuple[Response, int]:
    """What every call that changes something answers with."""
    document = {
        "DATA_TYPE": data_type,
        "code": code,
        "message": message,
        "request_id": request_id(),
        "resource": request.path,
        **further,
    }
    return jsonify(document), status


def page_by_offset(found: list[Found]) -> tuple[list[Found], dict[str, Any]]:
    """One page of a list, by the query's `offset` and `limit`, with the keys that tell a client where it is."""
    offset, limit = number("offset", 0, at_most=10**9), number("limit", 100)
    shown = found[offset : offset + limit]
    return shown, {
        "offset": offset,
        "limit": limit,
        "length": len(shown),
        "total": len(found),
        "has_next_page": offset + len(shown) < len(found),
    }
