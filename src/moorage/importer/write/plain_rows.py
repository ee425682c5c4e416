"""Rows of plain files as both databases take them: which columns there are, and what is alike in all of them."""

from typing import Any, Final

from moorage.importer.batches.plain import CHANGED, CRC32, DIGEST, MODIFIED, SIZE, WIDTH
from moorage.importer.words.verdicts import EntryKind, EntryState

Rows = list[Any]  # WIDTH values for each file; see `plain.PlainAnswer`

OBJECT: Final = (DIGEST, SIZE, CRC32, MODIFIED, CHANGED)  # what of a row its object has
OBJECT_COLUMNS: Final = "verified_at, state, digest, size_bytes, crc32, modified_ns, changed_ns"
ENTRY_COLUMNS: Final = (
    "upload_id, run, path, path_key, name, size_bytes, modified_ns, changed_ns, inode,"
    " directory_id, verdict, digest, crc32, object_id, kind, trouble, state, reason, reason_text, warning, compared"
)


def alike(state: EntryState) -> tuple[str, ...]:
    """The last columns of an entry."""
    return str(EntryKind.FILE), "", str(state), "", "", "", ""


def in_order_of(digests: list[bytes]) -> list[int]:
    """Positions of digests, in their order."""
    return sorted(range(len(digests)), key=digests.__getitem__)


def objects_of(rows: Rows, in_order: list[int]) -> list[Any]:
    """The columns of objects, in an order, as values that follow one another."""
    some: list[Any] = [None] * (len(in_order) * len(OBJECT))
    for place, column in enumerate(OBJECT):
        values = rows[column::WIDTH]
        some[place :: len(OBJECT)] = [values[position] for position in in_order]
    return some


def numbered(numbers: list[int], in_order: list[int]) -> list[int | None]:
    """Numbers that were given out in an order, at the positions that they belong to."""
    object_ids: list[int | None] = [None] * len(in_order)
    for number, position in zip(numbers, in_order, strict=True):
        object_ids[position] = number
    return object_ids
