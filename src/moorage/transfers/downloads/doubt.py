"""Damage does not leave the house: objects that are doubtful are read before anything is made of them.

Doubtful is what has another size or time than its row says, what has not been read for longer than the operator
wants, and everything if the member asks for that (the rows say which: `rows.Question`).
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Final

from moorage.errors import CorruptContentError
from moorage.files.fixity_by_executor import check_batch
from moorage.files.models import StoredObject
from moorage.files.paths import join_path
from moorage.storage.fixity import Reading, ReadOrder, read_objects
from moorage.storage.layout import StoreLayout
from moorage.transfers.downloads.linking import FolderRows, packed, unpacked
from moorage.transfers.downloads.orders import Asked, Orders

NAMED_PATHS: Final = 10
READ_BYTES: Final = 64 << 20  # of one order; a larger object is one by itself
CHECKED_AT_ONCE: Final = 500
_NOT: Final = "0"


class DamagedFilesError(CorruptContentError):
    """Stored bytes of the selection are not what was recorded."""

    code = "download.damaged"

    def __init__(self, paths: Sequence[str], count: int) -> None:
        named = ", ".join(f"“{path}”" for path in paths)
        more = f" and {count - len(paths):,} more" if count > len(paths) else ""
        which = "1 stored file is" if count == 1 else f"{count:,} stored files are"
        super().__init__(
            f"{which} damaged: {named}{more}. It is not given out. Ask the operator to bring them back from a "
            "backup, or send them in a new upload; then ask for this download again."
        )
        self.paths = list(paths)
        self.count = count


class Doubts:
    """What is doubtful of one tree, read as it comes up, and what was found to be damaged."""

    def __init__(
        self, store: StoreLayout, clock: Callable[[], datetime], orders: Orders, told: Callable[[int], None]
    ) -> None:
        """`told` hears of every so many bytes that were read, and may raise to end the work."""
        self._store, self._clock, self._orders, self._told = store, clock, orders, told
        self._damaged: list[str] = []
        self._damaged_count = 0

    def settle(self, folders: list[FolderRows], *, all_of_them: bool = False) -> list[FolderRows]:
        """These folders without the files that are damaged; what was doubtful has been read."""
        if not (all_of_them or any(one.may_doubt for one in folders)):
            return folders
        files = [[unpacked(row) for row in one.rows] for one in folders]
        doubtful = {file.digest for some in files for file in some if all_of_them or file.is_doubtful != _NOT}
        whole = self._read(doubtful)
        settled = []
        for one, some in zip(folders, files, strict=True):
            kept: list[str] = []
            for file in some:
                if file.digest not in doubtful:
                    kept.append(packed(file))
                elif file.digest in whole:
                    kept.append(packed(file._replace(modified_ns=str(whole[file.digest]), is_doubtful=_NOT)))
                else:
                    self.note_damage(one.path, [packed(file)])
            settled.append(one._replace(rows=kept, may_doubt=False))
        return settled

    def note_damage(self, path: str, rows: Iterable[str]) -> None:
        """These files of a folder cannot be given out."""
        for row in rows:
            self._damaged_count += 1
            if len(self._damaged) < NAMED_PATHS:
                self._damaged.append(join_path(path, unpacked(row).name))

    def check(self) -> None:
        """Raise DamagedFilesError if anything was damaged."""
        if self._damaged_count:
            raise DamagedFilesError(self._damaged, self._damaged_count)

    def _read(self, digests: set[str]) -> dict[str, int]:
        """The times of those objects that are whole, by their digests."""
        whole: dict[str, int] = {}
        wanted = sorted(digests)
        for first in range(0, len(wanted), CHECKED_AT_ONCE):
            some = StoredObject.objects.filter(digest__in=wanted[first : first + CHECKED_AT_ONCE])
            damaged = check_batch(some, store=self._store, clock=self._clock, read=self._have_read)
            bad = {row.digest for row in damaged}
            found = some.values_list("digest", "modified_ns")
            whole |= {digest: modified_ns for digest, modified_ns in found if digest not in bad}
        return whole

    def _have_read(self, order: ReadOrder) -> Sequence[Reading]:
        """Have an order done in parts, some side by side."""
        readings: list[Reading] = []
        asked: deque[Asked[list[Reading]]] = deque()
        for part in _parts(order):
            asked.append(self._orders.ask(read_objects, part))
            if len(asked) >= self._orders.in_flight:
                readings += self._read_of(asked.popleft())
        while asked:
            readings += self._read_of(asked.popleft())
        return readings

    def _read_of(self, asked: Asked[list[Reading]]) -> list[Reading]:
        readings = asked.result()
        self._told(sum(size for _, size in asked.order.files))
        return readings


def _parts(order: ReadOrder) -> Iterator[ReadOrder]:
    part: list[tuple[str, int]] = []
    size = 0
    for file in order.files:
        if part and size + file[1] > READ_BYTES:
            yield order._replace(files=tuple(part))
            part, size = [], 0
        part.append(file)
        size += file[1]
    if part:
        yield order._replace(files=tuple(part))
