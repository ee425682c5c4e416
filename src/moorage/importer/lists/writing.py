"""Writing a list of digests in the place of the one of the same source, which counts until the new one does."""

from collections.abc import Callable, Iterable
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError
from django.db.models import QuerySet

from moorage.accounts.models import Member
from moorage.errors import MoorageError
from moorage.importer.lists.kept import Batch, ListReplacedError, forget_gone, give_up, kept_in, own_batch
from moorage.importer.lists.kept_rows import move, write_rows
from moorage.importer.lists.listed import Listed
from moorage.importer.lists.parsing import found_lists
from moorage.importer.models import ExpectedList, ListState


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
    batch: Batch = own_batch,
    also: Callable[[ExpectedList], None] = _nothing_else,
) -> ExpectedList:
    """Keep the rows of a list, and from then on compare with it, and not with what the same source said before.

    `batch` is the transaction of each part; `also` is called in the one from which on the list counts.

    Raises:
        DigestListError: a row is none, or contradicts another. The list before this one goes on to count.
        ListReplacedError: the same source was written by another process meanwhile.
    """
    place = b"".join(one.place for one in found_lists([source.encode()]))
    before = ExpectedList.objects.filter(upload_id=upload_id, place=place)
    kept = ExpectedList(
        upload_id=upload_id,
        source=source,
        place=place,
        name=name[:300],
        stamp=stamp,
        sent_by=sent_by,
        written_at=at,
    )
    with batch():
        give_up(before.filter(state=ListState.WRITING))
        kept.save()
    try:
        _write(kept, rows, batch, also)
    finally:
        forget_gone(before, batch)
    return kept


def _write(kept: ExpectedList, rows: Iterable[Listed], batch: Batch, also: Callable[[ExpectedList], None]) -> None:
    try:
        write_rows(kept, rows, batch)
        with batch():
            replace(kept_in(kept.upload_id, [bytes(kept.place)]), kept, ListState.WHOLE)
            also(kept)
    except MoorageError:
        with batch():
            give_up(ExpectedList.objects.filter(pk=kept.pk))
        raise


def replace(before: QuerySet[ExpectedList], kept: ExpectedList, state: ListState) -> None:
    """Have a list that is written stand in the place of the one that is kept there; in a transaction.

    Raises:
        ListReplacedError: another process has done so, or this list does not count any more.
    """
    give_up(before)
    try:
        move(kept, state)
    except IntegrityError:
        raise ListReplacedError from None
