"""Scan: one walk over the sealed area; what is found streams into the manifest.

It may begin again at any time: a path that the manifest has is compared, not added, and keeps its
number, its state and its digest as long as nothing has changed.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final

from django.db import connection
from django.db.models import Max
from django.db.models.functions import Coalesce

from moorage.errors import NotFoundError
from moorage.files.ids import new_version_ids
from moorage.importer import paths
from moorage.importer.job import ImportJob
from moorage.importer.models import ImportRun, ManifestEntry
from moorage.importer.runs import published_fences
from moorage.importer.verdicts import EntryState
from moorage.storage.walk import Found, FoundKind, walk

BATCH_ROWS: Final = 500

_COLUMNS: Final = (
    "upload_id, number, path, path_digest, name, folded, kind, size_bytes, modified_ns, modified_at, changed_ns, inode,"
    " trouble, verdict, state, reason, reason_text, warning, digest, crc32, seen, compared, version_id"
)
# A path that was registered stays as it was; another is planned anew if anything of it has changed.
_SAME: Final = " AND ".join(
    f"importer_manifestentry.{column} = excluded.{column}"
    for column in ("kind", "size_bytes", "modified_ns", "changed_ns", "inode")
)
_UPSERT: Final = f"""
    INSERT INTO importer_manifestentry ({_COLUMNS})
    VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, '', '{EntryState.PLANNED}', '', '', '', '', 0, 0, '', %s)
    ON CONFLICT (upload_id, path_digest) DO UPDATE SET
        state = CASE WHEN {_SAME} THEN importer_manifestentry.state ELSE excluded.state END,
        digest = CASE WHEN {_SAME} THEN importer_manifestentry.digest ELSE '' END,
        kind = excluded.kind, size_bytes = excluded.size_bytes,
        modified_ns = excluded.modified_ns, modified_at = excluded.modified_at,
        changed_ns = excluded.changed_ns, inode = excluded.inode, trouble = excluded.trouble
    WHERE importer_manifestentry.state <> '{EntryState.REGISTERED}'
"""  # noqa: S608 - only our own column names are put together


class SealedAreaMissingError(NotFoundError):
    """The sealed area is not on the disk."""

    code = "import.area_missing"

    def __init__(self) -> None:
        super().__init__(
            "The upload's files are gone from the disk. Ask the operator where the store's sealed folder is."
        )


def scan(job: ImportJob, run: ImportRun) -> None:
    """List the sealed area into the manifest. Afterwards the run is scanned, and totals are known.

    Raises:
        SealedAreaMissingError: there is no such folder.
        LeaseLostError: another worker has this import.
    """
    job.note(step="scan", files_total=0, bytes_total=0, files_done=0, bytes_done=0)
    last = ManifestEntry.objects.filter(upload_id=job.upload_id).aggregate(last=Coalesce(Max("number"), 0))["last"]
    for batch in _batches(job):
        _write(job, batch, first=last + 1)
        last += len(batch)
        job.seam("scan: batch written")
    with job.batch():
        run.scanned_at = job.clock()
        run.save(update_fields=["scanned_at"])
    job.seam("scanned")


def _batches(job: ImportJob) -> Iterator[list[Found]]:
    try:
        found = walk(job.sealed_area)
        while batch := list(islice(found, BATCH_ROWS)):
            yield batch
    except FileNotFoundError as error:
        # After an import that published, nothing needs to be left of the area.
        if not published_fences(job.upload_id):
            raise SealedAreaMissingError from error


def _write(job: ImportJob, batch: list[Found], *, first: int) -> None:
    files = [found for found in batch if found.kind is FoundKind.FILE]
    job.note(
        files_total=job.progress.files_total + len(files),
        bytes_total=job.progress.bytes_total + sum(found.size_bytes for found in files),
    )
    rows = list(_rows(job, batch, first))  # before the transaction, which is to be short
    with job.batch(), connection.cursor() as cursor:
        cursor.executemany(_UPSERT, rows)


def _rows(job: ImportJob, batch: Iterable[Found], first: int) -> Iterator[tuple[Any, ...]]:
    batch = list(batch)
    as_uuid = ManifestEntry._meta.get_field("version_id").get_db_prep_value
    upload_id = as_uuid(job.upload_id, connection)
    for number, (found, version_id) in enumerate(zip(batch, new_version_ids(len(batch)), strict=True), first):
        yield (
            upload_id,
            number,
            found.path,
            paths.digest_of(found.path),
            _name(found.path),
            paths.folded(found.path),
            found.kind.value,
            found.size_bytes,
            found.modified_ns,
            connection.ops.adapt_datetimefield_value(modified_at(found.modified_ns)),
            found.changed_ns,
            # ext4 and XFS count inodes in 64 bits without a sign; the database has one.
            signed(found.inode),
            found.trouble,
            as_uuid(version_id, connection),
        )


def _name(path: bytes) -> str:
    return "" if paths.problem_of(path) else paths.split(path)[1].decode()


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_EARLIEST_US: Final = int((datetime(1, 1, 2, tzinfo=UTC) - _EPOCH).total_seconds()) * 1_000_000
_LATEST_US: Final = int((datetime(9999, 12, 30, tzinfo=UTC) - _EPOCH).total_seconds()) * 1_000_000


def modified_at(modified_ns: int) -> datetime:
    """The instant of a file's time; one that a calendar cannot hold becomes the nearest that it can."""
    microseconds = min(max(modified_ns // 1000, _EARLIEST_US), _LATEST_US)
    return _EPOCH + timedelta(microseconds=microseconds)


def signed(number: int) -> int:
    """A number of 64 bits as a database holds it."""
    return number - 2**64 if number >= 2**63 else number
