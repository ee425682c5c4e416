"""The tally: how far the batches at work have read into their large files, for the progress bar.

A small file beside the store, one number for each batch at work: the batch writes its own, the
import adds them up. A number that is lost or late costs nothing but a moment of the bar.
"""

import os
import struct
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Self

_NUMBER: Final = struct.Struct("<q")
LARGE_BYTES: Final = 32 << 20  # what is smaller is read before anyone looks


class Tally:
    """The import's side. Without room for the file it tells nothing."""

    def __init__(self, path: Path, *, slots: int) -> None:
        self.path = path
        self._free = list(range(slots))
        self._length = slots * _NUMBER.size
        with suppress(OSError):
            path.write_bytes(bytes(self._length))

    def take(self) -> int:
        """A slot for a batch; -1 when there is none."""
        return self._free.pop() if self._free else -1

    def give_back(self, slot: int) -> None:
        """What the batch has read is counted otherwise from here on."""
        if slot >= 0:
            write(str(self.path), slot, 0)
            self._free.append(slot)

    def total(self) -> int:
        """Bytes that the batches at work have read of their large files."""
        try:
            numbers = self.path.read_bytes()
        except OSError:
            return 0
        return sum(number for (number,) in _NUMBER.iter_unpack(numbers)) if len(numbers) == self._length else 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):
            self.path.unlink()


def write(path: str, slot: int, number: int) -> None:
    """A batch's side: note how many bytes it has read. Whatever hinders it is ignored."""
    with suppress(OSError):
        descriptor = os.open(path, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.pwrite(descriptor, _NUMBER.pack(number), slot * _NUMBER.size)
        finally:
            os.close(descriptor)
