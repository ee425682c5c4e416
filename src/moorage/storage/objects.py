"""The object store: bytes, named by their digest, written once and never changed.

Who owns the bytes is not known here; see `files.models`. A write that reached an object through
a descriptor opened before the seal would change what its name promises, so `place` links only
an inode that nobody can write to any more, and copies every other (design §5).
"""

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from moorage.errors import CorruptContentError
from moorage.storage import sync
from moorage.storage.digests import Digest, FileChangedError, stamp_of, stamp_of_open
from moorage.storage.folders import FOLDER_FLAGS
from moorage.storage.names import STALE_SECONDS, Place, clear_temporary_names
from moorage.storage.placing import OBJECT_FLAGS, Placed, link_or_copy, prove, reuse
from moorage.storage.readlease import ReadLease


class ObjectMissingError(CorruptContentError):
    """The store has no file for a digest that a project refers to."""

    code = "object.missing"

    def __init__(self, digest: str) -> None:
        super().__init__(f"The stored bytes {digest[:12]}… are missing from the disk. Ask the operator for a backup.")
        self.digest = digest


class ObjectStore:
    """The objects of one store. Keeps descriptors of its folders open until it is closed."""

    def __init__(self, objects: Path) -> None:
        self._objects = objects
        self._folders: dict[str, int] = {}  # by prefix; the store's own folder has none

    def path_of(self, digest: Digest) -> Path:
        """Where an object lies."""
        return self._objects / digest[:2] / digest

    def size_of(self, digest: Digest) -> int | None:
        """The size of an object's file; None where there is none.

        Raises:
            OSError: there is no store, or it cannot be looked at.
        """
        folder = self._folder(digest[:2])
        try:
            return os.stat(digest, dir_fd=folder, follow_symlinks=False).st_size
        except FileNotFoundError:
            return None

    def open_object(self, digest: Digest) -> int:
        """A read-only descriptor of an object; the caller closes it.

        Raises:
            ObjectMissingError: there is no such file, or it is not a plain file.
        """
        try:
            descriptor = os.open(self.path_of(digest), OBJECT_FLAGS)
        except OSError as error:
            if error.errno in {errno.ENOENT, errno.ELOOP, errno.ENOTDIR}:
                raise ObjectMissingError(digest) from error
            raise
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise ObjectMissingError(digest)
        return descriptor

    def place(
        self,
        descriptor: int,
        *,
        digest: Digest,
        status: os.stat_result,
        lease: ReadLease,
        is_expected: bool = False,
        is_unproven: bool = False,
        anew: bool = False,
    ) -> Placed:
        """Make the bytes of an open staged file an object; harmless when repeated.

        The file is linked where the inode is ours, has no other name, and a lease is held since before it was digested
        (`status` is of then); else copied. An object that is there already is used. `is_expected`: it probably is.
        `is_unproven`: it is read first, for nothing but its name says what it holds; one that holds other bytes gives
        way, and so does one that is the staged file itself, unless that is large. `anew`: so does one that is damaged.
        Durable after the next `sync`.

        Raises:
            FileChangedError: it is not what was digested.
            StillOpenError: somebody wants to write to it.
            OtherSizeError: the object that is there has another size.
            OSError: no room, or the file system refuses.
        """
        folder, stamp = self._folder(digest[:2]), stamp_of(status)
        if is_unproven and not anew:
            if (proven := prove(folder, digest, status)) is not None:
                return Placed(proven, stamp, "proven")
            anew = True
        may_link = status.st_nlink == 1 and status.st_uid == os.geteuid() and lease.is_held
        if not anew and (is_expected or not may_link):
            there = reuse(folder, digest, stamp.size_bytes)
            if there is not None:
                return Placed(there, stamp, "reused")
        # Where a lease is held since before the read, nobody can have written since.
        if not lease.is_held and stamp_of_open(descriptor) != stamp:
            raise FileChangedError
        place = Place(self._folder(""), folder, digest, replaces=anew)
        return link_or_copy(descriptor, place, stamp, lease if may_link else None)

    def clear_unfinished(self, *, older_than_seconds: float = STALE_SECONDS) -> None:
        """Take away what a process that was killed in the middle of placing left; no object is touched."""
        clear_temporary_names(self._folder(""), older_than_seconds=older_than_seconds)

    def sync(self) -> None:
        """Put every object placed so far on disk."""
        # By a descriptor that was open before the first write: what failed since is told to each such one, once.
        sync.sync_file_system(self._folder(""))

    def close(self) -> None:
        """Close the folders' descriptors."""
        while self._folders:
            os.close(self._folders.popitem()[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _folder(self, prefix: str) -> int:
        if prefix not in self._folders:
            self._folders[prefix] = self._opened(prefix) if prefix else os.open(self._objects, FOLDER_FLAGS)
        return self._folders[prefix]

    def _opened(self, prefix: str) -> int:
        # Below the descriptor of the store's own folder, which is never made here: where it is missing, its disk is.
        root = self._folder("")
        try:
            return os.open(prefix, FOLDER_FLAGS, dir_fd=root)
        except FileNotFoundError:
            with suppress(FileExistsError):
                os.mkdir(prefix, mode=0o700, dir_fd=root)
            return os.open(prefix, FOLDER_FLAGS, dir_fd=root)
