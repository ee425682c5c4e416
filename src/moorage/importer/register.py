"""Register: placed entries become file versions above the project's head, in ranges, inside the database.

Under the right to register and the import's lease. Nothing of it can be seen until it is
published. It begins at the first entry under every new right, because taking one clears what an
interrupted register left above the head.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

from django.db import connection
from django.db.models import Min, Q, QuerySet

from moorage.files.directories import begin_directories, ensure_directories, write_totals
from moorage.files.models import ObjectState, StoredObject
from moorage.files.registering import RegisterRight
from moorage.importer import paths
from moorage.importer.job import ImportJob
from moorage.importer.models import ManifestEntry
from moorage.importer.stored import revive
from moorage.importer.verdicts import GOOD, EntryKind, EntryState, Verdict

RANGE_ROWS: Final = 750
RUNS_PER_BATCH: Final = 500

_as_uuid: Final = ManifestEntry._meta.get_field("version_id").get_db_prep_value
_OURS: Final = "e.upload_id = %(upload)s AND e.number >= %(first)s AND e.number <= %(last)s AND e.kind = 'file'"
_LIVE: Final = "EXISTS (SELECT 1 FROM files_storedobject o WHERE o.id = e.object_id AND o.state = 'live')"
_READY: Final = f"{_OURS} AND e.state = 'placed' AND e.verdict IN ('new', 'new_version', 'identical') AND {_LIVE}"
_POINT: Final = (
    "UPDATE importer_manifestentry SET directory_id = %s"
    " WHERE upload_id = %s AND number >= %s AND number <= %s AND kind = 'file'"
)
# What an entry replaces ends first: a path has at most one version without an end.
_END_REPLACED: Final = f"""
    UPDATE files_fileversion SET until = %(number)s WHERE id IN (
        SELECT v.id FROM importer_manifestentry e
        JOIN files_fileversion v ON v.directory_id = e.directory_id AND v.name = e.name AND v.until IS NULL
        WHERE {_READY} AND v.object_id <> e.object_id AND v.since < %(number)s
    )
"""  # noqa: S608 - only our own conditions are put together
# Where a version without an end still stands, the bytes are identical and nothing is written.
_INSERT: Final = f"""
    INSERT INTO files_fileversion (id, project_id, directory_id, name, object_id, size_bytes, modified_at, since)
    SELECT e.version_id, %(project)s, e.directory_id, e.name, e.object_id, e.size_bytes, e.modified_at, %(number)s
    FROM importer_manifestentry e WHERE {_READY} AND NOT EXISTS (
        SELECT 1 FROM files_fileversion v
        WHERE v.directory_id = e.directory_id AND v.name = e.name AND v.until IS NULL
    )
"""  # noqa: S608
# The verdicts of the plan become those of the fact: identical is known only now.
_MARK: Final = f"""
    UPDATE importer_manifestentry AS e SET
        state = 'registered', registered_fence = %(fence)s, registered_revision = %(number)s,
        verdict = CASE
            WHEN NOT EXISTS (SELECT 1 FROM files_fileversion v WHERE v.id = e.version_id) THEN 'identical'
            WHEN EXISTS (
                SELECT 1 FROM files_fileversion v
                WHERE v.directory_id = e.directory_id AND v.name = e.name AND v.until = %(number)s
            ) THEN 'new_version'
            ELSE 'new' END
    WHERE {_READY}
"""  # noqa: S608


def register(job: ImportJob, right: RegisterRight) -> bool:
    """Write everything that is placed above the head. False if an object turned out to be leaving: place again.

    Raises:
        RightLostError: the right to register is another's.
        LeaseLostError: another worker has this import.
    """
    job.note(step="register")
    for first, last in _ranges(job):
        entries = ManifestEntry.objects.filter(upload_id=job.upload_id, number__gte=first, number__lte=last)
        _register_folders(job, right, entries)
        _register_files(job, right, entries, first, last)
        job.seam("register: range written")
    if _put_back_what_is_leaving(job):
        return False
    write_totals(right)
    job.seam("register: totals written")
    return True


def to_register(job: ImportJob) -> QuerySet[ManifestEntry]:
    """What is ready to be registered: placed files, and the folders that the plan takes."""
    return ManifestEntry.objects.filter(
        Q(kind=EntryKind.FILE, state=EntryState.PLACED) | Q(kind=EntryKind.DIRECTORY, state=EntryState.PLANNED),
        upload_id=job.upload_id,
        verdict__in=GOOD,
    )


def _ranges(job: ImportJob) -> Iterator[tuple[int, int]]:
    """Ranges of numbers that hold at most RANGE_ROWS entries to register."""
    first = to_register(job).aggregate(first=Min("number"))["first"]
    while first is not None:
        numbers = list(
            to_register(job).filter(number__gte=first).order_by("number").values_list("number", flat=True)[:RANGE_ROWS]
        )
        if not numbers:
            return
        yield first, numbers[-1]
        first = numbers[-1] + 1


def _register_folders(job: ImportJob, right: RegisterRight, entries: QuerySet[ManifestEntry]) -> None:
    """Make sure of the folders of a range, and point its files at them."""
    folders = entries.filter(kind=EntryKind.DIRECTORY, verdict__in=GOOD, state=EntryState.PLANNED)
    named = [bytes(path).decode() for path in folders.values_list("path", flat=True)]
    files = list(
        entries.filter(kind=EntryKind.FILE, verdict__in=GOOD, state=EntryState.PLACED)
        .order_by("number")
        .values_list("number", "path")
    )
    runs = list(_runs_of_one_folder(files))
    ids = ensure_directories(right, {*named, *(folder for folder, _, _ in runs)})
    begin_directories(right, [ids[path] for path in named])
    upload_id = _as_uuid(job.upload_id, connection)
    pointed = [(ids[folder], upload_id, first, last) for folder, first, last in runs]
    for start in range(0, len(pointed), RUNS_PER_BATCH):
        with right.batch(), connection.cursor() as cursor:
            job.write_progress()
            cursor.executemany(_POINT, pointed[start : start + RUNS_PER_BATCH])
    with right.batch():
        job.write_progress()
        folders.update(state=EntryState.REGISTERED, registered_fence=right.fence, registered_revision=right.number)


def _runs_of_one_folder(files: Sequence[tuple[int, bytes | memoryview]]) -> Iterator[tuple[str, int, int]]:
    """Neighbouring files that lie in the same folder: the folder, their first and last number."""
    current: tuple[str, int, int] | None = None
    for number, path in files:
        folder = paths.split(bytes(path))[0].decode()
        if current is not None and current[0] == folder:
            current = (folder, current[1], number)
            continue
        if current is not None:
            yield current
        current = (folder, number, number)
    if current is not None:
        yield current


def _register_files(
    job: ImportJob, right: RegisterRight, entries: QuerySet[ManifestEntry], first: int, last: int
) -> None:
    parameters: dict[str, Any] = {
        "upload": _as_uuid(job.upload_id, connection),
        "project": _as_uuid(job.project_id, connection),
        "first": first,
        "last": last,
        "number": right.number,
        "fence": right.fence,
    }
    doomed = list(
        StoredObject.objects.filter(
            state=ObjectState.DOOMED,
            pk__in=entries.filter(state=EntryState.PLACED, verdict__in=GOOD).values("stored_object"),
        ).values_list("pk", flat=True)
    )
    with right.batch(), connection.cursor() as cursor:
        job.write_progress()
        revive(doomed)
        for statement in (_END_REPLACED, _INSERT, _MARK):
            cursor.execute(statement, parameters)


def _put_back_what_is_leaving(job: ImportJob) -> bool:
    """Entries whose object cannot be relied on any more are to be placed again."""
    left = ManifestEntry.objects.filter(
        upload_id=job.upload_id, kind=EntryKind.FILE, state=EntryState.PLACED, verdict__in=GOOD
    )
    if not left.exists():
        return False
    with job.batch():
        left.update(state=EntryState.PLANNED, stored_object=None)
    return True


def registered_under(job: ImportJob, right: RegisterRight) -> QuerySet[ManifestEntry]:
    """The files that have been registered under this right."""
    return ManifestEntry.objects.filter(
        upload_id=job.upload_id, kind=EntryKind.FILE, state=EntryState.REGISTERED, registered_fence=right.fence
    ).exclude(verdict=Verdict.REJECTED)
