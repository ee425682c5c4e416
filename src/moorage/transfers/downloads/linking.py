"""One batch of a tree's links, and the lines of its lists. Runs in an executor's process: no Django, no database.

It may be done twice: what is linked already stays, and the same lines come again.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from moorage.files.archives.lists import origin, written_digest, written_facts
from moorage.storage.links import Links, added

_DASHLESS: Final = 32


class Row(NamedTuple):
    """A file of a tree. Packed it is these fields as one text, in this order, which the database makes and a process of
    the executor takes apart: no name holds what is between two rows, and no other field what is between two fields.
    """

    size_bytes: str
    modified_ns: str  # of its object
    version: str  # its id
    modified_at: str  # of UTC: 2026-11-30 12:34:56.123456
    since: str
    digest: str
    is_doubtful: str  # 1: its object must be read before it is given out
    name: str


BETWEEN_FIELDS: Final = ","
BETWEEN_ROWS: Final = "/"
_SPLITS: Final = len(Row._fields) - 1


def unpacked(row: str) -> Row:
    """The fields of a packed row."""
    fields = Row._make(row.split(BETWEEN_FIELDS, _SPLITS))
    return fields._replace(digest=fields.digest.lower())


def packed(row: Row) -> str:
    """A row as one text."""
    return BETWEEN_FIELDS.join(row)


class FolderRows(NamedTuple):
    """A folder, and some of the files that lie in it, packed. `may_doubt`: one of them may have to be read first.
    `since` has the revisions that may have brought them.
    """

    path: str
    rows: list[str]
    may_doubt: bool = True
    since: range = range(0)


class LinkOrder(NamedTuple):
    """A batch. `began`: by whom and from which upload each revision is that brought one of its files."""

    tree: str
    objects: str
    folders: list[FolderRows]
    began: Mapping[int, tuple[str, str]]


class Linked(NamedTuple):
    """What became of a batch. `touched`: files whose objects are not as their rows say; they were left out."""

    files: int
    size_bytes: int
    sum: int
    digests: bytes
    facts: bytes
    touched: list[tuple[int, int]]


def link_batch(order: LinkOrder) -> Linked:
    """Link a batch of files.

    Raises:
        OSError: no room, or the file system fails.
    """
    total, touched, lines = 0, list[tuple[int, int]](), Lines()
    origins = {str(since): origin(since, *began) for since, began in order.began.items()}
    with Links(Path(order.tree), Path(order.objects)) as links:
        for number, (path, rows, _, _) in enumerate(order.folders):
            fields = [row.split(BETWEEN_FIELDS, _SPLITS) for row in rows]
            files = [
                (one[_NAME].encode(), one[_DIGEST].lower(), int(one[_SIZE]), int(one[_MODIFIED])) for one in fields
            ]
            more, odd = links.link_all(files, path)
            total += more
            touched += [(number, position) for position in odd]
            if odd:
                fields = [one for position, one in enumerate(fields) if position not in odd]
            lines.add(path, fields, origins)
    return Linked(len(lines.digests), lines.size_bytes, added(0, total), *lines.written(), touched)


_NAME, _DIGEST, _SIZE, _MODIFIED = map(Row._fields.index, ("name", "digest", "size_bytes", "modified_ns"))


@dataclass
class Lines:
    """The lines of our lists for the files of a batch, and how many bytes these files have."""

    digests: list[str] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)
    size_bytes: int = 0

    def add(self, folder: str, fields: Iterable[Sequence[str]], origins: Mapping[str, str]) -> None:
        """Write the lines of some files of a folder, whose fields are Row's; `origins` by the revisions that brought
        them.
        """
        prefix = f"{folder}/" if folder else ""
        for size, _, version, modified, since, digest, _, name in fields:
            path, digits = prefix + name, digest.lower()
            self.digests.append(written_digest(path, digits))
            version_at = f'"modified_at":"{_moment(modified)}","version":"{_id(version)}",{origins[since]}'
            self.facts.append(written_facts(path, int(size), digits, version_at))
            self.size_bytes += int(size)

    def written(self) -> tuple[bytes, bytes]:
        """Digests and facts, as they stand in the lists."""
        return "".join(self.digests).encode(), "".join(self.facts).encode()


def _moment(at: str) -> str:
    """A time as RFC 3339 has it."""
    return f"{at[:10]}T{at[11:]}Z"


def _id(version: str) -> str:
    """SQLite keeps a UUID without its dashes."""
    if len(version) != _DASHLESS:
        return version
    return f"{version[:8]}-{version[8:12]}-{version[12:16]}-{version[16:20]}-{version[20:]}"
