"""Short lists of digests, which there may be as many of as files: those that follow on each other are written at once.

What a list is, and which of two that name the same file counts, is in `kept`; it writes long lists by itself.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, connection

from moorage.importer.lists.kept import BATCH_ROWS, Batch, ListReplacedError
from moorage.importer.lists.kept_rows import insert, values_of
from moorage.importer.lists.listed import Listed
from moorage.importer.lists.overlaps import join_rows
from moorage.importer.models import ExpectedList

MOST_ROWS: Final = BATCH_ROWS  # of the lists that are written in one transaction, and of one that is short


class ShortLists:
    """Found lists that wait to be written, in their order. Call `write` after the last."""

    def __init__(self, upload_id: UUID, *, batch: Batch, clock: Callable[[], datetime]) -> None:
        self._upload_id, self._batch, self._clock = upload_id, batch, clock
        self._lists: list[ExpectedList] = []
        self._rows: dict[bytes, tuple[ExpectedList, Listed]] = {}
        self._values: list[Any] = []

    def add(self, source: str, rows: Mapping[bytes, Listed], *, stamp: str) -> None:
        """Keep what a list says, by the keys of its paths: at most MOST_ROWS.

        Raises:
            ListReplacedError: another process keeps the same lists.
        """
        if len(self._rows) + len(rows) > MOST_ROWS or not self._rows.keys().isdisjoint(rows):
            self.write()  # what names a file that others name is joined with what is written
        one = ExpectedList(
            upload_id=self._upload_id,
            source=source,
            name=source,
            stamp=stamp,
            is_whole=True,
            written_at=self._clock(),
        )
        self._lists.append(one)
        self._values += values_of(one, rows)
        self._rows |= {key: (one, row) for key, row in rows.items()}

    def write(self) -> None:
        """Write those that wait; from then on they count.

        Raises:
            ListReplacedError: another process keeps the same lists.
        """
        if not self._lists:
            return
        with self._batch():
            if self._rows:
                self._write_rows()
            try:
                ExpectedList.objects.bulk_create(self._lists)
            except IntegrityError:
                raise ListReplacedError from None
        self._lists, self._rows, self._values = [], {}, []

    def _write_rows(self) -> None:
        """Write those of files that no list has named before, and join the others; count them for their lists."""
        with connection.cursor() as cursor:
            cursor.execute(f"{insert(len(self._rows))} RETURNING path_digest", self._values)
            written = {bytes(key) for (key,) in cursor.fetchall()}
        for key in written:
            self._rows[key][0].files += 1
        if others := {key: said for key, said in self._rows.items() if key not in written}:
            join_rows(self._upload_id, others)
