"""Folders: their identities, made once and kept for ever, and their versions, which say when they are there.

Everything that writes here does so under the right to register, in batches of its own, above the head. The
totals of folders are in `files.totals`; lists of what a folder holds are in `files.browsing`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import islice
from typing import Final
from uuid import UUID

from django.db import connection

from moorage.files.models import Directory, DirectoryVersion
from moorage.files.paths import parent_path
from moorage.files.registering import RegisterRight
from moorage.files.totals import write_totals
from moorage.projects.models import Project

__all__ = [
    "begin_directories",
    "end_directories",
    "ensure_directories",
    "find_chain",
    "identify_directories",
    "known_directories",
    "write_totals",
]

BATCH_ROWS: Final = 400
WRITE_ROWS: Final = 200  # a transaction of more takes too long on SQLite
WRITE_LEVELS: Final = 16  # so does one of more depths, for each is asked for the ids that the next one needs


def ensure_directories(right: RegisterRight, paths: Iterable[str]) -> dict[str, int]:
    """`identify_directories` under the right to register.

    Raises:
        RightLostError: the right is another's.
    """
    return identify_directories(right.project_id, paths, batch=right.batch)


def identify_directories(
    project_id: UUID, paths: Iterable[str], *, batch: Callable[[], AbstractContextManager[None]]
) -> dict[str, int]:
    """The ids of these folders and of all above them, by path; the empty path is the project's first folder.

    Makes the identities that are missing, each `batch` a transaction of its own. That a folder has an identity does
    not yet mean that it is there (see `begin_directories`), so no right is needed for it.
    """
    ids = {"": _ensure_root(project_id, batch)}
    levels = _levels(paths)
    _learn(ids, levels)
    for portion in _portions([path for path in level if path not in ids] for level in levels):
        with batch():
            for some in portion:
                ids.update(_make(project_id, ids, some))
    return ids


def known_directories(project_id: UUID, paths: Iterable[str]) -> dict[str, int]:
    """Like `ensure_directories`, but makes nothing: paths that never were a folder are left out."""
    root = Directory.objects.filter(project=project_id, parent=None).values_list("pk", flat=True).first()
    if root is None:
        return {}
    ids = {"": root}
    _learn(ids, _levels(paths))
    return ids


def _learn(ids: dict[str, int], levels: Iterable[Sequence[str]]) -> None:
    """Add the ids of those of these paths that have an identity."""
    for level in levels:
        reachable = (path for path in level if parent_path(path) in ids)
        for chunk in _chunks(reachable):
            ids.update(_look_up(ids, chunk))


def _levels(paths: Iterable[str]) -> list[list[str]]:
    """All paths and their ancestors, by depth, each depth in the order of its paths."""
    wanted: set[str] = set()
    for path in paths:
        rest = path
        while rest and rest not in wanted:
            wanted.add(rest)
            rest = parent_path(rest)
    levels: dict[int, list[str]] = {}
    # Sorted, so that the folders of one chunk share few parents.
    for path in sorted(wanted):
        levels.setdefault(path.count("/"), []).append(path)
    return [levels[depth] for depth in sorted(levels)]


def _portions(levels: Iterable[Sequence[str]]) -> Iterator[list[Sequence[str]]]:
    """What one transaction makes: some folders of one depth, or the few of several depths, as in a long chain."""
    portion: list[Sequence[str]] = []
    count = 0
    for level in levels:
        for start in range(0, len(level), WRITE_ROWS):
            some = level[start : start + WRITE_ROWS]
            if portion and (count + len(some) > WRITE_ROWS or len(portion) == WRITE_LEVELS):
                yield portion
                portion, count = [], 0
            portion.append(some)
            count += len(some)
    if portion:
        yield portion


def _chunks(paths: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(paths)
    while chunk := list(islice(rest, BATCH_ROWS)):
        yield chunk


def _look_up(ids: dict[str, int], paths: Sequence[str]) -> dict[str, int]:
    """The ids of those of these paths that have an identity; their parents' ids are in `ids`."""
    by_place = {(ids[parent_path(path)], path.rpartition("/")[2]): path for path in paths}
    rows = Directory.objects.filter(
        parent_id__in={parent for parent, _ in by_place}, name__in={name for _, name in by_place}
    ).values_list("parent_id", "name", "pk")
    return {by_place[parent, name]: pk for parent, name, pk in rows if (parent, name) in by_place}


def _make(project_id: UUID, ids: dict[str, int], paths: Sequence[str]) -> dict[str, int]:
    some = [
        Directory(project_id=project_id, parent_id=ids[parent_path(path)], name=path.rpartition("/")[2])
        for path in paths
    ]
    # Another import may make the same one at the same moment.
    Directory.objects.bulk_create(some, ignore_conflicts=True)
    return _look_up(ids, paths)


def _ensure_root(project_id: UUID, batch: Callable[[], AbstractContextManager[None]]) -> int:
    roots = Directory.objects.filter(project=project_id, parent=None).values_list("pk", flat=True)
    known = roots.first()
    if known is not None:
        return known
    with batch():
        Directory.objects.bulk_create([Directory(project_id=project_id, parent=None, name="")], ignore_conflicts=True)
    return roots.get()


def begin_directories(right: RegisterRight, directory_ids: Iterable[int]) -> None:
    """Let these folders be there from this revision on, empty or not; those that are there already stay as they are.

    Folders above them, and above files, need not be named: `write_totals` begins them.

    Raises:
        RightLostError: the right is another's.
    """
    rest = iter(directory_ids)
    while chunk := list(islice(rest, BATCH_ROWS)):
        there = set(
            DirectoryVersion.objects.filter(directory__in=chunk, until=None).values_list("directory_id", flat=True)
        )
        absent = [pk for pk in dict.fromkeys(chunk) if pk not in there]
        for start in range(0, len(absent), WRITE_ROWS):
            some = [
                DirectoryVersion(project_id=right.project_id, directory_id=pk, since=right.number)
                for pk in absent[start : start + WRITE_ROWS]
            ]
            with right.batch():
                DirectoryVersion.objects.bulk_create(some)


def end_directories(right: RegisterRight, directory_ids: Iterable[int]) -> None:
    """Let these folders no longer be there from this revision on. What is in them, the caller ends.

    Raises:
        RightLostError: the right is another's.
    """
    rest = iter(directory_ids)
    while chunk := list(islice(rest, BATCH_ROWS)):
        versions = DirectoryVersion.objects.filter(directory__in=chunk, until=None)
        with right.batch():
            versions.filter(since=right.number).delete()
            versions.update(until=right.number)


def find_chain(project_id: UUID, names: Sequence[str]) -> list[int]:
    """The ids of the project's first folder and of those on the way along `names`, as far as identities lead.

    One query, whatever the depth. The list is shorter than the way when some name was never a folder there;
    it is empty when the project never held anything.
    """
    project = Project._meta.pk.get_db_prep_value(project_id, connection)
    columns: list[str] = []
    parameters: list[int | str] = []
    for depth, name in enumerate(names, start=1):
        columns.append("(%s, %s)" if columns else "(CAST(%s AS integer), CAST(%s AS text))")
        parameters += [depth, name]
    wanted = f"VALUES {', '.join(columns)}" if columns else "SELECT 0, '' WHERE 1 = 0"
    # Only placeholders are put together here; every name is a parameter.
    query = f"""
        WITH RECURSIVE wanted(depth, name) AS ({wanted}),
        way(directory_id, depth) AS (
            SELECT id, 0 FROM files_directory WHERE project_id = %s AND parent_id IS NULL
            UNION ALL
            SELECT d.id, way.depth + 1
            FROM way JOIN wanted ON wanted.depth = way.depth + 1
            JOIN files_directory d ON d.parent_id = way.directory_id AND d.name = wanted.name
        )
        SELECT directory_id FROM way ORDER BY depth
    """  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(query, [*parameters, project])
        return [row[0] for row in cursor.fetchall()]
