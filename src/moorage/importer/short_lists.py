"""Short lists of digests, which there may be as many of as files: those that follow on each other are written at once.

What a list is, and which of two that name the same file counts, is in `expected`; it writes long lists by itself.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db import IntegrityError, connection

from moorage.importer.expected import BATCH_ROWS, Batch, ListReplacedError
from moorage.importer.expected_rows import insert, values_of
from moorage.importer.listed import Listed
from moorage.importer.models import ExpectedList

MOST_ROWS: Final = BATCH_ROWS  # of the lists that are written in one transaction, and of one that is short


class ShortLists:
    """Found lists that wait to be written, in their order. Call `write` after the last."""

    def __init__(self, upload_id: UUID, *, batch: Batch, clock: Callable[[], datetime]) -> None:
        self._upload_id, self._batch, self._clock = upload_id, batch, clock
        self._lists: list[ExpectedList] = []
        self._keys: set[bytes] = set()
        self._values: list[Any] = []
        self._rows = 0

    def add(self, source: str, rows: Mapping[bytes, Listed], *, stamp: str) -> None:
        """Keep what a list says, by the keys of its paths: at most MOST_ROWS, and of these what none before it says.

        Raises:
            ListReplacedError: another process keeps the same lists.
        """
        if self._rows + len(rows) > MOST_ROWS:
            self.write()
        one = ExpectedList(
            upload_id=self._upload_id,
            source=source,
            name=source,
            stamp=stamp,
            is_whole=True,
            written_at=self._clock(),
        )
        self._lists.append(one)
        self._values += values_of(one, {key: row for key, row in rows.items() if key not in self._keys})
        self._keys.update(rows)
        self._rows += len(rows)

    def write(self) -> None:
        """Write those that wait; from then on they count.

        Raises:
            ListReplacedError: another process keeps the same lists.
        """
        if not self._lists:
            return
        lists, values, rows = self._lists, self._values, len(self._keys)
        with self._batch():
            files = _written(rows, values) if rows else Counter()
            for one in lists:
                one.files = files[one.source]
            try:
                ExpectedList.objects.bulk_create(lists)
            except IntegrityError:
                raise ListReplacedError from None
        self._lists, self._keys, self._values, self._rows = [], set(), [], 0


def _written(rows: int, values: list[Any]) -> Counter[str]:
    """Write rows; how many of each list are there now, as others were said before."""
    with connection.cursor() as cursor:
        cursor.execute(f"{insert(rows)} RETURNING source", values)
        return Counter(source for (source,) in cursor.fetchall())
