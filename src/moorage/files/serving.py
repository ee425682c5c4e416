"""Answers an HTTP request with the bytes of a file version, or others that never change: for pages and the API.

Always as an attachment, and in a sandbox: what members upload may be anything, and must not run as ours.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http import HTTPStatus
from typing import Final

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import http_date

from moorage.files.content import Blocks, check_without_reading
from moorage.files.disposition import content_disposition, content_type
from moorage.files.models import FileVersion
from moorage.files.proving import open_proved
from moorage.files.ranges import Span, UnsatisfiableRangeError, asked_span, may_resume, names_tag
from moorage.storage.layout import StoreLayout

GUARDS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Whoever may no longer see the project must not see it in a cache either.
    "Cache-Control": "private, no-cache",
}


def content_response(request: HttpRequest, version: FileVersion, *, store: StoreLayout) -> HttpResponseBase:
    """The answer to a GET or HEAD request for a file version; its entity tag is the digest.

    The body is streamed in blocks. `If-Modified-Since` is not asked: a file that comes back brings its old time along.
    Bytes that are doubtful are read before the first of them is sent; an answer that has none waits for no reading.

    Raises:
        CorruptContentError: the bytes are missing or not what was recorded; none is sent.
        BeingReadError: they could not be read at once.
    """
    with ExitStack() as stack:

        def body(span: Span) -> Blocks:
            return Blocks(stack.enter_context(open_proved(version, store=store)), span.start, span.length)

        digest = version.stored_object.digest
        response = ranged_response(request, tag=digest, size_bytes=version.size_bytes, name=version.name, body=body)
        if not isinstance(response, StreamingHttpResponse):
            check_without_reading(version, store=store)
        stack.pop_all()  # it is closed with the response
    # RFC 9110 §8.8.2.1: never later than this answer; some instruments' clocks are ahead.
    modified = min(version.modified_at.timestamp(), time.time())
    response.headers["Last-Modified"] = http_date(modified)
    return response


def ranged_response(
    request: HttpRequest, *, tag: str, size_bytes: int, name: str, body: Callable[[Span], Iterator[bytes]]
) -> HttpResponseBase:
    """The answer to a request for bytes that never change while their entity tag is the same.

    Honours one range, `If-Range`, `If-Match` and `If-None-Match`. `body` makes the bytes of a span; it is called only
    if they are to be sent, and its iterator is closed with the response.
    """
    response = _answer(request, tag, size_bytes, name, body)
    for header, value in {**GUARDS, "Accept-Ranges": "bytes", "ETag": f'"{tag}"'}.items():
        response.headers[header] = value
    return response


def _answer(
    request: HttpRequest, tag: str, size_bytes: int, name: str, body: Callable[[Span], Iterator[bytes]]
) -> HttpResponseBase:
    headers = request.headers
    if "If-Match" in headers and not names_tag(headers["If-Match"], tag):
        return HttpResponse(status=HTTPStatus.PRECONDITION_FAILED)
    if names_tag(headers.get("If-None-Match"), tag, weakly=True):
        response = HttpResponse(status=HTTPStatus.NOT_MODIFIED)
        del response.headers["Content-Type"]
        return response
    asked = headers.get("Range") if may_resume(headers.get("If-Range"), tag) and request.method == "GET" else None
    try:
        span = asked_span(asked, size_bytes)
    except UnsatisfiableRangeError:
        response = HttpResponse(status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
        response.headers["Content-Range"] = f"bytes */{size_bytes}"
        return response
    status = HTTPStatus.OK if span is None else HTTPStatus.PARTIAL_CONTENT
    sent = span or Span(0, size_bytes)
    kind = content_type(name)
    answer: HttpResponseBase
    if request.method == "HEAD":
        answer = HttpResponse(status=status, content_type=kind)
    else:
        answer = StreamingHttpResponse(body(sent), status=status, content_type=kind)
    answer.headers["Content-Length"] = str(sent.length)
    answer.headers["Content-Disposition"] = content_disposition(name)
    if span is not None:
        answer.headers["Content-Range"] = f"bytes {sent.start}-{sent.start + sent.length - 1}/{size_bytes}"
    return answer
