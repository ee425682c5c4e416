"""Links to objects under other names: what a download tree is made of. Runs in an executor's process.

An object is only ever linked, never opened for writing. Where it cannot be linked (its file system's limit of links
is reached, or the tree is on another one), a proven copy is made once, and linked from then on.
"""

import errno
import os
import stat
from collections import OrderedDict
from pathlib import Path
from types import TracebackType
from typing import Final, NamedTuple, Self

from moorage.storage.copying import copy_verified
from moorage.storage.digests import Digest, FileChangedError
from moorage.storage.folders import FOLDER_FLAGS, OpenFolders
from moorage.storage.names import Place, give_name
from moorage.storage.objects import OBJECT_MODE, ObjectMissingError, ObjectStore

_NO_LINK: Final = frozenset({errno.EMLINK, errno.EXDEV, errno.EPERM, errno.EACCES, errno.EOPNOTSUPP})
_COPIES_KEPT: Final = 32
_SUM_BITS: Final = 64


class LinkedFile(NamedTuple):
    """A file that a tree is to hold, and what its object's row says of the object's file."""

    name: str
    digest: str
    size_bytes: int
    modified_ns: int


class TouchedError(Exception):
    """The object's file is missing, or not as its row says: somebody has to read it first."""


class Links:
    """The links of one tree. Keeps descriptors open until it is closed."""

    def __init__(self, tree: Path, objects: Path) -> None:
        self._folders = OpenFolders(tree, make=True)
        self._near = os.open(tree.parent, FOLDER_FLAGS)  # copies are made beside the tree
        self._objects_at = objects
        self._prefixes: dict[str, int] = {}
        self._copies: OrderedDict[str, int] = OrderedDict()  # descriptors of copies, by digest

    def folder(self, path: str) -> int:
        """The descriptor of a folder of the tree, made if need be; valid until the next call."""
        return self._folders.at(path.encode())

    def link(self, file: LinkedFile, above: int) -> int:
        """Give an object a name in the folder `above`, and return what it adds to the tree's sum. May be repeated.

        Raises:
            TouchedError: the object's file is not as its row says; nothing was linked.
            OSError: no room, or the file system refuses.
        """
        name, digest = file.name, file.digest
        prefix = self._prefix(digest[:2])
        try:
            status = os.stat(digest, dir_fd=prefix, follow_symlinks=False)
        except FileNotFoundError:
            raise TouchedError from None
        if status.st_size != file.size_bytes or status.st_mtime_ns != file.modified_ns:
            raise TouchedError
        if not stat.S_ISREG(status.st_mode):
            raise TouchedError
        try:
            os.link(digest, name, src_dir_fd=prefix, dst_dir_fd=above, follow_symlinks=False)
        except FileExistsError:
            # An earlier try may have linked it; whatever else lies there does not stay.
            if os.stat(name, dir_fd=above, follow_symlinks=False).st_ino != status.st_ino:
                os.unlink(name, dir_fd=above)
                return self.link(file, above)
        except FileNotFoundError:
            raise TouchedError from None
        except OSError as error:
            if error.errno not in _NO_LINK:
                raise
            return self._link_copy(file, above)
        return sum_of(status)

    def _link_copy(self, file: LinkedFile, above: int) -> int:
        copy = self._copies.get(file.digest)
        if copy is not None:
            try:
                give_name(copy, Place(self._near, above, file.name))
                return sum_of(os.fstat(copy))
            except OSError as error:
                if error.errno not in _NO_LINK:
                    raise
        copy = self._copy(file, above)
        self._keep(file.digest, copy)
        return sum_of(os.fstat(copy))

    def _copy(self, file: LinkedFile, above: int) -> int:
        with ObjectStore(self._objects_at) as objects:
            try:
                source = objects.open_object(Digest(file.digest))
            except ObjectMissingError:
                raise TouchedError from None
        try:
            modified_ns = os.fstat(source).st_mtime_ns
            place = Place(self._near, above, file.name)
            copy_verified(source, place, size_bytes=file.size_bytes, mode=OBJECT_MODE, digest=file.digest)
        except FileChangedError:
            raise TouchedError from None
        finally:
            os.close(source)
        os.utime(file.name, ns=(modified_ns, modified_ns), dir_fd=above, follow_symlinks=False)
        return os.open(file.name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above)

    def _keep(self, digest: str, copy: int) -> None:
        if (former := self._copies.pop(digest, None)) is not None:
            os.close(former)
        self._copies[digest] = copy
        while len(self._copies) > _COPIES_KEPT:
            os.close(self._copies.popitem(last=False)[1])

    def _prefix(self, prefix: str) -> int:
        if prefix not in self._prefixes:
            try:
                self._prefixes[prefix] = os.open(self._objects_at / prefix, FOLDER_FLAGS)
            except FileNotFoundError:
                raise TouchedError from None
        return self._prefixes[prefix]

    def close(self) -> None:
        """Close every descriptor."""
        self._folders.close()
        for descriptor in (self._near, *self._prefixes.values(), *self._copies.values()):
            os.close(descriptor)
        self._prefixes.clear()
        self._copies.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def sum_of(status: os.stat_result) -> int:
    """What a file adds to the sum of a tree: another inode, size or time is another sum."""
    return hash((status.st_ino, status.st_size, status.st_mtime_ns))


def added(sums: int, more: int) -> int:
    """The sum of two sums, in a bounded number of bits."""
    return (sums + more) % (1 << _SUM_BITS)
