"""One batch of a tree's links, and the lines of its lists. Runs in an executor's process: no Django, no database.

It may be done twice: what is linked already stays, and the same lines come again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from moorage.files.archives.lists import origin, written_digest, written_facts
from moorage.storage.links import Links, added

_DASHLESS: Final = 32
_WITH_FRACTION: Final = 26


class Row(NamedTuple):
    """A file of a tree, as the database gives it: time and id of its version are texts.

    Rows travel as plain tuples: a hundred thousand of those are read and sent in half the time.
    """

    directory_id: int
    name: str
    size_bytes: int
    version: str
    modified_at: str
    since: int
    digest: bytes
    modified_ns: int
    is_doubtful: int  # its object must be read before it is given out


Rows = Sequence[tuple[Any, ...]]  # of Row's fields

_NAME, _DIGEST, _SIZE, _MODIFIED_NS = map(Row._fields.index, ("name", "digest", "size_bytes", "modified_ns"))


class FolderRows(NamedTuple):
    """A folder, and some of the files that lie in it."""

    path: str
    rows: Rows


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
    origins = {since: origin(since, *began) for since, began in order.began.items()}
    with Links(Path(order.tree), Path(order.objects)) as links:
        for number, (path, rows) in enumerate(order.folders):
            files = [(row[_NAME].encode(), row[_DIGEST].hex(), row[_SIZE], row[_MODIFIED_NS]) for row in rows]
            more, odd = links.link_all(files, path)
            total += more
            touched += [(number, position) for position in odd]
            lines.add(path, [row for position, row in enumerate(rows) if position not in odd] if odd else rows, origins)
    return Linked(len(lines.digests), lines.size_bytes, added(0, total), *lines.written(), touched)


@dataclass
class Lines:
    """The lines of our lists for the files of a batch, and how many bytes these files have."""

    digests: list[str] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)
    size_bytes: int = 0

    def add(self, folder: str, rows: Rows, origins: Mapping[int, str]) -> None:
        """Write the lines of some files of a folder; `origins` by the revisions that brought them."""
        prefix = f"{folder}/" if folder else ""
        for _, name, size, version, modified, since, digest, _, _ in rows:
            path, digits = prefix + name, digest.hex()
            self.digests.append(written_digest(path, digits))
            version_at = f'"modified_at":"{_moment(modified)}","version":"{_id(version)}",{origins[since]}'
            self.facts.append(written_facts(path, size, digits, version_at))
            self.size_bytes += size

    def written(self) -> tuple[bytes, bytes]:
        """Digests and facts, as they stand in the lists."""
        return "".join(self.digests).encode(), "".join(self.facts).encode()


def _moment(at: str) -> str:
    """A time as RFC 3339 has it; SQLite's has no zone, and PostgreSQL's leaves zeros out."""
    if len(at) == _WITH_FRACTION:
        return f"{at[:10]}T{at[11:]}Z"
    seconds, _, fraction = at.removesuffix("+00").partition(".")
    return f"{seconds[:10]}T{seconds[11:]}{'.' if fraction else ''}{fraction.ljust(6, '0') if fraction else ''}Z"


def _id(version: str) -> str:
    """SQLite keeps a UUID without its dashes."""
    if len(version) != _DASHLESS:
        return version
    return f"{version[:8]}-{version[8:12]}-{version[12:16]}-{version[16:20]}-{version[20:]}"
