"""One batch of a tree's links, and the lines of its lists. Runs in an executor's process: no Django, no database.

It may be done twice: what is linked already stays, and the same lines come again.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from moorage.files.archives.lists import ListedFile, digest_line, facts_line
from moorage.files.paths import join_path
from moorage.storage.links import LinkedFile, Links, TouchedError, added


class Row(NamedTuple):
    """A file of a tree, as the database has it. `is_doubtful`: its object must be read before it is given out."""

    directory_id: int
    name: str
    size_bytes: int
    version: UUID
    modified_at: datetime
    since: int
    object_id: int
    digest: str
    modified_ns: int
    is_doubtful: int


class FolderRows(NamedTuple):
    """A folder, and some of the files that lie in it."""

    path: str
    rows: list[Row]


class LinkOrder(NamedTuple):
    """A batch. `began`: by whom and from which upload each revision is that brought one of its files."""

    tree: str
    objects: str
    folders: list[FolderRows]
    began: Mapping[int, tuple[str, str]]


class Linked(NamedTuple):
    """What became of a batch. `touched`: files whose objects are not as their rows say; they were left out."""

    files: int
    sum: int
    digests: bytes
    facts: bytes
    touched: list[tuple[int, int]]


def link_batch(order: LinkOrder) -> Linked:
    """Link a batch of files.

    Raises:
        OSError: no room, or the file system fails.
    """
    total, digests, facts, touched = 0, list[str](), list[str](), list[tuple[int, int]]()
    with Links(Path(order.tree), Path(order.objects)) as links:
        for number, (path, rows) in enumerate(order.folders):
            above = links.folder(path)
            for position, row in enumerate(rows):
                try:
                    total += links.link(LinkedFile(row.name, row.digest, row.size_bytes, row.modified_ns), above)
                except TouchedError:
                    touched.append((number, position))
                    continue
                listed = _listed(path, row, order.began)
                digests.append(digest_line(listed))
                facts.append(facts_line(listed))
    return Linked(len(digests), added(0, total), "".join(digests).encode(), "".join(facts).encode(), touched)


def _listed(path: str, row: Row, began: Mapping[int, tuple[str, str]]) -> ListedFile:
    by, upload = began.get(row.since, ("", ""))
    return ListedFile(
        path=join_path(path, row.name),
        size_bytes=row.size_bytes,
        digest=row.digest,
        modified_at=row.modified_at.astimezone(UTC),
        version=str(row.version),
        revision=row.since,
        by=by,
        upload=upload,
    )
