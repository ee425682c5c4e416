"""Register: placed entries become file versions above the project's head, in ranges, inside the database.

Under the right to register and the import's lease. Nothing of it can be seen until it is
published. It begins at the first entry under every new right, because taking one clears what an
interrupted register left above the head.
"""

import time
from typing import Any, Final

from django.db import connection
from django.db.models import Count, Max, QuerySet

from moorage.files.directories import write_totals
from moorage.files.ids import new_id_prefix
from moorage.files.models import ObjectState, StoredObject
from moorage.files.registering import RegisterRight
from moorage.importer.ledger.job import ImportJob
from moorage.importer.models import ManifestEntry
from moorage.importer.register.object_rows import revive
from moorage.importer.words.verdicts import GOOD, EntryKind, EntryState

FIRST_ROWS: Final = 1000
MOST_ROWS: Final = 15_000
CHECKED_ROWS: Final = 8000
LONGEST_SECONDS: Final = 0.040

_as_uuid: Final = ManifestEntry._meta.get_field("upload").get_db_prep_value
_OURS: Final = """
    e.upload_id = %(upload)s AND e.number >= %(first)s AND e.number <= %(last)s AND e.run = %(run)s
    AND e.state = 'placed'
"""
# What an entry replaces ends first: a path has at most one version without an end.
_END_REPLACED: Final = f"""
    UPDATE files_fileversion SET until = %(number)s WHERE id IN (
        SELECT v.id FROM importer_manifestentry e
        JOIN files_fileversion v ON v.directory_id = e.directory_id AND v.name = e.name AND v.until IS NULL
        WHERE {_OURS} AND e.kind = 'file' AND e.verdict = 'new_version' AND v.since < %(number)s
    )
"""  # noqa: S608 - only our own conditions are put together
# The id is made of the register's own and the entry's number, the time is the file's own, in microseconds.
_INSERT: Final = f"""
    INSERT INTO files_fileversion (id, project_id, directory_id, name, object_id, size_bytes, modified_at, since)
    SELECT {{version_id}}, %(project)s, e.directory_id, e.name, e.object_id, e.size_bytes, {{modified_at}}, %(number)s
    FROM importer_manifestentry e WHERE {_OURS} AND e.kind = 'file' AND e.verdict IN ('new', 'new_version')
"""  # noqa: S608
_BEGIN_FOLDERS: Final = f"""
    INSERT INTO files_directoryversion (project_id, directory_id, since, file_count, total_bytes)
    SELECT %(project)s, e.directory_id, %(number)s, 0, 0 FROM importer_manifestentry e
    WHERE {_OURS} AND e.kind = 'directory' AND e.verdict = 'new' AND NOT EXISTS (
        SELECT 1 FROM files_directoryversion w WHERE w.directory_id = e.directory_id AND w.until IS NULL
    )
"""  # noqa: S608
_SQLITE: Final = {
    "version_id": "%(prefix)s || printf('%%012x', e.number)",
    "modified_at": (
        "strftime('%%Y-%%m-%%d %%H:%%M:%%S',"
        " e.modified_ns / 1000000000 - (e.modified_ns %% 1000000000 < 0), 'unixepoch')"
        " || printf('.%%06d', ((e.modified_ns %% 1000000000 + 1000000000) %% 1000000000) / 1000)"
    ),
}
_POSTGRESQL: Final = {
    "version_id": "(%(prefix)s || lpad(to_hex(e.number), 12, '0'))::uuid",
    "modified_at": "TIMESTAMPTZ 'epoch' + (e.modified_ns / 1000) * INTERVAL '1 microsecond'",
}


def register(job: ImportJob, right: RegisterRight, run: int, *, first: int = 0) -> bool:
    """Write everything that a run has placed above the head, from its `first` entry.

    False if an object turned out to be leaving: place again.

    Raises:
        RightLostError: the right to register is another's.
        LeaseLostError: another worker has this import.
    """
    job.note(step="register")
    prefix, rows = new_id_prefix(), FIRST_ROWS
    while True:
        count, last = _next_range(job, first, rows)
        if not count:
            break
        began = time.monotonic()
        with right.batch():
            job.write_progress()
            if not write_range(job, right, {"first": first, "last": last, "prefix": prefix, "run": run}):
                return False
        if connection.vendor != "sqlite":
            rows = MOST_ROWS
        elif count == rows:
            rows = round(min(max(rows * LONGEST_SECONDS / (time.monotonic() - began), 1000), MOST_ROWS, 2 * rows))
        first = last + 1
        job.seam("register: range written")
    write_totals(right)
    job.seam("register: totals written")
    return True


def is_still_live(job: ImportJob, right: RegisterRight, run: int, *, before: int) -> bool:
    """Whether all objects may still be relied on that entries `before` this one have, which were registered early.

    If not, those entries have to be placed again. An object may have been found damaged since.
    """
    first = 0
    while True:
        count, last = _next_range(job, first, CHECKED_ROWS)
        with right.batch():
            job.write_progress()
            if _all_are_live():
                return True
            if not _are_live(job, {"run": run, "first": first, "last": min(last, before - 1)}):
                return False
        if not count or last >= before - 1:
            return True
        first = last + 1


def _next_range(job: ImportJob, first: int, rows: int) -> tuple[int, int]:
    """How many entries the next range has, at most `rows`, and the number of its last one."""
    ours = ManifestEntry.objects.filter(upload_id=job.upload_id, number__gte=first).order_by("number")
    span = ours.values("number")[:rows].aggregate(count=Count("number"), last=Max("number"))
    return span["count"], span["last"] or 0


def write_range(job: ImportJob, right: RegisterRight, given: dict[str, Any], *, is_early: bool = False) -> bool:
    """Write the range of entries from the `first` to the `last` that a `run` has placed above the head, in the
    transaction that it is called in. False: an object is leaving, and nothing was written but that.

    One that `is_early` is not written as soon as an object is not live: its transaction may hold rows of objects
    already, and who holds more of them would begin again in their order. The real register step sets it live.
    """
    parameters = given | {
        "upload": _as_uuid(job.upload_id, connection),
        "project": _as_uuid(job.project_id, connection),
        "number": right.number,
    }
    insert = _INSERT.format(**(_SQLITE if connection.vendor == "sqlite" else _POSTGRESQL))
    is_sound = _are_live_now(job, given) if is_early else _are_live(job, given)
    if not is_sound:
        return False
    with connection.cursor() as cursor:
        for statement in (_END_REPLACED, insert, _BEGIN_FOLDERS):
            cursor.execute(statement, parameters)
    return True


def _all_are_live() -> bool:
    others = StoredObject.objects.exclude(state=ObjectState.LIVE)
    # In the order of the index of these, so that PostgreSQL uses it: by itself it expects to find one at once, and
    # looks through all objects.
    return not others.order_by("state").values_list("pk")[:1]


def _are_live_now(job: ImportJob, given: dict[str, Any]) -> bool:
    """Whether all objects of a range are live, as they stand."""
    return _all_are_live() or not _not_live(_with_objects(job, given)).exists()


def _are_live(job: ImportJob, given: dict[str, Any]) -> bool:
    """Whether all objects of a range may be relied on; doomed ones are set live again."""
    if _all_are_live():
        return True
    entries = _with_objects(job, given)
    not_live = _not_live(entries)
    revive(list(not_live.filter(state=ObjectState.DOOMED).values_list("pk", flat=True)))
    gone = list(not_live.values_list("pk", flat=True))
    if not gone:
        return True
    # Written with the range's transaction, which writes nothing else then.
    entries.filter(stored_object__in=gone).update(state=EntryState.PLANNED, stored_object=None)
    return False


def _with_objects(job: ImportJob, given: dict[str, Any]) -> QuerySet[ManifestEntry]:
    return ManifestEntry.objects.filter(
        upload_id=job.upload_id,
        run=given["run"],
        number__gte=given["first"],
        number__lte=given["last"],
        kind=EntryKind.FILE,
        state=EntryState.PLACED,
        verdict__in=GOOD,
    )


def _not_live(entries: QuerySet[ManifestEntry]) -> QuerySet[StoredObject]:
    return StoredObject.objects.exclude(state=ObjectState.LIVE).filter(pk__in=entries.values("stored_object"))


def registering(job: ImportJob, run: int) -> Any:
    """The files that a run registers."""
    return ManifestEntry.objects.filter(
        upload_id=job.upload_id, run=run, kind=EntryKind.FILE, state=EntryState.PLACED, verdict__in=GOOD
    )
