"""The totals of folders: how many files and bytes are below each, at each revision.

Counted from the head: what the revision began and ended is added to the totals that stood before, for the
folders that it touched and all above them. Nothing else of the project is read.
"""

from array import array
from collections.abc import Iterable
from itertools import islice
from typing import Final

from django.db import connection
from django.db.models import Q

from moorage.files.models import DirectoryVersion
from moorage.files.registering import RegisterRight
from moorage.projects.models import Project

BATCH_ROWS: Final = 250  # a write transaction of more takes too long on SQLite

# What the revision adds to each touched folder, then carried up to every folder above it.
_CHANGES: Final = """
    WITH RECURSIVE changed(directory_id, files, bytes) AS (
        SELECT directory_id, COUNT(*), CAST(SUM(size_bytes) AS bigint)
        FROM files_fileversion WHERE project_id = %(project)s AND since = %(number)s GROUP BY directory_id
        UNION ALL
        SELECT directory_id, -COUNT(*), CAST(-SUM(size_bytes) AS bigint)
        FROM files_fileversion WHERE project_id = %(project)s AND until = %(number)s GROUP BY directory_id
        UNION ALL
        SELECT directory_id, 0, 0 FROM files_directoryversion WHERE project_id = %(project)s AND since = %(number)s
        UNION ALL
        SELECT directory_id, 0, 0 FROM files_directoryversion WHERE project_id = %(project)s AND until = %(number)s
    ),
    carried(directory_id, files, bytes) AS (
        SELECT directory_id, CAST(SUM(files) AS bigint), CAST(SUM(bytes) AS bigint) FROM changed GROUP BY directory_id
        UNION ALL
        SELECT d.parent_id, carried.files, carried.bytes
        FROM carried JOIN files_directory d ON d.id = carried.directory_id
        WHERE d.parent_id IS NOT NULL
    )
    SELECT directory_id, CAST(SUM(files) AS bigint), CAST(SUM(bytes) AS bigint) FROM carried GROUP BY directory_id
"""


def write_totals(right: RegisterRight) -> None:
    """Write a version with new totals for every folder that this revision touches, and for all above it.

    Call it when all file versions and all begun and ended folders of the revision are written; calling it
    again changes nothing. Folders that hold a touched file but have no version yet begin here.

    Raises:
        RightLostError: the right is another's.
    """
    numbers = iter(_changes(right))
    while chunk := list(islice(numbers, 3 * BATCH_ROWS)):
        _write(right, dict(zip(chunk[::3], zip(chunk[1::3], chunk[2::3], strict=True), strict=True)))


def _changes(right: RegisterRight) -> "array[int]":
    """Folder, files, bytes; folder, files, bytes; … A revision may touch a million folders: in tuples 150 MB."""
    project = Project._meta.pk.get_db_prep_value(right.project_id, connection)
    with connection.cursor() as cursor:
        cursor.execute(_CHANGES, {"project": project, "number": right.number})
        return array("q", (number for row in cursor for number in row))


def _write(right: RegisterRight, changes: dict[int, tuple[int, int]]) -> None:
    number = right.number
    versions = DirectoryVersion.objects.filter(directory__in=changes)
    # Read before the transaction, which is to be short: only who has the right changes these.
    before, ended = _totals_before(versions.filter(Q(until=None) | Q(until=number)), number)
    begun = [
        DirectoryVersion(
            project_id=right.project_id,
            directory_id=directory,
            since=number,
            file_count=before.get(directory, (0, 0))[0] + files,
            total_bytes=before.get(directory, (0, 0))[1] + size,
        )
        for directory, (files, size) in changes.items()
        if directory not in ended
    ]
    with right.batch():
        versions.filter(until=None, since=number).delete()
        versions.filter(until=None).update(until=number)
        DirectoryVersion.objects.bulk_create(begun)


def _totals_before(versions: Iterable[DirectoryVersion], number: int) -> tuple[dict[int, tuple[int, int]], set[int]]:
    """The totals at the head, and the folders that the revision ends."""
    before: dict[int, tuple[int, int]] = {}
    open_ones: set[int] = set()
    closed: set[int] = set()
    for version in versions:
        if version.since < number:
            before[version.directory_id] = (version.file_count, version.total_bytes)
        if version.until is None:
            open_ones.add(version.directory_id)
        else:
            closed.add(version.directory_id)
    return before, closed - open_ones
