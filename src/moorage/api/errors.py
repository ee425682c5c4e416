"""Failures as `application/problem+json`: the one table of the API that knows which family has which status."""

import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final
from uuid import UUID

from django.core.serializers.json import DjangoJSONEncoder
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from moorage import errors as families
from moorage.databases import trouble_of
from moorage.errors import MoorageError, UnavailableError

log = logging.getLogger(__name__)

STATUS: Final[Mapping[type[MoorageError], HTTPStatus]] = {
    families.NotPermittedError: HTTPStatus.FORBIDDEN,
    families.NotFoundError: HTTPStatus.NOT_FOUND,
    families.ConflictError: HTTPStatus.CONFLICT,
    families.InvalidInputError: HTTPStatus.UNPROCESSABLE_ENTITY,
    families.QuotaExceededError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    families.UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
    families.CorruptContentError: HTTPStatus.INTERNAL_SERVER_ERROR,
}
PROBLEM_JSON: Final = "application/problem+json"


def problem(status: int, code: str, message: str, **data: Any) -> HttpResponse:
    """A problem document."""
    body = {"code": code, "message": message, **{name: _plain(value) for name, value in data.items()}}
    return JsonResponse(body, status=status, content_type=PROBLEM_JSON)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return DjangoJSONEncoder().default(value)  # as all other documents of the API have times
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, tuple | list | set | frozenset):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | dict | None) else str(value)


def tell(request: HttpRequest, error: MoorageError) -> HttpResponse:  # noqa: ARG001 - ninja's form
    """An anticipated failure, by its family."""
    status = next(STATUS[family] for family in type(error).__mro__ if family in STATUS)
    response = problem(status, error.code, str(error), **error.data())
    if isinstance(error, UnavailableError):
        response["Retry-After"] = str(error.retry_after_seconds)
    return response


def _no_good_token(request: HttpRequest, error: AuthenticationError) -> HttpResponse:  # noqa: ARG001
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        # Mistyped, ended, or of a member who has left: which of them is nobody's business who does not have it.
        message = (
            "This token is not known, or has ended. Check that all of it was sent, or make one on the Account page."
        )
        response = problem(HTTPStatus.UNAUTHORIZED, "token.unknown", message)
        response["WWW-Authenticate"] = 'Bearer error="invalid_token"'
        return response
    message = "Send a token of yours as `Authorization: Bearer TOKEN`. Make one on the Account page."
    response = problem(HTTPStatus.UNAUTHORIZED, "token.missing", message)
    response["WWW-Authenticate"] = "Bearer"
    return response


def _not_valid(request: HttpRequest, error: ValidationError) -> HttpResponse:  # noqa: ARG001
    faults = [{"field": _field(fault["loc"]), "message": _fault(fault)} for fault in error.errors]
    named = "; ".join(f"{fault['field']}: {fault['message']}" for fault in faults)
    message = f"The request does not have the form that this route takes ({named}). See /api/v1/openapi.json."
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid_input", message, faults=faults)


def _field(place: Sequence[object]) -> str:
    """Where a fault is, in the sender's words: ninja names the kind of input and its own argument first."""
    own = place[2:] if place and place[0] == "body" else place[1:]
    return ".".join(str(part) for part in own) or "body"


def _fault(fault: Mapping[str, Any]) -> str:
    return "this route has no such field" if fault["type"] == "extra_forbidden" else str(fault["msg"])


def _not_found(request: HttpRequest, error: Http404) -> HttpResponse:  # noqa: ARG001
    message = "There is no such thing here, or it is not for you. Check its id."
    return problem(HTTPStatus.NOT_FOUND, families.NotFoundError.code, message)


def _http(request: HttpRequest, error: HttpError) -> HttpResponse:  # noqa: ARG001
    # ninja says 400 of a body that is no JSON; for a script that is as wrong in every state as a wrong field.
    status = HTTPStatus.UNPROCESSABLE_ENTITY if error.status_code == HTTPStatus.BAD_REQUEST else error.status_code
    sentence = f"{str(error.message).rstrip('.')}. See the OpenAPI document, /api/v1/openapi.json."
    return problem(status, "invalid_input", sentence)


def _bug(request: HttpRequest, error: Exception) -> HttpResponse:
    if away := trouble_of(error):
        log.error("the database at %s %s: %s", request.method, request.path, error)
        return tell(request, away)
    reference = secrets.token_hex(4)
    log.error("bug %s at %s %s", reference, request.method, request.path, exc_info=error)
    message = f"This is a fault of Moorage, not yours. Tell the operator the reference number {reference}."
    return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "bug", message, reference=reference)


def tell_failures(api: NinjaAPI) -> None:
    """Have every failure of the API answered by a problem document."""
    # ninja's annotation lets a handler get a class; it only ever gets what was raised.
    handlers: tuple[tuple[type[Exception], Callable[[HttpRequest, Any], HttpResponse]], ...] = (
        (MoorageError, tell),
        (AuthenticationError, _no_good_token),
        (ValidationError, _not_valid),
        (Http404, _not_found),
        (HttpError, _http),
        (Exception, _bug),
    )
    for kind, handler in handlers:
        api.add_exception_handler(kind, handler)
