"""What the formats of archives have in common: an entry, and how long its parts are before one is written. Pure.

An archive is the parts of its entries one after the other (header, bytes, padding), then the records of an index, and
an ending. Each length follows from an entry's path and size alone, so any place in the archive can be computed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol


@dataclass(frozen=True, slots=True)
class Entry:
    """A file or a folder in an archive. The path is UTF-8 and ends with a slash if it is a folder's."""

    path: bytes
    size_bytes: int
    crc32: int
    modified_s: int

    @property
    def is_folder(self) -> bool:
        return self.path.endswith(b"/")


class Sized(NamedTuple):
    """The path of an entry, and the size of its bytes; a folder's path ends with a slash."""

    path: bytes
    size_bytes: int


class Lengths(NamedTuple):
    """Bytes that entries take among the parts and in the index, and how many entries they are."""

    entries: int
    parts: int
    records: int

    def plus(self, other: "Lengths") -> "Lengths":
        return Lengths(self.entries + other.entries, self.parts + other.parts, self.records + other.records)


NOTHING = Lengths(0, 0, 0)


class ArchiveForm(Protocol):
    """One format. `whole` is always what all entries of the archive take, as `lengths` counts it."""

    suffix: str

    def lengths(self, path: bytes, size_bytes: int) -> Lengths:
        """What one entry takes; its index record as in an archive that is short."""
        ...

    def lengths_of(self, some: Sequence[Sized]) -> Lengths:
        """The sum of the lengths of some entries: a million of them are measured before the first byte is sent."""
        ...

    def header(self, entry: Entry) -> bytes:
        """What stands before an entry's bytes."""
        ...

    def padding_bytes(self, size_bytes: int) -> int:
        """How many zeros follow an entry's bytes."""
        ...

    def index_bytes(self, some: Lengths, whole: Lengths) -> int:
        """What the index records of some entries take in this archive."""
        ...

    def record(self, entry: Entry, *, part_at: int, whole: Lengths) -> bytes:
        """An entry's index record; its part begins at `part_at`."""
        ...

    def ending(self, whole: Lengths) -> bytes:
        """What follows the index."""
        ...
