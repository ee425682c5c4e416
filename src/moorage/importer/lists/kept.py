"""Lists of digests as they are kept: which of them count, and how they are forgotten.

Each has rows of its own, so lists do not wait for each other, whoever writes them. A list counts from the moment when
all of it is there, and the one of the same source before it counts until then: its state says so, and whoever is
killed leaves at most rows of a list that does not count. A list that a member has sent goes from WRITING to WHOLE. One
that was found in the upload is READ before: it counts as soon as it is known what of it is used (see `found`).
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Final
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet

from moorage.errors import ConflictError
from moorage.importer.models import KEPT_LISTS, ExpectedFile, ExpectedList, ListState

SENT: Final = ""  # the source of the list that a member has sent; others are named by their path in the upload
FIRST_PLACE: Final = b""  # of the list that was sent, alone
BATCH_ROWS: Final = 1000
MOST_TOLD: Final = 20  # of an upload's lists: each of its files may have one of its own
PAUSE_SECONDS: Final = 0.010  # SQLite's lock is not fair: others get their turn between two batches (design §5)

Batch = Callable[[], AbstractContextManager[None]]


class ListReplacedError(ConflictError):
    """Another list came for the same upload before this one was written."""

    code = "checksums.replaced"

    def __init__(self) -> None:
        super().__init__("Another list was sent for this upload at the same time, and that one counts. Look at it.")


@contextmanager
def own_batch() -> Iterator[None]:
    """The transaction of a part of what a member sends or takes back."""
    is_outermost = not connection.in_atomic_block
    with transaction.atomic():
        yield
    if is_outermost and connection.vendor == "sqlite":
        time.sleep(PAUSE_SECONDS)


def sent_lists_of(upload_id: UUID) -> QuerySet[ExpectedList]:
    """The list that a member has sent, and those that are being written or forgotten."""
    return ExpectedList.objects.filter(upload_id=upload_id, place=FIRST_PLACE)


def found_lists_of(upload_id: UUID) -> QuerySet[ExpectedList]:
    """The lists that were found in the upload, in whatever state."""
    return ExpectedList.objects.filter(upload_id=upload_id, place__gt=FIRST_PLACE)


def kept_in(upload_id: UUID, places: Sequence[bytes]) -> QuerySet[ExpectedList]:
    """The lists that are kept in these places. Asked for by no more than that: else SQLite looks through all lists."""
    return ExpectedList.objects.filter(upload_id=upload_id, state__in=KEPT_LISTS, place__in=places).order_by()


def lists_of(upload_id: UUID) -> QuerySet[ExpectedList]:
    """The lists that an upload's files are compared with. There may be as many as files."""
    return ExpectedList.objects.filter(upload_id=upload_id, state=ListState.WHOLE)


def rows_of(upload_id: UUID) -> QuerySet[ExpectedFile]:
    """The rows of those lists."""
    return ExpectedFile.objects.filter(upload_id=upload_id, expected_list__state=ListState.WHOLE)


def whole_lists(upload_id: UUID, *, most: int = MOST_TOLD) -> list[ExpectedList]:
    """Some of them, to be told: first the one that was sent, then those that count before the others."""
    return list(lists_of(upload_id).select_related("sent_by").order_by("place")[:most])


def give_up(lists: QuerySet[ExpectedList]) -> None:
    """Let lists not count any more; whoever is still writing one stops.

    In a transaction. Their rows are still to be forgotten, by `forget_gone`.
    """
    # Held in one order: others may give up the same ones.
    held = list(lists.select_for_update().order_by("pk").values_list("pk", flat=True))
    ExpectedList.objects.filter(pk__in=held).update(state=ListState.GOING)


def forget_gone(lists: QuerySet[ExpectedList], batch: Batch) -> None:
    """Forget those of the lists that do not count any more, a part of their rows at a time."""
    gone = lists.filter(state=ListState.GOING)
    # Chosen without an order: of very many lists a part is found at once.
    while some := list(gone.order_by().values_list("pk", flat=True)[:BATCH_ROWS]):
        with batch():
            held = list(gone.filter(pk__in=some).select_for_update().order_by("pk").values_list("pk", flat=True))
            theirs = ExpectedFile.objects.filter(expected_list__in=held).order_by()
            rows = list(theirs.values_list("pk", flat=True)[:BATCH_ROWS])
            ExpectedFile.objects.filter(pk__in=rows).delete()
            if len(rows) < BATCH_ROWS:
                ExpectedList.objects.filter(pk__in=held).delete()


def forget_list(*, upload_id: UUID, unless: Callable[[], None] = lambda: None) -> None:
    """Compare nothing with the list that was sent any more, `unless` that raises. Harmless when there is none."""
    sent = sent_lists_of(upload_id)
    with own_batch():
        unless()
        give_up(sent.filter(state__in=(ListState.WRITING, ListState.WHOLE)))
    forget_gone(sent, own_batch)
