"""Small files: each digested in one read and linked into the store, with the fewest calls that this takes.

The steps and their order are those of `storage.digests` and `storage.objects`, which do every other file: from the
read lease on nobody can write unseen, and the name in the store comes last. Whatever is not as it is with nearly all
small files ends with an error, and nothing is done about it here.
"""

import fcntl
import os
import stat
import time
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from stat import S_ISREG
from types import TracebackType
from typing import Final, NamedTuple, Self

from isal.isal_zlib import crc32

from moorage.storage import sync
from moorage.storage.digests import CHUNK_BYTES
from moorage.storage.folders import FOLDER_FLAGS
from moorage.storage.objects import OBJECT_MODE
from moorage.storage.readlease import StillOpenError, set_read_lease

FILE_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
LARGEST_BYTES: Final = CHUNK_BYTES - 1


class OddFileError(Exception):
    """Something about this file asks for more than is done here."""


class SmallFile(NamedTuple):
    """A small file that has been read. `is_linked`: it now is the object of its digest, and `status` is of afterwards;
    else something else had that name in the store, or nothing was to be linked.
    """

    digest: bytes
    crc32: int
    status: os.stat_result
    is_linked: bool


class SmallFiles:
    """Small files on their way into a store. `sync` before relying on any of them."""

    def __init__(self, objects: Path, *, youngest_seconds: float) -> None:
        self._objects = os.open(objects, FOLDER_FLAGS)
        self._oldest = time.time() - youngest_seconds  # a file that has not changed since needs no wait
        self._youngest = youngest_seconds
        self._owner = os.geteuid()
        self.bytes_read = 0

    def place(self, name: bytes, folder: int, unless: bytes = b"") -> SmallFile:
        """Digest a file of an open folder, and link it unless its digest is one that the store surely has.

        Raises:
            OddFileError, StillOpenError: it has to be done another way; the mode is all that may have changed.
            OSError: the file system refuses.
        """
        descriptor = os.open(name, FILE_FLAGS, dir_fd=folder)
        try:
            set_read_lease(descriptor)
            status = os.fstat(descriptor)
            size = status.st_size
            if not S_ISREG(status.st_mode) or status.st_nlink != 1 or status.st_uid != self._owner:
                raise OddFileError
            if size > LARGEST_BYTES:
                raise OddFileError
            if status.st_ctime > self._oldest:
                self._wait_until_old(status)
            content = os.pread(descriptor, size + 1, 0)
            if len(content) != size:
                raise OddFileError
            self.bytes_read += size
            digest = sha256(content).digest()
            if digest == unless:
                return SmallFile(digest, crc32(content), status, is_linked=False)
            is_linked = self._link(descriptor, digest.hex())
            return SmallFile(digest, crc32(content), os.fstat(descriptor), is_linked)
        finally:
            # Gives the lease back.
            os.close(descriptor)

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

    def _wait_until_old(self, status: os.stat_result) -> None:
        # See `digests.wait_until_old`; under the lease nobody writes meanwhile.
        age = time.time() - status.st_ctime
        if 0 <= age < self._youngest:
            time.sleep(self._youngest - age)

    def _link(self, descriptor: int, digest: str) -> bool:
        """Give an inode its name in the store; False if the name is taken."""
        os.fchmod(descriptor, OBJECT_MODE)
        # See `objects.place`: from the mode on nobody new is let in, and who was let in before is seen here.
        if fcntl.fcntl(descriptor, fcntl.F_GETLEASE) != fcntl.F_RDLCK:
            raise StillOpenError
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


def _path_of(digest: str) -> str:
    return f"{digest[:2]}/{digest}"
