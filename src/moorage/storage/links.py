"""Links to objects under other names: what a download tree is made of. Runs in an executor's process.

An object is only ever linked, never opened for writing. Where it cannot be linked (its file system's limit of links
is reached, or the tree is on another one), a proven copy is made once, and linked from then on.
"""

import errno
import os
import stat
from collections import OrderedDict
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from moorage.storage.copying import copy_verified
from moorage.storage.digests import Digest, FileChangedError, kept_ns
from moorage.storage.folders import FOLDER_FLAGS, OpenFolders
from moorage.storage.names import Place, give_name
from moorage.storage.objects import ObjectMissingError, ObjectStore
from moorage.storage.placing import OBJECT_MODE

_NO_LINK: Final = frozenset({errno.EMLINK, errno.EXDEV, errno.EPERM, errno.EACCES, errno.EOPNOTSUPP})
_AS_PLACED: Final = stat.S_IFREG | OBJECT_MODE
_COPIES_KEPT: Final = 32
_SUM_BITS: Final = 64


# A file that a tree is to hold: its name in UTF-8; digest, size and time (in ns) of its object, as the object's row has
# them.
FileToLink = tuple[bytes, str, int, int]


class TouchedError(Exception):
    """The object's file is missing, or not as its row says: somebody has to read it first."""


def _is_as_recorded(status: os.stat_result, size_bytes: int, modified_ns: int) -> bool:
    if (status.st_size, status.st_mode) != (size_bytes, _AS_PLACED):
        return False
    return status.st_mtime_ns == modified_ns or kept_ns(status.st_mtime_ns) == modified_ns


class Links:
    """The links of one tree. Keeps descriptors open until it is closed."""

    def __init__(self, tree: Path, objects: Path) -> None:
        self._folders = OpenFolders(tree, make=True)
        self._near = os.open(tree.parent, FOLDER_FLAGS)  # copies are made beside the tree
        self._objects_at = objects
        self._objects = os.open(objects, FOLDER_FLAGS)
        self._copies: OrderedDict[str, int] = OrderedDict()  # descriptors of copies, by digest

    def folder(self, path: str) -> int:
        """The descriptor of a folder of the tree, made if need be; valid until the next call."""
        return self._folders.at(path.encode())

    def link_all(self, files: Iterable[FileToLink], folder: str) -> tuple[int, list[int]]:
        """Give objects their names in a folder of the tree, which is made if need be; may be repeated.

        Returns what they add to the tree's sum, and the positions of those that were left out because their file is
        not as their row says.

        Raises:
            OSError: no room, or the file system refuses.
        """
        total, touched = 0, list[int]()
        objects, link, look = self._objects, os.link, os.stat
        above, prefix = self.folder(folder), f"{folder}/".encode() if folder else b""
        for position, (name, digest, size_bytes, modified_ns) in enumerate(files):
            try:
                link(f"{digest[:2]}/{digest}", name, src_dir_fd=objects, dst_dir_fd=above, follow_symlinks=False)
                # By its new name, which is at hand: looking for the object once more takes longer.
                status = look(name, dir_fd=above, follow_symlinks=False)
                if _is_as_recorded(status, size_bytes, modified_ns):
                    total += sum_of(prefix + name, status)
                    continue
                os.unlink(name, dir_fd=above)
                touched.append(position)
            except OSError:
                try:
                    status = self._link_otherwise((name, digest, size_bytes, modified_ns), above)
                    total += sum_of(prefix + name, status)
                except TouchedError:
                    touched.append(position)
        return total, touched

    def _link_otherwise(self, file: FileToLink, above: int) -> os.stat_result:
        """Link one file for which something was in the way, and look at it."""
        name, digest, size_bytes, modified_ns = file
        lies_at = f"{digest[:2]}/{digest}"
        try:
            status = os.stat(lies_at, dir_fd=self._objects, follow_symlinks=False)
            if not _is_as_recorded(status, size_bytes, modified_ns):
                raise TouchedError
            os.link(lies_at, name, src_dir_fd=self._objects, dst_dir_fd=above, follow_symlinks=False)
        except FileNotFoundError:
            raise TouchedError from None
        except FileExistsError:
            # An earlier try may have linked it; whatever else lies there does not stay.
            if os.stat(name, dir_fd=above, follow_symlinks=False).st_ino != status.st_ino:
                os.unlink(name, dir_fd=above)
                return self._link_otherwise(file, above)
        except OSError as error:
            if error.errno not in _NO_LINK:
                raise
            return self._link_copy(file, above)
        return os.stat(name, dir_fd=above, follow_symlinks=False)

    def _link_copy(self, file: FileToLink, above: int) -> os.stat_result:
        name, digest, _, _ = file
        copy = self._copies.get(digest)
        if copy is not None:
            try:
                give_name(copy, Place(self._near, above, os.fsdecode(name)))
                return os.fstat(copy)
            except OSError as error:
                if error.errno not in _NO_LINK:
                    raise
        copy = self._copy(file, above)
        self._keep(digest, copy)
        return os.fstat(copy)

    def _copy(self, file: FileToLink, above: int) -> int:
        name, digest, size_bytes, modified_ns = file
        with ObjectStore(self._objects_at) as objects:
            try:
                source = objects.open_object(Digest(digest))
            except ObjectMissingError:
                raise TouchedError from None
        try:
            place = Place(self._near, above, os.fsdecode(name))
            copy_verified(source, place, size_bytes=size_bytes, mode=OBJECT_MODE, digest=digest)
        except FileChangedError:
            raise TouchedError from None
        finally:
            os.close(source)
        os.utime(name, ns=(modified_ns, modified_ns), dir_fd=above, follow_symlinks=False)
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=above)

    def _keep(self, digest: str, copy: int) -> None:
        if (former := self._copies.pop(digest, None)) is not None:
            os.close(former)
        self._copies[digest] = copy
        while len(self._copies) > _COPIES_KEPT:
            os.close(self._copies.popitem(last=False)[1])

    def close(self) -> None:
        """Close every descriptor."""
        self._folders.close()
        for descriptor in (self._near, self._objects, *self._copies.values()):
            os.close(descriptor)
        self._copies.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def sum_of(path: bytes, status: os.stat_result) -> int:
    """What a file adds to the sum of a tree: another path, inode, mode, size or time is another sum."""
    # The hash of a tuple is nearly linear: of files whose names were swapped it often gives the same sum.
    facts = b"%d %d %d %d " % (status.st_ino, status.st_mode, status.st_size, status.st_mtime_ns)
    return int.from_bytes(blake2b(facts + path, digest_size=_SUM_BITS // 8).digest(), "big")


def added(sums: int, more: int) -> int:
    """The sum of two sums, in a bounded number of bits."""
    return (sums + more) % (1 << _SUM_BITS)
