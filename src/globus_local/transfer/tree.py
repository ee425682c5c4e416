"""A collection's folder, reached by directory descriptors only, so that nothing leads out of it.

Every step opens one name below an open directory and refuses symbolic links. A path given to the kernel
as a string could be redirected by a link, even by one that is put there between a check and the use.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from globus_local.transfer.paths import CollectionPath

STEP: Final = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
LIST: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
WRITE: Final = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
FILE_MODE: Final = 0o644
FOLDER_MODE: Final = 0o755

_LIBC: Final = ctypes.CDLL(None, use_errno=True)
_RENAME_NOREPLACE: Final = 1


class NotRegularError(OSError):
    """What should be read or written as a file is a symbolic link, a pipe, a device or a socket."""


class SameFileError(OSError):
    """A file would be copied onto itself."""


class Tree:
    """The folder of one collection. Every method raises OSError as the system call does."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def folder(self, path: CollectionPath, *, flags: int = STEP) -> Iterator[int]:
        """A descriptor of a folder; with `flags=LIST` its entries can be read."""
        descriptor = os.open(self._root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for name in path.parts:
                below = os.open(name, STEP, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = below
            if flags != STEP:
                readable = os.open(b".", flags, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = readable
            yield descriptor
        finally:
            os.close(descriptor)

    def entries(self, path: CollectionPath) -> Iterator[os.DirEntry[str]]:
        """The entries of a folder, in no order, without holding them all in memory."""
        with self.folder(path, flags=LIST) as descriptor, os.scandir(descriptor) as entries:
            yield from entries

    def status(self, path: CollectionPath) -> os.stat_result:
        """What is there, not followed if it is a link."""
        if path.is_root:
            with self.folder(path) as descriptor:
                return os.fstat(descriptor)
        with self.folder(path.parent) as parent:
            return os.stat(path.name, dir_fd=parent, follow_symlinks=False)

    def link_target(self, path: CollectionPath) -> bytes:
        """Where a symbolic link points; only ever shown."""
        with self.folder(path.parent) as parent:
            return os.readlink(path.name, dir_fd=parent)

    @contextmanager
    def reading(self, path: CollectionPath) -> Iterator[tuple[int, os.stat_result]]:
        """A descriptor of a regular file and its status when it was opened.

        Raises:
            NotRegularError: it is a link, a pipe, a device or a socket. None of these is opened for long.
            IsADirectoryError: it is a folder.
        """
        if path.is_root:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        with self.folder(path.parent) as parent:
            _refuse_special(os.stat(path.name, dir_fd=parent, follow_symlinks=False))
            descriptor = os.open(path.name, READ, dir_fd=parent)
        try:
            status = os.fstat(descriptor)
            _refuse_special(status)
            yield descriptor, status
        finally:
            os.close(descriptor)

    @contextmanager
    def writing(self, path: CollectionPath, *, source: os.stat_result) -> Iterator[int]:
        """A descriptor of a file that is made or emptied, under its final name.

        A file with a second name is replaced and not written into: the other name may lie elsewhere.

        Raises:
            SameFileError: it is `source` itself, which emptying would destroy.
        """
        if path.is_root:
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        with self.folder(path.parent) as parent:
            descriptor = _open_to_write(parent, path.name, source)
        try:
            os.ftruncate(descriptor, 0)
            yield descriptor
        finally:
            os.close(descriptor)

    def make_folder(self, path: CollectionPath) -> None:
        with self.folder(path.parent) as parent:
            os.mkdir(path.name, FOLDER_MODE, dir_fd=parent)

    def remove_file(self, path: CollectionPath) -> None:
        with self.folder(path.parent) as parent:
            os.unlink(path.name, dir_fd=parent)

    def remove_folder(self, path: CollectionPath) -> None:
        with self.folder(path.parent) as parent:
            os.rmdir(path.name, dir_fd=parent)


def _open_to_write(parent: int, name: bytes, source: os.stat_result) -> int:
    with suppress(FileNotFoundError):
        _refuse_special(os.stat(name, dir_fd=parent, follow_symlinks=False))
    descriptor = os.open(name, WRITE, FILE_MODE, dir_fd=parent)
    try:
        status = os.fstat(descriptor)
        _refuse_special(status)
        if status.st_nlink <= 1:
            _refuse_same(status, source)
            return descriptor
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    os.unlink(name, dir_fd=parent)
    return os.open(name, WRITE | os.O_EXCL, FILE_MODE, dir_fd=parent)


def _refuse_same(status: os.stat_result, source: os.stat_result) -> None:
    if os.path.samestat(status, source):
        raise SameFileError(errno.EINVAL, "source and destination are the same file")


def _refuse_special(status: os.stat_result) -> None:
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(status.st_mode):
        raise NotRegularError(errno.EINVAL, "not a regular file")


def rename_without_replacing(old_folder: int, old: bytes, new_folder: int, new: bytes) -> None:
    """Rename below two open folders; FileExistsError if the new name is taken, even since a moment ago."""
    if _LIBC.renameat2(old_folder, old, new_folder, new, _RENAME_NOREPLACE) == 0:
        return
    code = ctypes.get_errno()
    if code not in (errno.EINVAL, errno.ENOSYS):
        raise OSError(code, os.strerror(code))
    # A file system that cannot do it at once (NFS): look first.
    try:
        os.stat(new, dir_fd=new_folder, follow_symlinks=False)
    except FileNotFoundError:
        os.rename(old, new, src_dir_fd=old_folder, dst_dir_fd=new_folder)
    else:
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
