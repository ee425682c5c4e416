"""What lists of digests say of an upload's files, kept as rows: written in batches, replaced as a whole, forgotten.

A list counts from the moment when all of it is there. Of two lists that name the same file, the one that a member
has sent counts more than one that was found in the upload. Of those each is compared with as far as it can be, and else
the one that is written first; see `overlaps`.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from itertools import islice
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Case, QuerySet, When

from moorage.accounts.models import Member
from moorage.errors import ConflictError
from moorage.importer.lists.kept_rows import by_key, check_standing, insert, values_of
from moorage.importer.lists.listed import DigestListError, Listed
from moorage.importer.lists.overlaps import MOST_TOLD, join_rows
from moorage.importer.models import ExpectedFile, ExpectedList

SENT: Final = ""  # the source of the list that a member has sent; others are named by their path in the upload
BATCH_ROWS: Final = 1000
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
    stamp: str = "",
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
            upload_id=upload_id,
            source=source,
            defaults={"name": name[:300], "stamp": stamp, "sent_by": sent_by, "written_at": at},
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
        _forget_bad(kept, batch)
        raise
    return kept


def _forget_bad(kept: ExpectedList, batch: Batch) -> None:
    with batch():
        # Rows of others may have what it said: whoever looks next reads those again, also if we end here.
        found_lists_of(kept.upload_id).update(stamp="")
    forget_list(upload_id=kept.upload_id, source=kept.source, batch=batch)


def forget_list(*, upload_id: UUID, source: str = SENT, batch: Batch = _own_batch) -> None:
    """Compare nothing with this list any more. Harmless when there is none."""
    with batch():
        # First the list: whoever is still writing it stops.
        ExpectedList.objects.filter(upload_id=upload_id, source=source).delete()
        if source == SENT:
            # It counted more than those of the upload itself: they are read again, as if they were others now.
            ExpectedList.objects.filter(upload_id=upload_id).update(stamp="")
    _forget_rows(ExpectedFile.objects.filter(upload_id=upload_id, source=source), batch)


def forget_found_lists(*, upload_id: UUID, batch: Batch) -> None:
    """Compare nothing with the lists that were found in the upload any more, also where one is not whole."""
    lists = found_lists_of(upload_id)
    # They stay, and are not whole, until none of their rows is left: who is interrupted begins with them again.
    for some in _in_parts(lists.filter(is_whole=True)):
        with batch():
            some.update(is_whole=False)
    _forget_rows(ExpectedFile.objects.filter(upload_id=upload_id).exclude(source=SENT), batch)
    for some in _in_parts(lists):
        with batch():
            some.delete()


def _in_parts(lists: QuerySet[ExpectedList]) -> Iterator[QuerySet[ExpectedList]]:
    while keys := list(lists.order_by("pk").values_list("pk", flat=True)[:BATCH_ROWS]):
        yield ExpectedList.objects.filter(pk__in=keys)


def _forget_rows(rows: QuerySet[ExpectedFile], batch: Batch) -> None:
    columns, last = rows.order_by("path_digest").values_list("pk", "path_digest"), b""
    while some := list(columns.filter(path_digest__gt=last)[:BATCH_ROWS]):
        last = bytes(some[-1][1])
        with batch():
            ExpectedFile.objects.filter(pk__in=[pk for pk, _ in some]).delete()


def found_lists_of(upload_id: UUID) -> QuerySet[ExpectedList]:
    """The lists that were found in the upload, whole or not."""
    return ExpectedList.objects.filter(upload_id=upload_id).exclude(source=SENT)


def lists_of(upload_id: UUID) -> QuerySet[ExpectedList]:
    """The lists that an upload's files are compared with. There may be as many as files."""
    return ExpectedList.objects.filter(upload_id=upload_id, is_whole=True)


def whole_lists(upload_id: UUID, *, most: int = MOST_TOLD) -> list[ExpectedList]:
    """Some of them, to be told: first the one that was sent, then those that count before the others."""
    found = lists_of(upload_id).select_related("sent_by")
    return list(found.order_by(Case(When(source=SENT, then=0), default=1), "pk")[:most])


def _parts(rows: Iterable[Listed]) -> Iterator[list[Listed]]:
    waiting = iter(rows)
    while part := list(islice(waiting, BATCH_ROWS)):
        yield part


def _write_part(kept: ExpectedList, part: Sequence[Listed], batch: Batch) -> None:
    once = by_key(part)
    values = values_of(kept, once)  # before the transaction, which is to be short
    with batch():
        _still_ours(kept)
        with connection.cursor() as cursor:
            cursor.execute(insert(len(once), is_sent=kept.source == SENT), values)
            written = cursor.rowcount
        if written < len(once):
            check_standing(kept, once)
            join_rows(kept.upload_id, {key: (kept, row) for key, row in once.items()})
        kept.files += written
        ExpectedList.objects.filter(pk=kept.pk).update(files=kept.files, unused=kept.unused, instead=kept.instead)


def _still_ours(kept: ExpectedList, *, is_whole: bool = False) -> None:
    # An UPDATE, not a look: on PostgreSQL it holds off who would forget the list until this part is written.
    if not ExpectedList.objects.filter(pk=kept.pk).update(is_whole=is_whole):
        raise ListReplacedError
