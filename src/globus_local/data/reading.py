"""Giving out one file of a collection: whole, a range, or only its headers."""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from flask import Request, Response
from werkzeug.http import http_date, is_resource_modified

from globus_local.data.errors import failed
from globus_local.transfer.paths import parse_path
from globus_local.transfer.tree import Tree

if TYPE_CHECKING:
    from globus_local.auth.callers import Caller
    from globus_local.transfer.endpoints import Collection
    from globus_local.world import LocalGlobus

CHUNK_BYTES: Final = 1 << 18


def get_file(
    world: LocalGlobus, caller: Caller | None, collection: Collection, path: str, request: Request
) -> Response:
    """The answer to GET and HEAD: 200, 206, 304 or 416, always as an attachment that no browser runs.

    Raises TransferError: PermissionDenied (403), ClientError.NotFound (404), NotAFileError.
    """
    wanted = parse_path(path)
    world.rules.check(caller, collection, wanted.parent, "r")
    held = ExitStack()
    try:
        descriptor, status = held.enter_context(Tree(collection.root).reading(wanted))
    except OSError as error:
        raise failed(wanted, error) from error
    try:
        response = _answer(request, descriptor, status)
    except BaseException:
        held.close()
        raise
    response.call_on_close(held.close)
    response.headers["Content-Disposition"] = disposition(wanted.name)
    if response.status_code in (200, 206):
        response.headers["Content-Type"] = media_type(wanted.name)
    return response


def disposition(name: bytes) -> str:
    """The Content-Disposition of a download, for any name: plain ASCII for old clients, and the name itself."""
    text = name.decode("utf-8", "replace")
    plain = "".join(each if " " <= each <= "~" and each not in '"\\%' else "_" for each in text)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(text, safe='')}"


def _answer(request: Request, descriptor: int, status: os.stat_result) -> Response:
    etag = f"{status.st_ino:x}-{status.st_size:x}-{status.st_mtime_ns:x}"
    # HTTP dates have whole seconds; rounding up would make a file look newer than it is.
    modified = datetime.fromtimestamp(int(status.st_mtime), UTC)
    headers = {
        "ETag": f'"{etag}"',
        "Last-Modified": http_date(modified),
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    if not is_resource_modified(request.environ, etag=etag, last_modified=modified):
        return Response(status=304, headers=headers)
    start, stop, code = _span(request, etag, modified, status.st_size)
    if code == 416:
        headers["Content-Range"] = f"bytes */{status.st_size}"
        return Response("", status=416, headers=headers, mimetype="text/plain")
    if code == 206:
        headers["Content-Range"] = f"bytes {start}-{stop - 1}/{status.st_size}"
    headers["Content-Length"] = str(stop - start)
    body = () if request.method == "HEAD" else _pieces(descriptor, start, stop)
    # No direct_passthrough: Werkzeug would then not close the response, and so not the file, at its end.
    return Response(body, status=code, headers=headers)


def _span(request: Request, etag: str, modified: datetime, size: int) -> tuple[int, int, int]:
    """Which bytes are wanted, from and up to (not including), and the status that says so."""
    wanted = request.range
    if wanted is None or wanted.units != "bytes" or len(wanted.ranges) != 1 or not _is_same(request, etag, modified):
        return 0, size, 200
    span = wanted.range_for_length(size)
    return (0, 0, 416) if span is None else (span[0], span[1], 206)


def _is_same(request: Request, etag: str, modified: datetime) -> bool:
    """Whether the file is still the one that `If-Range` speaks of."""
    if_range = request.if_range
    if if_range.etag is not None:
        return if_range.etag == etag
    return if_range.date is None or if_range.date == modified


def _pieces(descriptor: int, start: int, stop: int) -> Iterator[bytes]:
    # Not past `stop`, however the file grows meanwhile: the length is promised already.
    while start < stop:
        piece = os.pread(descriptor, min(CHUNK_BYTES, stop - start), start)
        if not piece:
            return
        start += len(piece)
        yield piece


def media_type(name: bytes) -> str:
    """What the name says that a file is."""
    return mimetypes.guess_type(name.decode("utf-8", "replace"))[0] or "application/octet-stream"
