"""Keeps every answer below `/api/` a document, also where a request never reached a route of the API."""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final

from django.http import HttpRequest, HttpResponseBase

from moorage.api.errors import problem

PREFIX: Final = "/api/"
SENTENCES: Final[Mapping[HTTPStatus, tuple[str, str]]] = {
    HTTPStatus.BAD_REQUEST: ("bad_request", "This request cannot be understood."),
    HTTPStatus.FORBIDDEN: ("not_permitted", "This request is not allowed."),
    HTTPStatus.NOT_FOUND: ("not_found", "There is no such route."),
    HTTPStatus.METHOD_NOT_ALLOWED: ("method_not_allowed", "This route does not take that method."),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: ("request.too_large", "The body is longer than any document of the API."),
    HTTPStatus.INTERNAL_SERVER_ERROR: ("bug", "This is a fault of Moorage, not yours. Tell the operator."),
}


class DocumentsMiddleware:
    """Turns pages that tell of a failure into problem documents, and refuses bodies without a length."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path.startswith(PREFIX):
            return self.get_response(request)
        if "Transfer-Encoding" in request.headers and "Content-Length" not in request.headers:
            message = "Send the body with its Content-Length; a chunked one is not read."
            return problem(HTTPStatus.LENGTH_REQUIRED, "length_required", message)
        response = self.get_response(request)
        told = SENTENCES.get(HTTPStatus(response.status_code))
        if told is None or not response.headers.get("Content-Type", "").startswith("text/html"):
            return response
        code, sentence = told
        return problem(response.status_code, code, f"{sentence} See the OpenAPI document, /api/v1/openapi.json.")
