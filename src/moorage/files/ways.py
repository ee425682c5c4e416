"""Ways from a folder up to the project's first one: paths by ids, and files that stand on them. Reads only."""

from collections.abc import Collection, Sequence
from typing import Any, Final
from uuid import UUID

from django.db import connection

from moorage.files.models import FileVersion

_UPWARDS: Final = """
    WITH RECURSIVE up(start_id, parent_id, name, height) AS (
        SELECT id, parent_id, name, 0 FROM files_directory WHERE id IN ({ids})
        UNION ALL
        SELECT up.start_id, d.parent_id, d.name, up.height + 1 FROM up JOIN files_directory d ON d.id = up.parent_id
    )
"""
_WAYS: Final = f"{_UPWARDS} SELECT start_id, name FROM up ORDER BY start_id, height DESC"  # noqa: S608
_BELOW_FILES: Final = f"""{_UPWARDS}
    SELECT DISTINCT up.start_id FROM up
    JOIN files_fileversion v ON v.directory_id = up.parent_id AND v.name = up.name
    WHERE v.since <= %(view)s AND (v.until IS NULL OR v.until > %(view)s)
"""  # noqa: S608 - only our own text is put together


def folder_paths(ids: Collection[int]) -> dict[int, str]:
    """The paths of folders, by their ids."""
    names: dict[int, list[str]] = {}
    for start, name in rows_about(_WAYS, list(ids)):
        names.setdefault(start, []).append(name)
    return {folder: "/".join(way[1:]) for folder, way in names.items()}  # the first is the project's own, without name


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
