"""Ways from a folder up to the project's first one: paths by ids, and files that stand on them. Reads only."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from django.db import connection

from moorage.files.models import FileVersion
from moorage.files.paths import join_path

_UPWARDS: Final = """
    WITH RECURSIVE up(start_id, parent_id, name, height) AS (
        SELECT id, parent_id, name, 0 FROM files_directory WHERE id IN ({ids})
        UNION ALL
        SELECT up.start_id, d.parent_id, d.name, up.height + 1 FROM up JOIN files_directory d ON d.id = up.parent_id
    )
"""
# Each folder on the ways once, however many of them it is on.
_WAYS: Final = """
    WITH RECURSIVE up(id, parent_id, name) AS (
        SELECT id, parent_id, name FROM files_directory WHERE id IN ({ids})
        UNION
        SELECT d.id, d.parent_id, d.name FROM up JOIN files_directory d ON d.id = up.parent_id
    )
    SELECT id, parent_id, name FROM up
"""
_BELOW_FILES: Final = f"""{_UPWARDS}
    SELECT DISTINCT up.start_id FROM up
    JOIN files_fileversion v ON v.directory_id = up.parent_id AND v.name = up.name
    WHERE v.since <= %(view)s AND (v.until IS NULL OR v.until > %(view)s)
"""  # noqa: S608 - only our own text is put together


def folder_paths(ids: Collection[int]) -> dict[int, str]:
    """The paths of folders, by their ids, in one query."""
    up = {pk: (parent, name) for pk, parent, name in rows_about(_WAYS, list(ids))}
    # Folders of one parent share its path; any other would be text that grows with the square of the depth.
    above = {parent: _path_of(parent, up) for parent in {up[folder][0] for folder in ids if folder in up}}
    return {folder: join_path(above[up[folder][0]], up[folder][1]) for folder in ids if folder in up}


def _path_of(folder: int | None, up: Mapping[int, tuple[int | None, str]]) -> str:
    names = []
    while folder is not None:
        folder, name = up[folder]
        names.append(name)
    return "/".join(names[-2::-1])  # the last is the project's own folder, without name


def below_files(ids: Collection[int], *, view: int) -> set[int]:
    """Those of these folders at whose path, or above it, a file stands."""
    return {row[0] for row in rows_about(_BELOW_FILES, list(ids), view=view)}


def rows_about(query: str, ids: Sequence[Any], **parameters: int) -> list[tuple[Any, ...]]:
    """Run one of our own queries about these ids, which come back in the form in which they went in."""
    if not ids:
        return []
    named = {f"id{number}": _adapted(value) for number, value in enumerate(ids)}
    placeholders = ", ".join(f"%({name})s" for name in named)
    with connection.cursor() as cursor:
        cursor.execute(query.format(ids=placeholders), {**named, **parameters})
        return list(cursor.fetchall())


def _adapted(value: Any) -> Any:
    return FileVersion._meta.pk.get_db_prep_value(value, connection) if isinstance(value, UUID) else value
