"""Failures as pages or htmx fragments: the one table of the web that knows which family has which HTTP status.

Anticipated failures are told to the member. Anything else is a bug: its traceback goes to the log,
and the page shows one sentence and the reference number that finds it there.
"""

import logging
import secrets
import sys
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import (
    BadRequest,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
    TooManyFieldsSent,
)
from django.core.signals import got_request_exception
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.shortcuts import resolve_url
from django.template.loader import render_to_string

from moorage import errors as families
from moorage.databases import DatabaseAwayError, trouble_of
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
TITLES: Final[Mapping[HTTPStatus, str]] = {
    HTTPStatus.BAD_REQUEST: "This request cannot be understood",
    HTTPStatus.FORBIDDEN: "Not allowed",
    HTTPStatus.NOT_FOUND: "Not found",
    HTTPStatus.METHOD_NOT_ALLOWED: "Not a page",
    HTTPStatus.CONFLICT: "Not possible now",
    HTTPStatus.UNPROCESSABLE_ENTITY: "Something needs to be changed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "No room",
    HTTPStatus.SERVICE_UNAVAILABLE: "Not available just now",
    HTTPStatus.INTERNAL_SERVER_ERROR: "Something went wrong",
}


def status_of(error: MoorageError) -> HTTPStatus:
    """The HTTP status of an error's family. Every family is in the table; a new one without a status is a bug."""
    return next(STATUS[family] for family in type(error).__mro__ if family in STATUS)


def answer(request: HttpRequest, error: MoorageError) -> HttpResponse:
    """The page or fragment that tells the member of an anticipated failure."""
    response = _tell(request, status_of(error), str(error), code=error.code)
    if isinstance(error, UnavailableError):
        response["Retry-After"] = str(error.retry_after_seconds)
    return response


def answer_bug(request: HttpRequest, bug: BaseException | None) -> HttpResponse:
    """The page of a bug: a reference number, under which the log has the traceback.

    Where it is none, because the database is away, that is told.
    """
    if away := trouble_of(bug):
        log.error("the database at %s %s: %s", request.method, request.path, bug)
        return answer(request, away)
    reference = secrets.token_hex(4)
    log.error("bug %s at %s %s", reference, request.method, request.path, exc_info=bug)
    sentence = (
        f"This is a fault of Moorage, not yours; nothing more was changed. Try again, and if it stays, "
        f"tell the operator the reference number {reference}."
    )
    return _tell(request, HTTPStatus.INTERNAL_SERVER_ERROR, sentence, code="bug")


def _tell(request: HttpRequest, status: HTTPStatus, sentence: str, *, code: str) -> HttpResponse:
    told = {
        "status": status.value,
        "title": TITLES[status],
        "sentence": sentence,
        "code": code,
        "back": _page_before(request),
    }
    # Without the request nothing is asked of the database: neither who this is, nor what there is to tell her.
    asked = None if code == DatabaseAwayError.code else request
    if request.headers.get("HX-Request") != "true":
        return HttpResponse(render_to_string("moorage/error.html", told, asked), status=status)
    response = HttpResponse(render_to_string("moorage/error.html#fragment", told, asked), status=status)
    # What the member was looking at stays; the words go to the page's place for them.
    response["HX-Retarget"], response["HX-Reswap"] = "#flash", "innerHTML"
    return response


def _page_before(request: HttpRequest) -> str:
    """The path of the page of ours from which this request came, or nothing."""
    before = urlsplit(request.headers.get("Referer", ""))
    public = urlsplit(settings.PUBLIC_URL)
    is_ours = before.netloc in {request.headers.get("Host"), public.netloc}
    if not is_ours or (before.path == request.path and request.method == "GET"):
        return ""
    return before.path + (f"?{before.query}" if before.query else "")


class ErrorsMiddleware:
    """Tells members of failures in views, and sends a fragment's signed-out reader to the sign-in page."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.headers.get("HX-Request") == "true" and _leads_to_sign_in(response):
            # The redirect would put the sign-in page into a corner of this one.
            return HttpResponse(status=HTTPStatus.NO_CONTENT, headers={"HX-Refresh": "true"})
        if isinstance(response, HttpResponseNotAllowed) and not response.content:
            return _other_method(request, allowed=response["Allow"])
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer what a view raised; Django's own kinds go on to the handlers below."""
        if isinstance(exception, MoorageError):
            return answer(request, exception)
        if isinstance(exception, Http404 | PermissionDenied | SuspiciousOperation | BadRequest):
            return None
        got_request_exception.send(sender=type(self), request=request)
        return answer_bug(request, exception)


def _leads_to_sign_in(response: HttpResponseBase) -> bool:
    to = response.headers.get("Location", "")
    return response.status_code == HTTPStatus.FOUND and urlsplit(to).path == resolve_url(settings.LOGIN_URL)


def _other_method(request: HttpRequest, *, allowed: str) -> HttpResponse:
    """What Django's decorators of views answer without a word."""
    sentence = (
        f"This address takes {allowed}, not {request.method}: only a page's own buttons use it. Nothing was changed. "
        "Go back to that page."
    )
    response = _tell(request, HTTPStatus.METHOD_NOT_ALLOWED, sentence, code="method_not_allowed")
    response["Allow"] = allowed
    return response


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django passes it
    sentence = "There is no such page, or it is not for you. Go back, or begin at the dashboard."
    return _tell(request, HTTPStatus.NOT_FOUND, sentence, code=families.NotFoundError.code)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001
    sentence = "You may not do this. Ask an owner of the project."
    return _tell(request, HTTPStatus.FORBIDDEN, sentence, code=families.NotPermittedError.code)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if isinstance(exception, TooManyFieldsSent | RequestDataTooBig):
        sentence = (
            "More was chosen than one form can hold, and nothing was done. Go back and choose the folder that holds "
            "it, or fewer files at a time."
        )
        return _tell(request, HTTPStatus.UNPROCESSABLE_ENTITY, sentence, code="form.too_long")
    sentence = "The address or the form is not one of ours. Go back and try again."
    return _tell(request, HTTPStatus.BAD_REQUEST, sentence, code="bad_request")


def server_error(request: HttpRequest) -> HttpResponse:
    return answer_bug(request, sys.exc_info()[1])


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001
    sentence = (
        "This form was open for too long, or cookies are switched off. Load the page again and send it once more."
    )
    return _tell(request, HTTPStatus.FORBIDDEN, sentence, code="csrf")
