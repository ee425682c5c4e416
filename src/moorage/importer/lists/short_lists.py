"""Short lists of digests, which there may be as many of as files: many are written at once."""

from typing import Any, Final

from django.db import IntegrityError

from moorage.importer.lists.kept import BATCH_ROWS, Batch, ListReplacedError, give_up
from moorage.importer.lists.kept_rows import Rows, insert, values_of
from moorage.importer.models import ExpectedList

MOST_ROWS: Final = BATCH_ROWS  # of the lists that are written in one transaction, and of one that is short


class ShortLists:
    """Found lists that wait to be written: short ones, and bad ones. Call `write` after the last."""

    def __init__(self, *, batch: Batch) -> None:
        self._batch = batch
        self._waiting: list[tuple[ExpectedList, Rows]] = []
        self._before: list[int] = []
        self._rows = 0

    def add(self, one: ExpectedList, rows: Rows, *, before: int | None) -> None:
        """Keep a list that says at most MOST_ROWS, in the place of the one that was kept `before`, by its key.

        Raises:
            ListReplacedError: another process keeps the same lists.
        """
        if self._rows + len(rows) > MOST_ROWS or len(self._waiting) >= MOST_ROWS:
            self.write()
        one.files = len(rows)
        self._waiting.append((one, rows))
        self._rows += len(rows)
        if before is not None:
            self._before.append(before)

    def write(self) -> None:
        """Write those that wait.

        Raises:
            ListReplacedError: another process keeps the same lists.
        """
        if not self._waiting:
            return
        with self._batch():
            give_up(ExpectedList.objects.filter(pk__in=self._before))
            try:
                ExpectedList.objects.bulk_create([one for one, _ in self._waiting])
            except IntegrityError:
                raise ListReplacedError from None
            values: list[Any] = [value for one, rows in self._waiting for value in values_of(one, rows)]
            if values:
                insert(self._rows, values)
        self._waiting, self._before, self._rows = [], [], 0
