"""What an undo does, path by path: planned alike for the page that tells it beforehand and for the undo itself.

Undo of revision n takes back what n left, where it still stands (design §4). A path is left alone, and
reported, when what stands there is not what n left, when a folder above it is now a file, or when a later
import found the same file there. Nothing is written here; see `files.undoing`.
"""

from array import array
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final
from uuid import UUID

from django.db import connection

from moorage.files.models import DirectoryVersion, FileVersion
from moorage.files.paths import join_path
from moorage.files.version_ids import version_ids
from moorage.files.ways import below_files, folder_paths, rows_about
from moorage.projects.models import Project

CHUNK_ROWS: Final = 400

CHANGED: Final = "undo.changed"  # something else stands there now
GONE: Final = "undo.gone"  # no file stands there any more
PARENT_IS_FILE: Final = "undo.parent_is_file"
FOUND_AGAIN: Final = "undo.found_again"  # a later import found it identical
WHY_LEFT: Final[Mapping[str, str]] = {
    CHANGED: "something else stands there now",
    GONE: "it has been moved or removed since",
    PARENT_IS_FILE: "a file stands where its folder would be",
    FOUND_AGAIN: "a later import brought the same file",
}

FoundAgain = Callable[[Collection[str]], set[str]]
"""Of these paths, those that later imports, not undone themselves, found in the project as they were."""


@dataclass(frozen=True)
class PathPlan:
    """One path. `ends` and `restores` are ids of file versions; where `left` says why, neither is done.

    `bytes_back` is the size of what is restored.
    """

    path: str
    ends: Any = None
    restores: Any = None
    bytes_back: int = 0
    left: str = ""


@dataclass(frozen=True)
class UndoOf:
    """The undo of a published revision as it would be at a revision of the project."""

    project_id: UUID
    undone: int
    head: int
    found_again: FoundAgain

    def brought(self, *, most: int | None = None) -> Iterator[Sequence[Any]]:
        """Ids of the file versions that began in the undone revision, in chunks; where wanted, not all of them."""
        rows = FileVersion.objects.filter(project=self.project_id, since=self.undone)
        return version_ids(rows, chunk=CHUNK_ROWS, most=most)

    def taken(self, *, most: int | None = None) -> Iterator[Sequence[Any]]:
        """Ids of the file versions that ended in it, in chunks; those that it replaced are among them."""
        rows = FileVersion.objects.filter(project=self.project_id, until=self.undone)
        return version_ids(rows, chunk=CHUNK_ROWS, most=most)

    def plan_brought(self, ids: Sequence[Any]) -> Iterator[PathPlan]:
        """Paths at which the undone revision left a file."""
        rows = rows_about(_BROUGHT, ids, undone=self.undone, head=self.head)
        paths = folder_paths({row[1] for row in rows})
        descended = self._descended({row[4] for row in rows if row[4] not in {None, row[0]} and row[5] == row[6]})
        wanted = {row[0]: join_path(paths[row[1]], row[2]) for row in rows}
        again = self.found_again(wanted.values())
        for left, _, _, before, stands, _, _, size in rows:
            path = wanted[left]
            if stands != left and left not in descended.get(stands, ()):
                yield PathPlan(path, left=GONE if stands is None else CHANGED)
            elif path in again:
                yield PathPlan(path, left=FOUND_AGAIN)
            else:
                yield PathPlan(path, ends=stands, restores=before, bytes_back=size or 0)

    def plan_taken(self, ids: Sequence[Any], *, view: int) -> Iterator[PathPlan]:
        """Paths from which the undone revision took a file and left nothing, as the project stands at `view`."""
        rows = rows_about(_TAKEN, ids, undone=self.undone, view=view)
        folders = {row[1] for row in rows}
        paths, blocked = folder_paths(folders), below_files(folders, view=view)
        for before, folder, name, is_taken, size in rows:
            path = join_path(paths[folder], name)
            if is_taken:
                yield PathPlan(path, left=CHANGED)
            elif folder in blocked:
                yield PathPlan(path, left=PARENT_IS_FILE)
            else:
                yield PathPlan(path, restores=before, bytes_back=size)

    def folders_brought(self) -> "array[int]":
        """Folders that began in the undone revision, those below before those above; never the first folder."""
        return self._folders(_FOLDERS_BROUGHT)

    def folders_taken(self) -> "array[int]":
        """Folders that ended in the undone revision."""
        return self._folders(_FOLDERS_TAKEN)

    def _folders(self, query: str) -> "array[int]":
        project = Project._meta.pk.get_db_prep_value(self.project_id, connection)
        with connection.cursor() as cursor:
            cursor.execute(query, {"project": project, "undone": self.undone})
            return array("q", (row[0] for row in cursor))

    def _descended(self, ids: Collection[Any]) -> dict[Any, set[Any]]:
        """For versions that undos have written: those that they are copies of."""
        if not ids:
            return {}
        lines: dict[Any, set[Any]] = {}
        for start, ancestor in rows_about(_LINEAGE, list(ids)):
            lines.setdefault(start, set()).add(ancestor)
        return lines


# What the undone revision left, what stood there before, what stands there now.
_BROUGHT: Final = """
    SELECT b.id, b.directory_id, b.name, e.id, v.id, b.object_id, v.object_id, e.size_bytes
    FROM files_fileversion b
    LEFT JOIN files_fileversion e ON e.directory_id = b.directory_id AND e.name = b.name AND e.until = %(undone)s
    LEFT JOIN files_fileversion v ON v.directory_id = b.directory_id AND v.name = b.name
        AND v.since <= %(head)s AND (v.until IS NULL OR v.until > %(head)s)
    WHERE b.id IN ({ids}) ORDER BY b.id
"""
_TAKEN: Final = """
    SELECT e.id, e.directory_id, e.name,
        EXISTS (
            SELECT 1 FROM files_fileversion v WHERE v.directory_id = e.directory_id AND v.name = e.name
            AND v.since <= %(view)s AND (v.until IS NULL OR v.until > %(view)s)
        ) OR EXISTS (
            SELECT 1 FROM files_directory d JOIN files_directoryversion w ON w.directory_id = d.id
            WHERE d.parent_id = e.directory_id AND d.name = e.name
            AND w.since <= %(view)s AND (w.until IS NULL OR w.until > %(view)s)
        ), e.size_bytes
    FROM files_fileversion e
    WHERE e.id IN ({ids}) AND NOT EXISTS (
        SELECT 1 FROM files_fileversion b
        WHERE b.directory_id = e.directory_id AND b.name = e.name AND b.since = %(undone)s
    )
    ORDER BY e.id
"""
# An undo's version is a copy of the one that ended, at the same path, in what it undoes; and so on.
_LINEAGE: Final = """
    WITH RECURSIVE line(start_id, id) AS (
        SELECT id, id FROM files_fileversion WHERE id IN ({ids})
        UNION ALL
        SELECT line.start_id, f.id
        FROM line JOIN files_fileversion c ON c.id = line.id
        JOIN files_revision r ON r.project_id = c.project_id AND r.number = c.since AND r.kind = 'undo'
        JOIN files_revision q ON q.id = r.undoes_id
        JOIN files_fileversion f ON f.directory_id = c.directory_id AND f.name = c.name AND f.until = q.number
    )
    SELECT start_id, id FROM line
"""
# A folder whose totals changed has both a version that ends and one that begins. Ids of folders grow downwards.
_FOLDERS_BROUGHT: Final = """
    SELECT w.directory_id FROM files_directoryversion w JOIN files_directory d ON d.id = w.directory_id
    WHERE w.project_id = %(project)s AND w.since = %(undone)s AND d.parent_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM files_directoryversion o WHERE o.directory_id = w.directory_id AND o.until = %(undone)s
    ) ORDER BY w.directory_id DESC
"""
_FOLDERS_TAKEN: Final = """
    SELECT w.directory_id FROM files_directoryversion w
    WHERE w.project_id = %(project)s AND w.until = %(undone)s AND NOT EXISTS (
        SELECT 1 FROM files_directoryversion o WHERE o.directory_id = w.directory_id AND o.since = %(undone)s
    ) ORDER BY w.directory_id
"""


def in_chunks(ids: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """Cut a list into pieces that one transaction can take."""
    rest = iter(ids)
    while chunk := list(islice(rest, CHUNK_ROWS)):
        yield chunk


def still_open(ids: Collection[int]) -> set[int]:
    """Those of these folders that are there, in the revision being written."""
    return set(DirectoryVersion.objects.filter(directory__in=ids, until=None).values_list("directory_id", flat=True))
