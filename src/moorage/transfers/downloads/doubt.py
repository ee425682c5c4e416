"""Damage does not leave the house: objects that are doubtful are read before anything is made of them.

Doubtful is what has another size or time than its row says, what has not been read for longer than the operator
wants, and everything if the member asks for that (the rows say which: `rows.Question`).
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Final

from moorage.errors import CorruptContentError
from moorage.files.fixity_batches import check_batch
from moorage.files.models import StoredObject
from moorage.files.paths import join_path
from moorage.storage.fixity import Reading, ReadOrder, read_objects
from moorage.storage.layout import StoreLayout
from moorage.transfers.downloads.linking import FolderRows, Row
from moorage.transfers.downloads.orders import Orders

NAMED_PATHS: Final = 10
READ_BYTES: Final = 64 << 20  # of one order; a larger object is one by itself
CHECKED_AT_ONCE: Final = 500


class DamagedFilesError(CorruptContentError):
    """Stored bytes of the selection are not what was recorded."""

    code = "download.damaged"

    def __init__(self, paths: Sequence[str], count: int) -> None:
        named = ", ".join(f"“{path}”" for path in paths)
        more = f" and {count - len(paths):,} more" if count > len(paths) else ""
        which = "1 stored file is" if count == 1 else f"{count:,} stored files are"
        super().__init__(
            f"{which} damaged: {named}{more}. Nothing was handed out. Ask the operator to bring them back from a "
            "backup, or send them in a new upload; then ask for this download again."
        )
        self.paths = list(paths)
        self.count = count


class Doubts:
    """What is doubtful of one tree, read as it comes up, and what was found to be damaged."""

    def __init__(self, store: StoreLayout, clock: Callable[[], datetime], orders: Orders) -> None:
        self._store, self._clock, self._orders = store, clock, orders
        self._damaged: list[str] = []
        self._damaged_count = 0
        self.bytes_read = 0

    def settle(self, folders: list[FolderRows], *, all_of_them: bool = False) -> list[FolderRows]:
        """These folders without the files that are damaged; what was doubtful has been read."""
        doubtful = [row for one in folders for row in one.rows if all_of_them or row.is_doubtful]
        if not doubtful:
            return folders
        whole = self._read({row.object_id for row in doubtful})
        settled = []
        for path, rows in folders:
            kept: list[Row] = []
            for row in rows:
                if not (all_of_them or row.is_doubtful):
                    kept.append(row)
                elif row.object_id in whole:
                    kept.append(row._replace(modified_ns=whole[row.object_id], is_doubtful=0))
                else:
                    self.note_damage(path, [row])
            settled.append(FolderRows(path, kept))
        return settled

    def note_damage(self, path: str, rows: Iterable[Row]) -> None:
        """These files of a folder cannot be given out."""
        for row in rows:
            self._damaged_count += 1
            if len(self._damaged) < NAMED_PATHS:
                self._damaged.append(join_path(path, row.name))

    def check(self) -> None:
        """Raise DamagedFilesError if anything was damaged."""
        if self._damaged_count:
            raise DamagedFilesError(self._damaged, self._damaged_count)

    def _read(self, object_ids: set[int]) -> dict[int, int]:
        """The times of those objects that are whole, by their ids."""
        whole: dict[int, int] = {}
        ids = sorted(object_ids)
        for first in range(0, len(ids), CHECKED_AT_ONCE):
            some = StoredObject.objects.filter(pk__in=ids[first : first + CHECKED_AT_ONCE])
            stored = list(some)
            damaged = check_batch(stored, store=self._store, clock=self._clock, read=self._have_read)
            bad = {row.pk for row in damaged}
            whole |= {pk: ns for pk, ns in some.values_list("pk", "modified_ns") if pk not in bad}
        return whole

    def _have_read(self, order: ReadOrder) -> Sequence[Reading]:
        """Have an order done in parts, side by side."""
        asked, part, size = [], list[tuple[str, int]](), 0
        for file in order.files:
            if part and size + file[1] > READ_BYTES:
                asked.append(self._orders.ask(read_objects, order._replace(files=tuple(part))))
                part, size = [], 0
            part.append(file)
            size += file[1]
        if part:
            asked.append(self._orders.ask(read_objects, order._replace(files=tuple(part))))
        readings: list[Reading] = []
        for one in asked:
            readings += one.result()
            self.bytes_read += sum(size for _, size in one.order.files)
        return readings
