"""Answers an HTTP request with an archive, or with a list of what is in it: the same for pages and the API."""

from collections.abc import Callable, Iterator
from typing import Final, Literal

from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse

from moorage.files.archives.body import archive_blocks, check_beginning
from moorage.files.archives.layout import FORMS, LAYOUTS
from moorage.files.archives.listing import listed_files
from moorage.files.archives.lists import DIGESTS_NAME, FACTS_NAME, ListedFile, digest_line, facts_line, in_blocks
from moorage.files.archives.selection import Selection
from moorage.files.disposition import content_disposition
from moorage.files.filters import Wanted
from moorage.files.ranges import Span
from moorage.files.serving import GUARDS, ranged_response
from moorage.projects.models import Project
from moorage.storage.layout import StoreLayout

ArchiveFormat = Literal["zip", "tar"]
ListFormat = Literal["sha256sum", "jsonl"]

_LISTS: Final[dict[str, tuple[str, str, Callable[[ListedFile], str]]]] = {
    "sha256sum": (DIGESTS_NAME, "text/plain; charset=utf-8", digest_line),
    "jsonl": (FACTS_NAME, "application/jsonl", facts_line),
}


def archive_response(
    request: HttpRequest, selection: Selection, *, form: ArchiveFormat, store: StoreLayout
) -> HttpResponseBase:
    """The answer to a request for a selection as one file, streamed. Ranges and entity tags as for a file's bytes.

    Raises:
        CorruptContentError: an object is known to be damaged, or is one of the first and not as recorded.
    """
    layout = LAYOUTS.of(selection, FORMS[form])

    def body(span: Span) -> Iterator[bytes]:
        check_beginning(layout, span, store=store)
        return archive_blocks(layout, span, store=store)

    name = f"{selection.name}.{form}"
    return ranged_response(request, tag=layout.tag, size_bytes=layout.size_bytes, name=name, body=body)


def list_response(
    project: Project, selection: Selection, *, form: ListFormat, wanted: Wanted | None = None
) -> HttpResponseBase:
    """The digests of a selection, or of what a filter wants of it, for `sha256sum -c`; or the facts as JSON lines."""
    name, kind, line = _LISTS[form]
    blocks = in_blocks(map(line, listed_files(project, selection, wanted=wanted)))
    response = StreamingHttpResponse(blocks, content_type=kind)
    for header, value in {**GUARDS, "Content-Disposition": content_disposition(name)}.items():
        response.headers[header] = value
    return response
