"""The bytes of any part of an archive, made from rows and objects as they are sent.

Nothing before the part is made. An object that is not as its row says, or has not been read for too long, is read
before its bytes are sent. One that is damaged ends the body with an error: the answer is then shorter than it promised,
and no client takes it as whole.
"""

import time
from collections.abc import Generator, Iterator, Sequence
from typing import Final

from moorage.errors import CorruptContentError
from moorage.files.archives.layout import Layout
from moorage.files.archives.pieces import Member
from moorage.files.content import Blocks, ObjectTouchedError, check_without_reading
from moorage.files.models import FileVersion, ObjectState
from moorage.files.proving import open_proved
from moorage.files.ranges import Span
from moorage.storage.layout import StoreLayout

SEND_BYTES: Final = 2**18
CHECKED_FIRST: Final = 1000
READ_FIRST_SECONDS: Final = 20.0  # what is doubtful beyond that is read when its turn comes, so that clients stay
PATIENCE_SECONDS: Final = 600.0  # for a turn to read: an archive that breaks off is dearer than one that pauses


class ArchiveChangedError(CorruptContentError):
    """The rows of a published revision are not those that were measured."""

    code = "archive.changed"

    def __init__(self) -> None:
        super().__init__(
            "The files of this revision are not what they were when the archive was measured. "
            "Ask the operator to run moorage-server check."
        )


def check_beginning(layout: Layout, span: Span, *, store: StoreLayout) -> None:
    """Find what is known before the first byte: damaged objects, and the state on disk of what is sent first.

    Raises:
        CorruptContentError: an object of the archive is missing, or not as it was recorded.
        BeingReadError: one of the first must be read, and that cannot begin at once.
    """
    selection, folder_ids = layout.plan.selection, layout.plan.folder_ids
    chosen = {file.version_id for file in selection.files}
    damaged = FileVersion.objects.at(selection.revision).filter(
        project=selection.project_id, stored_object__state=ObjectState.DAMAGED
    )
    found = list(damaged.select_related("stored_object"))
    held = set(folder_ids) if found else set()
    for version in found:
        if version.pk in chosen or version.directory_id in held:
            raise ObjectTouchedError(version.name, version.stored_object.digest)
    checked, reads_until = 0, time.monotonic() + READ_FIRST_SECONDS
    for _, _, member in _members(layout, span.start, span.start + span.length):
        if member.version is not None:
            if time.monotonic() < reads_until:
                open_proved(member.version, store=store).close()
            else:
                check_without_reading(member.version, store=store)
            checked += 1
        if checked == CHECKED_FIRST:
            return


def archive_blocks(layout: Layout, span: Span, *, store: StoreLayout) -> Generator[bytes, None, None]:
    """The bytes of a span of the archive, small ones put together. Closing it closes the open object.

    Raises:
        CorruptContentError: an object is missing or was touched; what was given out must be thrown away.
    """
    waiting: list[bytes] = []
    length = 0
    for block in _span(layout, span.start, span.start + span.length, store):
        if waiting and length + len(block) > SEND_BYTES:
            yield b"".join(waiting)
            waiting, length = [], 0
        if len(block) >= SEND_BYTES:
            yield block
        else:
            waiting.append(block)
            length += len(block)
    if waiting:
        yield b"".join(waiting)


def _span(layout: Layout, start: int, end: int, store: StoreLayout) -> Iterator[bytes]:
    parts, form = layout.whole.parts, layout.form
    for position, length, member in _members(layout, start, min(end, parts)):
        yield from _part(layout, member, max(0, start - position), min(length, end - position), store)
    index_end = parts + layout.index_bytes
    if start < index_end and end > parts:
        yield from _index(layout, max(0, start - parts), min(end, index_end) - parts)
    if end > index_end:
        yield form.ending(layout.whole)[max(0, start - index_end) : end - index_end]


def _members(layout: Layout, start: int, end: int) -> Iterator[tuple[int, int, Member]]:
    """The entries whose parts reach into a span: where each begins, how long it is."""
    if start >= min(end, layout.whole.parts):
        return
    for number in range(layout.piece_at(layout.parts_at, start), len(layout.pieces)):
        position = layout.parts_at[number]
        if position >= end:
            return
        for member in layout.plan.read(layout.pieces[number]):
            length = layout.form.lengths(member.entry.path, member.entry.size_bytes).parts
            if position >= end:
                return
            if position + length > start:
                yield position, length, member
            position += length
        if position != _next_sum(layout.parts_at, number, layout.whole.parts):
            raise ArchiveChangedError


def _part(layout: Layout, member: Member, start: int, end: int, store: StoreLayout) -> Iterator[bytes]:
    """From `start` to `end` of an entry's header, bytes and padding."""
    entry = member.entry
    header = layout.form.header(entry)
    content_end = len(header) + entry.size_bytes
    if start < len(header):
        yield header[start:end]
    first, last = max(start, len(header)), min(end, content_end)
    # An empty file's object is opened, too: missing is missing.
    if member.version is not None and first <= last:
        content = open_proved(member.version, store=store, patience_seconds=PATIENCE_SECONDS)
        with content:
            yield from Blocks(content, first - len(header), last - first)
    if end > content_end:
        yield bytes(end - max(start, content_end))


def _index(layout: Layout, start: int, end: int) -> Iterator[bytes]:
    for number in range(layout.piece_at(layout.index_at, start), len(layout.pieces)):
        position, part_at = layout.index_at[number], layout.parts_at[number]
        if position >= end:
            return
        records = []
        for entry in layout.plan.read_entries(layout.pieces[number]):
            records.append(layout.form.record(entry, part_at=part_at, whole=layout.whole))
            part_at += layout.form.lengths(entry.path, entry.size_bytes).parts
        made = b"".join(records)
        if position + len(made) != _next_sum(layout.index_at, number, layout.index_bytes):
            raise ArchiveChangedError
        yield made[max(0, start - position) : end - position]


def _next_sum(sums: Sequence[int], number: int, whole: int) -> int:
    return sums[number + 1] if number + 1 < len(sums) else whole
