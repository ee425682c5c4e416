"""Answers an HTTP request with the bytes of a file version: the same for pages and the API.

Always as an attachment, and in a sandbox: what members upload may be anything, and must not run as ours.
"""

import time
from http import HTTPStatus
from typing import Final

from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import http_date

from moorage.files.content import Blocks, Content, open_content
from moorage.files.disposition import content_disposition, content_type
from moorage.files.models import FileVersion
from moorage.files.ranges import Span, UnsatisfiableRangeError, asked_span, may_resume, names_tag
from moorage.storage.layout import StoreLayout

_GUARDS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    # Whoever may no longer see the project must not see it in a cache either.
    "Cache-Control": "private, no-cache",
}


def content_response(request: HttpRequest, version: FileVersion, *, store: StoreLayout) -> HttpResponseBase:
    """The answer to a GET or HEAD request for a file version.

    Honours one range, `If-Range`, `If-Match` and `If-None-Match`; the entity tag is the digest. The body is
    streamed in blocks. `If-Modified-Since` is not asked: a file that comes back brings its old time along.

    Raises:
        CorruptContentError: the bytes are missing or not what was recorded; none is sent.
    """
    content = open_content(version, store=store)
    try:
        response = _answer(request, content)
    except BaseException:
        content.close()
        raise
    if not isinstance(response, StreamingHttpResponse):
        content.close()
    for name, value in {**_GUARDS, **_validators(version)}.items():
        response.headers[name] = value
    return response


def _answer(request: HttpRequest, content: Content) -> HttpResponseBase:
    headers, tag = request.headers, content.digest
    if "If-Match" in headers and not names_tag(headers["If-Match"], tag):
        return HttpResponse(status=HTTPStatus.PRECONDITION_FAILED)
    if names_tag(headers.get("If-None-Match"), tag, weakly=True):
        response = HttpResponse(status=HTTPStatus.NOT_MODIFIED)
        del response.headers["Content-Type"]
        return response
    asked = headers.get("Range") if may_resume(headers.get("If-Range"), tag) and request.method == "GET" else None
    try:
        span = asked_span(asked, content.size_bytes)
    except UnsatisfiableRangeError:
        response = HttpResponse(status=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE)
        response.headers["Content-Range"] = f"bytes */{content.size_bytes}"
        return response
    return _send(content, span, is_head=request.method == "HEAD")


def _send(content: Content, span: Span | None, *, is_head: bool) -> HttpResponseBase:
    status = HTTPStatus.OK if span is None else HTTPStatus.PARTIAL_CONTENT
    start, length = span or Span(0, content.size_bytes)
    kind = content_type(content.version.name)
    response: HttpResponseBase
    if is_head:
        response = HttpResponse(status=status, content_type=kind)
    else:
        response = StreamingHttpResponse(Blocks(content, start, length), status=status, content_type=kind)
    response.headers["Content-Length"] = str(length)
    response.headers["Content-Disposition"] = content_disposition(content.version.name)
    if span is not None:
        response.headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{content.size_bytes}"
    return response


def _validators(version: FileVersion) -> dict[str, str]:
    # RFC 9110 §8.8.2.1: never later than this answer; some instruments' clocks are ahead.
    modified = min(version.modified_at.timestamp(), time.time())
    return {
        "Accept-Ranges": "bytes",
        "ETag": f'"{version.stored_object.digest}"',
        "Last-Modified": http_date(modified),
    }
