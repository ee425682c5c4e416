"""What differs between two revisions of a project: files added, changed and removed, folders added and removed.

A folder whose version is the same at both holds no difference, so only those that were touched are walked. The
order is that of a walk: each folder, its files by name, then the folders in it by name. Paging is by the last path
that was told, so a page costs the same wherever it is.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any, Final, Literal, NamedTuple

from django.db import connection

from moorage.files.cursors import CursorError, decode_cursor, encode_cursor, page_size
from moorage.files.directories import find_chain
from moorage.files.items import resolve_revision
from moorage.files.models import FileVersion
from moorage.files.paths import PathNotFoundError, join_path, split_path
from moorage.projects.models import Project

ROWS_PER_QUERY: Final = 500

Difference = Literal["added", "changed", "removed"]


@dataclass(frozen=True)
class Side:
    """A file at one of the two revisions."""

    size_bytes: int
    digest: str


@dataclass(frozen=True)
class ChangedItem:
    """A path that differs. `before` and `after` are of files: at the first and at the second revision, where there."""

    change: Difference
    kind: Literal["file", "directory"]
    path: str
    before: Side | None = None
    after: Side | None = None


@dataclass(frozen=True)
class ChangesPage:
    first: int
    second: int
    items: list[ChangedItem]
    next: str | None


class _Folder(NamedTuple):
    directory_id: int
    path: str


def changes_between(
    project: Project,
    *,
    first: int | None = None,
    second: int | None = None,
    cursor: str | None = None,
    limit: int | None = None,
) -> ChangesPage:
    """A page of what differs from revision `first` to revision `second`.

    `second` is the head by default, `first` the revision before `second`. A cursor keeps both.

    Raises:
        RevisionNotFoundError: one of them is not published.
        CursorError: the cursor is none of ours, or of another comparison.
    """
    after: tuple[str, str] | None = None
    if cursor:
        kept_first, kept_second, kind, path = decode_cursor(cursor, int, int, str, str)
        if first not in {None, kept_first} or second not in {None, kept_second} or kind not in {"file", "directory"}:
            raise CursorError
        first, second, after = int(kept_first), int(kept_second), (str(kind), str(path))
    second = resolve_revision(project, second)
    first = resolve_revision(project, max(0, second - 1) if first is None else first)
    size = page_size(limit)
    found = list(islice(_Walk(project, first, second).items(after), size + 1))
    following = None
    if len(found) > size:
        last = found[size - 1]
        following = encode_cursor(first, second, last.kind, last.path)
    return ChangesPage(first, second, found[:size], following)


_VISIBLE: Final = "({0}.since <= %({1})s AND ({0}.until IS NULL OR {0}.until > %({1})s))"
# Folders in a folder whose version is not the same at both revisions, and whether they are there at each.
_FOLDERS: Final = f"""
    SELECT d.id, d.name, a.id IS NOT NULL, b.id IS NOT NULL
    FROM files_directory d
    LEFT JOIN files_directoryversion a ON a.directory_id = d.id AND {_VISIBLE.format("a", "first")}
    LEFT JOIN files_directoryversion b ON b.directory_id = d.id AND {_VISIBLE.format("b", "second")}
    WHERE d.parent_id = %(folder)s AND d.name > %(after)s AND COALESCE(a.id, 0) <> COALESCE(b.id, 0)
    ORDER BY d.name LIMIT %(rows)s
"""  # noqa: S608 - only our own text is put together
# Names in a folder at which a file begins or ends between the two revisions.
_NAMES: Final = """
    SELECT DISTINCT name FROM files_fileversion
    WHERE directory_id = %(folder)s AND name > %(after)s AND (
        (since > %(low)s AND since <= %(high)s) OR (until > %(low)s AND until <= %(high)s)
    ) ORDER BY name LIMIT %(rows)s
"""


@dataclass(frozen=True)
class _Walk:
    """The walk through what differs between two revisions of a project."""

    project: Project
    first: int
    second: int

    def items(self, after: tuple[str, str] | None) -> Iterator[ChangedItem]:
        """All that differs, or all that comes after one that was told (its kind and path)."""
        kind, path = after or ("directory", "")
        try:
            names = split_path(path)
        except PathNotFoundError as error:
            raise CursorError from error
        chain = find_chain(self.project.pk, names)
        depth = len(names) if kind == "directory" else len(names) - 1
        if len(chain) <= depth:
            if chain:
                raise CursorError
            return
        way = [_Folder(pk, "/".join(names[:number])) for number, pk in enumerate(chain[: depth + 1])]
        waiting = [self._folders_in(above, after_name=below.path.rpartition("/")[2]) for above, below in pairwise(way)]
        yield from self._files_in(way[-1], after_name=names[-1] if kind == "file" else "")
        waiting.append(self._folders_in(way[-1]))
        # Not by recursion: a path may have two thousand folders.
        while waiting:
            folder, item = next(waiting[-1], (None, None))
            if folder is None:
                waiting.pop()
                continue
            if item is not None:
                yield item
            yield from self._files_in(folder)
            waiting.append(self._folders_in(folder))

    def _folders_in(self, folder: _Folder, *, after_name: str = "") -> Iterator[tuple[_Folder, ChangedItem | None]]:
        """Folders in a folder below which something differs; and what is to be told of those that came or went."""
        while True:
            rows = self._rows(_FOLDERS, folder=folder.directory_id, after=after_name, rows=ROWS_PER_QUERY)
            for directory_id, name, was, stands in rows:
                path = join_path(folder.path, name)
                differs = bool(was) != bool(stands)
                item = ChangedItem("removed" if was else "added", "directory", path) if differs else None
                yield _Folder(directory_id, path), item
            if len(rows) < ROWS_PER_QUERY:
                return
            after_name = rows[-1][1]

    def _files_in(self, folder: _Folder, *, after_name: str = "") -> Iterator[ChangedItem]:
        low, high = sorted((self.first, self.second))
        while True:
            rows = self._rows(
                _NAMES, folder=folder.directory_id, after=after_name, rows=ROWS_PER_QUERY, low=low, high=high
            )
            names = [row[0] for row in rows]
            before, after = (self._sides(folder, names, number) for number in (self.first, self.second))
            for name in names:
                item = _compared(join_path(folder.path, name), before.get(name), after.get(name))
                if item is not None:
                    yield item
            if len(names) < ROWS_PER_QUERY:
                return
            after_name = names[-1]

    def _sides(self, folder: _Folder, names: Sequence[str], revision: int) -> Mapping[str, Side]:
        versions = FileVersion.objects.at(revision).filter(directory=folder.directory_id, name__in=names)
        rows = versions.values_list("name", "size_bytes", "stored_object__digest")
        return {name: Side(size, digest) for name, size, digest in rows}

    def _rows(self, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
        with connection.cursor() as cursor:
            cursor.execute(query, {"first": self.first, "second": self.second, **parameters})
            return list(cursor.fetchall())


def _compared(path: str, before: Side | None, after: Side | None) -> ChangedItem | None:
    if before == after:  # also where a file came and went in between
        return None
    change: Difference = "added" if before is None else "removed" if after is None else "changed"
    return ChangedItem(change, "file", path, before, after)
