"""What lists of digests say of an upload's files, kept as rows: written in batches, replaced as a whole, forgotten.

A list counts from the moment when all of it is there. Of two lists that name the same file, the one that a member
has sent counts more than one that was found in the upload, and of those the one that is written first.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from itertools import islice
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import F

from moorage.accounts.models import Member
from moorage.errors import ConflictError
from moorage.files.paths import path_key
from moorage.importer import paths
from moorage.importer.listed import DigestListError, Listed
from moorage.importer.models import ExpectedFile, ExpectedList

SENT: Final = ""  # the source of the list that a member has sent; others are named by their path in the upload
BATCH_ROWS: Final = 250
PAUSE_SECONDS: Final = 0.010  # SQLite's lock is not fair: others get their turn between two batches (design §5)

Batch = Callable[[], AbstractContextManager[None]]


class ListReplacedError(ConflictError):
    """Another list came for the same upload before this one was written."""

    code = "checksums.replaced"

    def __init__(self) -> None:
        super().__init__("Another list was sent for this upload at the same time, and that one counts. Look at it.")


@contextmanager
def _own_batch() -> Iterator[None]:
    is_outermost = not connection.in_atomic_block
    with transaction.atomic():
        yield
    if is_outermost and connection.vendor == "sqlite":
        time.sleep(PAUSE_SECONDS)


def _nothing_else(kept: ExpectedList) -> None:
    """Nothing happens when a list begins to count."""


def write_list(
    *,
    upload_id: UUID,
    source: str,
    rows: Iterable[Listed],
    at: datetime,
    name: str = "",
    sent_by: Member | None = None,
    batch: Batch = _own_batch,
    also: Callable[[ExpectedList], None] = _nothing_else,
) -> ExpectedList:
    """Keep the rows of a list instead of what the same source said before.

    `batch` is the transaction of each part; `also` is called in the one from which on the list counts.

    Raises:
        DigestListError: a row is none, or contradicts another. Nothing of the list is kept then.
        ListReplacedError: the same source was written by another process meanwhile.
    """
    forget_list(upload_id=upload_id, source=source, batch=batch)
    with batch():
        kept, is_ours = ExpectedList.objects.get_or_create(
            upload_id=upload_id, source=source, defaults={"name": name[:300], "sent_by": sent_by, "written_at": at}
        )
    if not is_ours:
        raise ListReplacedError
    try:
        for part in _parts(rows):
            _write_part(kept, part, batch)
        with batch():
            _still_ours(kept, is_whole=True)
            kept.refresh_from_db()
            also(kept)
    except DigestListError:
        forget_list(upload_id=upload_id, source=source, batch=batch)
        raise
    return kept


def forget_list(*, upload_id: UUID, source: str = SENT, batch: Batch = _own_batch) -> None:
    """Compare nothing with this list any more. Harmless when there is none."""
    with batch():
        # First the list: whoever is still writing it stops.
        ExpectedList.objects.filter(upload_id=upload_id, source=source).delete()
    rows = ExpectedFile.objects.filter(upload_id=upload_id, source=source)
    while keys := list(rows.order_by("path_digest").values_list("pk", flat=True)[: 2 * BATCH_ROWS]):
        with batch():
            ExpectedFile.objects.filter(pk__in=keys).delete()


def whole_lists(upload_id: UUID) -> list[ExpectedList]:
    """The lists that an upload's files are compared with."""
    return list(ExpectedList.objects.filter(upload_id=upload_id, is_whole=True).select_related("sent_by"))


def _parts(rows: Iterable[Listed]) -> Iterator[list[Listed]]:
    waiting = iter(rows)
    while part := list(islice(waiting, BATCH_ROWS)):
        yield part


def _write_part(kept: ExpectedList, part: Sequence[Listed], batch: Batch) -> None:
    once: dict[bytes, Listed] = {}
    for row in part:
        before = once.setdefault(path_key(row.path), row)
        if before[:4] != row[:4]:
            raise _contradiction(row)
    with batch():
        _still_ours(kept)
        standing = {
            bytes(one.path_digest): one
            for one in ExpectedFile.objects.filter(upload_id=kept.upload_id, path_digest__in=list(once))
        }
        new = [_row(kept, digest, row) for digest, row in once.items() if _is_new(kept, row, standing.get(digest))]
        if kept.source == SENT:
            weaker = [one.pk for one in standing.values() if one.source != SENT]
            ExpectedFile.objects.filter(pk__in=weaker).delete()
        ExpectedFile.objects.bulk_create(new)
        ExpectedList.objects.filter(pk=kept.pk).update(files=F("files") + len(new))


def _is_new(kept: ExpectedList, row: Listed, standing: ExpectedFile | None) -> bool:
    if standing is None:
        return True
    if standing.source != kept.source:
        return kept.source == SENT
    if (standing.size_bytes, standing.algorithm, standing.digest) != row[1:4]:
        raise _contradiction(row)
    return False


def _contradiction(row: Listed) -> DigestListError:
    return DigestListError(
        f"{paths.printable(row.path)} stood in it before, with another digest or size", line=row.line
    )


def _row(kept: ExpectedList, path_digest: bytes, row: Listed) -> ExpectedFile:
    return ExpectedFile(
        upload_id=kept.upload_id,
        path_digest=path_digest,
        path=row.path,
        size_bytes=row.size_bytes,
        algorithm=row.algorithm,
        digest=row.digest,
        source=kept.source,
    )


def _still_ours(kept: ExpectedList, *, is_whole: bool = False) -> None:
    # An UPDATE, not a look: on PostgreSQL it holds off who would forget the list until this part is written.
    if not ExpectedList.objects.filter(pk=kept.pk).update(is_whole=is_whole):
        raise ListReplacedError
