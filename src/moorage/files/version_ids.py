"""Ids of very many file versions, some at a time: memory does not grow with them, and rows may be written between.

The rows are those of a published revision, so none is added or lost meanwhile.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL

from moorage.files.models import FileVersion


def version_ids(rows: QuerySet[FileVersion], *, chunk: int, most: int | None = None) -> Iterator[Sequence[UUID]]:
    """The ids of these rows, in lists of at most `chunk`, in the order that is quickest to read; `most` are enough."""
    # A list is never cut, so some more may come than are wanted.
    return _by_row_number(rows, chunk) if connection.vendor == "sqlite" else _by_cursor(rows[:most], chunk)


def _by_row_number(rows: QuerySet[FileVersion], chunk: int) -> Iterator[Sequence[UUID]]:
    # Not with an open cursor: it would hold a snapshot, and SQLite refuses to write from one that is no longer the
    # newest. An index ends with the row's number, so each list begins where the last one ended.
    numbered = rows.annotate(row=RawSQL('"files_fileversion"."rowid"', ())).order_by("row").values_list("row", "pk")
    last = 0
    while found := list(numbered.filter(row__gt=last)[:chunk]):
        last = found[-1][0]
        yield [pk for _, pk in found]


def _by_cursor(rows: QuerySet[FileVersion], chunk: int) -> Iterator[Sequence[UUID]]:
    ids = rows.values_list("pk", flat=True).iterator(chunk_size=chunk)
    while found := list(islice(ids, chunk)):
        yield found
