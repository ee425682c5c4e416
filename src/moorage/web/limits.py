"""How much of a request's body is taken. Data never come through a form: they come by Globus."""

import re
from collections.abc import Callable
from typing import Final

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase

from moorage.errors import QuotaExceededError
from moorage.importer.asked.sent_lists import MOST_BYTES, ListTooLongError
from moorage.web import errors

# Where a list of digests comes in, by a form (which adds some lines of its own) or by script: it is read as a stream.
_LISTS: Final = re.compile(r"(?:/api/v1)?/uploads/[0-9a-f-]{36}/checksums/?")
_OF_A_FORM: Final = 2**16


class RequestTooLargeError(QuotaExceededError):
    """The body is longer than any form or document of ours."""

    code = "request.too_large"

    def __init__(self, limit_bytes: int) -> None:
        super().__init__(
            f"This request is longer than {limit_bytes // 1024} KiB, more than any form of ours needs. "
            "Files come into a project by Globus Uploads; of many ticked ones choose the folder that holds them."
        )
        self.limit_bytes = limit_bytes


class BodyLimitMiddleware:
    """Refuses a body whose announced length is over the limit, before any of it is read.

    One without an announced length is stopped by Django at DATA_UPLOAD_MAX_MEMORY_SIZE.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        length = request.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) <= limit:
            return self.get_response(request)
        if not _LISTS.fullmatch(request.path_info):
            return errors.answer(request, RequestTooLargeError(limit))
        if int(length) > MOST_BYTES + _OF_A_FORM:
            return errors.answer(request, ListTooLongError())
        return self.get_response(request)
