"""`/collections-data/<collection id>/<path>`: GET, HEAD, PUT and DELETE of files (globus-wire.md §4.1).

Programs bring a token with the collection's `https` scope. Pages of this service use the browser's session;
then whatever changes something must have the header `X-Requested-With: globus-local`, which no other site
can make a browser send.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, urlencode

from flask import Blueprint, Response, jsonify, redirect, request, session
from werkzeug.wrappers import Response as AnyResponse

from globus_local.auth.callers import Caller, caller_from_bearer, caller_from_session, https_scope
from globus_local.data.reading import get_file
from globus_local.data.writing import delete_file, put_file
from globus_local.errors import TransferError, request_id
from globus_local.transfer.endpoints import Collection
from globus_local.transfer.paths import parse_path
from globus_local.world import current_world

blueprint = Blueprint("data", __name__, url_prefix="/collections-data")

PAGES_HEADER: Final = "globus-local"
_EXPOSED: Final = "Accept-Ranges, Content-Disposition, Content-Length, Content-Range, ETag, Last-Modified"


@blueprint.after_request
def _allow_browsers(response: Response) -> Response:
    # Any origin, but without cookies, and X-Requested-With is not among the headers it may send.
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Expose-Headers"] = _EXPOSED
    return response


@blueprint.route("/<collection_id>/", defaults={"path": ""}, methods=["OPTIONS"])
@blueprint.route("/<collection_id>/<path:path>", methods=["OPTIONS"])
def preflight(collection_id: str, path: str) -> Response:  # noqa: ARG001 (the answer is the same for all)
    response = Response(status=204)
    response.headers["Access-Control-Allow-Methods"] = "GET, HEAD, PUT, DELETE"
    response.headers["Access-Control-Allow-Headers"] = (
        "Authorization, Content-Type, Range, If-Range, If-None-Match, If-Modified-Since"
    )
    response.headers["Access-Control-Max-Age"] = "600"
    return response


@blueprint.get("/<collection_id>/", defaults={"path": ""})
@blueprint.get("/<collection_id>/<path:path>")
def get_or_head(collection_id: str, path: str) -> AnyResponse:
    world = current_world()
    collection, path = world.collections.get(collection_id), _exact(path)
    caller = _reader(collection)
    if caller is None and not world.rules.allows(None, collection, parse_path(path).parent, "r"):
        return _ask_to_sign_in(collection)
    return get_file(world, caller, collection, path, request)


@blueprint.put("/<collection_id>/<path:path>")
def put(collection_id: str, path: str) -> tuple[Response, int]:
    world = current_world()
    collection, path = world.collections.get(collection_id), _exact(path)
    caller = _writer(collection)
    if request.content_length is None:
        raise TransferError("ClientError.LengthRequired", "Send the file with a Content-Length.", 411)
    is_new = put_file(
        world,
        caller,
        collection,
        path,
        request.stream,
        length=request.content_length,
        may_replace=request.headers.get("If-None-Match", "").strip() != "*",
    )
    return _done("Created" if is_new else "Replaced", "The file is stored."), 201 if is_new else 200


@blueprint.delete("/<collection_id>/<path:path>")
def delete(collection_id: str, path: str) -> Response:
    world = current_world()
    collection, path = world.collections.get(collection_id), _exact(path)
    delete_file(world, _writer(collection), collection, path)
    return _done("Deleted", "The file is deleted.")


def _exact(path: str) -> str:
    """The path's own bytes: Flask has replaced those that are not UTF-8."""
    raw = str(request.environ["PATH_INFO"]).encode("latin-1").decode("utf-8", "surrogateescape")
    return raw.split("/", 3)[3] if path else ""


def _reader(collection: Collection) -> Caller | None:
    """Who wants to read; None is someone without token and session."""
    if "Authorization" in request.headers:
        return caller_from_bearer(current_world(), request.headers["Authorization"], scope=https_scope(collection.id))
    return caller_from_session(current_world(), session)


def _writer(collection: Collection) -> Caller:
    caller = _reader(collection)
    if caller is None:
        raise TransferError("AuthenticationFailed", "Changing files needs an access token.", 401)
    if "Authorization" not in request.headers and request.headers.get("X-Requested-With") != PAGES_HEADER:
        raise TransferError(
            "PermissionDenied", f"Changes by session need the header X-Requested-With: {PAGES_HEADER}.", 403
        )
    return caller


def _ask_to_sign_in(collection: Collection) -> AnyResponse:
    """Send a person to sign in and back here; tell a script that it needs a token."""
    if "X-Requested-With" in request.headers:
        raise TransferError("AuthenticationFailed", "This file needs an access token.", 401)
    query = {
        "client_id": collection.id,
        "redirect_uri": current_world().config.issuer + _own_url(),
        "response_type": "code",
        "scope": https_scope(collection.id),
        "state": request_id(),
    }
    return redirect(f"{current_world().config.issuer}/v2/oauth2/authorize?{urlencode(query)}")


def _own_url() -> str:
    """This request's path and query as they were sent: still percent-encoded, whatever bytes they hold."""
    encoded = quote(str(request.environ["PATH_INFO"]).encode("latin-1"), safe="/")
    query = request.query_string.decode("ascii", "ignore")
    return f"{encoded}?{query}" if query else encoded


def _done(code: str, message: str) -> Response:
    return jsonify(
        {
            "DATA_TYPE": "result",
            "code": code,
            "message": message,
            "request_id": request_id(),
            "resource": request.path,
        }
    )
