"""Small files: each digested and linked into the store, with the fewest calls that this takes.

The steps and their order are those of `storage.digests` and `storage.placing`, which do every other file: from the
read lease on nobody can write unseen, and the name in the store comes last. Whatever is not as it is with nearly all
small files ends with an error, and nothing is done about it here.
"""

import fcntl
import os
import stat
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from stat import S_ISREG
from types import TracebackType
from typing import Final, Self

from zlib_ng import zlib_ng

from moorage.storage import sync
from moorage.storage.digests import FileChangedError, digest_chunks, wait_until_old
from moorage.storage.folders import FOLDER_FLAGS
from moorage.storage.placing import OBJECT_MODE
from moorage.storage.readlease import StillOpenError, set_read_lease

FILE_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
LARGEST_BYTES: Final = 16 << 20
ONE_READ_BYTES: Final = 128 << 10  # memory for more would be asked of the kernel each time
BUFFER_BYTES: Final = 256 << 10  # stays in the processor's cache until both digests have seen it


class OddFileError(Exception):
    """Something about this file asks for more than is done here."""


# A small file that was read: its name, SHA-256, CRC-32, status, and whether it is the object of its digest now. If it
# is not, something else had that name in the store, or nothing was to be linked. A tuple, for there are millions.
SmallFile = tuple[bytes, bytes, int, os.stat_result, bool]


class SmallFiles:
    """Small files on their way into a store. `sync` before relying on any of them."""

    def __init__(self, objects: Path, *, youngest_seconds: float) -> None:
        self._objects = os.open(objects, FOLDER_FLAGS)
        self._youngest = youngest_seconds
        self._buffer = bytearray(BUFFER_BYTES)
        self.bytes_read = 0

    def place(
        self, names: Iterable[bytes], folder: int, unless: Mapping[bytes, bytes]
    ) -> Iterator[SmallFile | tuple[bytes]]:
        """Digest files of an open folder, and link each unless its digest is the one that the store surely has for it.

        What has to be done another way is told by its name alone; no more than its mode has been changed.
        """
        oldest, owner, of_others = time.time() - self._youngest, os.geteuid(), b""
        for name in names:
            descriptor, found = -1, None
            try:
                descriptor = os.open(name, FILE_FLAGS, dir_fd=folder)
                set_read_lease(descriptor)
                status = os.fstat(descriptor)
                size = status.st_size
                _check_small(status, owner)
                if status.st_ctime > oldest:
                    # Under the lease nobody writes meanwhile.
                    wait_until_old(status, youngest_seconds=self._youngest)
                (digest, crc32), is_linked = self._digest(descriptor, size), False
                self.bytes_read += size
                if digest != unless.get(name, of_others):
                    is_linked = self._link(descriptor, digest.hex())
                    status = os.fstat(descriptor)
                found = (name, digest, crc32, status, is_linked)
            except (OddFileError, FileChangedError, StillOpenError, OSError):
                pass
            finally:
                if descriptor >= 0:
                    # Gives the lease back.
                    os.close(descriptor)
            yield found or (name,)

    def stat_object(self, digest: bytes) -> os.stat_result:
        """The status of what has this digest in the store.

        Raises:
            OddFileError: it is not as place leaves objects.
            OSError: nothing has.
        """
        status = os.stat(_path_of(digest.hex()), dir_fd=self._objects, follow_symlinks=False)
        if not S_ISREG(status.st_mode) or stat.S_IMODE(status.st_mode) != OBJECT_MODE:
            raise OddFileError
        return status

    def sync(self) -> None:
        """Put everything that was placed on disk."""
        sync.sync_file_system(self._objects)

    def _digest(self, descriptor: int, size: int) -> tuple[bytes, int]:
        """SHA-256 and CRC-32 of a file on which a read lease is held."""
        if size < ONE_READ_BYTES:
            content = os.pread(descriptor, size + 1, 0)
            if len(content) != size:
                raise OddFileError
            return sha256(content).digest(), zlib_ng.crc32(content)
        digest, crc32, _ = digest_chunks(descriptor, size, self._buffer)
        # The kernel takes a lease away from who keeps a writer waiting for long (see fcntl(2)).
        _check_lease(descriptor)
        return digest, crc32

    def _link(self, descriptor: int, digest: str) -> bool:
        """Give an inode its name in the store; False if the name is taken."""
        os.fchmod(descriptor, OBJECT_MODE)
        # See `placing._link`: from the mode on nobody new is let in, and who was let in before is seen here.
        _check_lease(descriptor)
        try:
            os.link(f"/proc/self/fd/{descriptor}", _path_of(digest), dst_dir_fd=self._objects)
        except FileExistsError:
            return False
        except FileNotFoundError:
            with suppress(FileExistsError):
                os.mkdir(digest[:2], 0o700, dir_fd=self._objects)
            os.link(f"/proc/self/fd/{descriptor}", _path_of(digest), dst_dir_fd=self._objects)
        return True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._objects)


def _check_small(status: os.stat_result, owner: int) -> None:
    """Raise OddFileError unless this is a small file of ours that has no other name."""
    is_small = S_ISREG(status.st_mode) and status.st_size <= LARGEST_BYTES
    if not is_small or status.st_nlink != 1 or status.st_uid != owner:
        raise OddFileError


def _check_lease(descriptor: int) -> None:
    """Raise StillOpenError unless the lease is held as it was taken."""
    if fcntl.fcntl(descriptor, fcntl.F_GETLEASE) != fcntl.F_RDLCK:
        raise StillOpenError


def _path_of(digest: str) -> str:
    return f"{digest[:2]}/{digest}"
