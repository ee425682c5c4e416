"""The bytes of a file version: opened only if they are what was recorded, and read in blocks.

Nothing here knows HTTP; see `files.serving`. Each object is a file that never changes; its row keeps its
size and the time of its last write. Where they differ somebody has touched the file, and not one byte of it
is given out before it has been read again (`files.proving`).
"""

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, Self

from moorage.errors import CorruptContentError
from moorage.files.models import FileVersion, ObjectState, StoredObject
from moorage.storage.digests import Digest, kept_ns
from moorage.storage.layout import StoreLayout
from moorage.storage.objects import ObjectMissingError, ObjectStore

log = logging.getLogger(__name__)

BLOCK_BYTES: Final = 2**20


class ObjectTouchedError(CorruptContentError):
    """The file of an object is not what the store made it: its size or times differ from its row."""

    code = "object.touched"

    def __init__(self, name: str, digest: str) -> None:
        super().__init__(
            f"The stored bytes of “{name}” are not as they were recorded, so they are not given out. "
            f"Ask the operator to check the object {digest[:12]} and bring it back from a backup."
        )
        self.digest = digest


class ObjectGoneError(CorruptContentError):
    """The store has no file for this version's object."""

    code = "object.missing"

    def __init__(self, name: str, digest: str) -> None:
        super().__init__(
            f"The stored bytes of “{name}” are missing from the disk. "
            f"Ask the operator to bring the object {digest[:12]} back from a backup."
        )
        self.digest = digest


@dataclass
class Content:
    """A file version's bytes, open for reading. Close it, or use it in a `with` statement."""

    version: FileVersion
    descriptor: int
    _is_open: bool = field(default=True, repr=False)

    @property
    def digest(self) -> str:
        return self.version.stored_object.digest

    @property
    def size_bytes(self) -> int:
        return self.version.size_bytes

    def check(self) -> None:
        """Raise ObjectTouchedError unless the open file is still as its row says."""
        row, status = self.version.stored_object, os.fstat(self.descriptor)
        # Not the ctime: taking the staged name away after an import changes it, as every link of a download does.
        self._check((status.st_size, kept_ns(status.st_mtime_ns)), (row.size_bytes, row.modified_ns))

    def check_without_times(self) -> None:
        """Raise ObjectTouchedError if the open file cannot be what its row says, whenever it was written."""
        self._check((os.fstat(self.descriptor).st_size,), (self.version.stored_object.size_bytes,))

    def _check(self, found: tuple[int, ...], recorded: tuple[int, ...]) -> None:
        row = self.version.stored_object
        if found != recorded or row.size_bytes != self.version.size_bytes or row.state == ObjectState.DAMAGED:
            log.error("object touched", extra={"digest": row.digest, "found": found, "recorded": recorded})
            raise ObjectTouchedError(self.version.name, row.digest)

    def close(self) -> None:
        """Close the file; harmless when it is closed."""
        if self._is_open:
            self._is_open = False
            os.close(self.descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def open_content(version: FileVersion, *, store: StoreLayout) -> Content:
    """Open a file version's bytes, and make sure that nobody has touched them.

    Raises:
        StoreAwayError: the whole store is not there.
        ObjectGoneError: there is no such file in the store.
        ObjectTouchedError: it is not as its row says, or known to be damaged.
    """
    content = _open(version, store)
    try:
        content.check()
    except BaseException:
        content.close()
        raise
    return content


def check_without_reading(version: FileVersion, *, store: StoreLayout) -> None:
    """Find what can be known of a file version's bytes at no cost; the time of its file alone says nothing.

    Raises:
        StoreAwayError, ObjectGoneError: as `open_content`.
        ObjectTouchedError: its file has another size, or is known to be damaged.
    """
    with _open(version, store) as content:
        content.check_without_times()


def _open(version: FileVersion, store: StoreLayout) -> Content:
    stored: StoredObject = version.stored_object
    with ObjectStore(store.objects) as objects:
        try:
            descriptor = objects.open_object(Digest(stored.digest))
        except ObjectMissingError as error:
            store.check_is_there()
            log.error("object missing", extra={"digest": stored.digest})  # noqa: TRY400 - anticipated
            raise ObjectGoneError(version.name, stored.digest) from error
    return Content(version, descriptor)


class Blocks:
    """The bytes of a part of a content, in blocks; closes the content at the end, or when it is closed.

    The last block is given out only if the file is still as it was when it was opened: a reader of something
    that was touched meanwhile gets too few bytes, and knows it.
    """

    def __init__(self, content: Content, start: int, length: int, *, block_bytes: int = BLOCK_BYTES) -> None:
        self._content = content
        self._position = start
        self._end = start + length
        self._block_bytes = block_bytes

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        wanted = min(self._block_bytes, self._end - self._position)
        if wanted <= 0:
            self.close()
            raise StopIteration
        block = os.pread(self._content.descriptor, wanted, self._position)
        self._position += len(block)
        if not block or self._position == self._end:
            self._content.check()
        if not block:
            raise ObjectTouchedError(self._content.version.name, self._content.digest)
        return block

    def close(self) -> None:
        self._content.close()
