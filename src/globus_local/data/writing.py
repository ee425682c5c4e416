"""Storing and removing one file of a collection: all of it or nothing, and only while a rule allows it.

A file has no name until its last byte is there. So an upload that is broken off, or whose rule is taken
away meanwhile, leaves nothing that anyone could see.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING, Final

from werkzeug.exceptions import ClientDisconnected

from globus_local.data.errors import NotAFileError, failed
from globus_local.errors import TransferError
from globus_local.transfer.paths import CollectionPath, parse_path
from globus_local.transfer.tree import FILE_MODE, Tree

if TYPE_CHECKING:
    from globus_local.auth.callers import Caller
    from globus_local.transfer.endpoints import Collection
    from globus_local.world import LocalGlobus

CHUNK_BYTES: Final = 1 << 20
_NO_UNNAMED_FILES: Final = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT)


class IncompleteUploadError(TransferError):
    """The sender went away before the last byte."""

    def __init__(self, received_bytes: int) -> None:
        super().__init__(
            "ClientError.Incomplete",
            f"Only {received_bytes} bytes arrived, so nothing was stored. Send the file again.",
            400,
        )


class FileExistsAlreadyError(TransferError):
    """The sender asked not to replace anything (`If-None-Match: *`)."""

    def __init__(self, path: CollectionPath) -> None:
        super().__init__("Exists", f"{path} exists already and was not replaced.", 412)


def put_file(
    world: LocalGlobus,
    caller: Caller | None,
    collection: Collection,
    path: str,
    stream: IO[bytes],
    *,
    length: int | None = None,
    may_replace: bool = True,
) -> bool:
    """Store what `stream` gives as one file. Returns whether it is new (and not another one replaced).

    `length`, if known, is how many bytes have to come. Memory does not grow with it.

    Raises TransferError: PermissionDenied (403), ClientError.NotFound (404: no such folder), InvalidPath,
    NotAFileError, IncompleteUploadError, FileExistsAlreadyError.
    """
    target = parse_path(path)
    if target.is_root or path.endswith("/"):
        raise NotAFileError(target)
    world.rules.check(caller, collection, target.parent, "rw")
    tree = Tree(collection.root)
    try:
        with tree.folder(target.parent) as folder:
            _refuse_other_than_file(folder, target)
            with _unnamed_file(folder) as (descriptor, name_it):
                _receive(stream, descriptor, length)
                with world.rules.steady():
                    world.rules.check(caller, collection, target.parent, "rw")
                    _refuse_moved(tree, target, folder)
                    return name_it(target, may_replace)
    except OSError as error:
        raise failed(target, error) from error


def delete_file(world: LocalGlobus, caller: Caller, collection: Collection, path: str) -> None:
    """Remove one file (a folder: by a delete task).

    Raises TransferError: PermissionDenied (403), ClientError.NotFound (404), NotAFileError.
    """
    target = parse_path(path)
    if target.is_root:
        raise NotAFileError(target)
    with world.rules.steady():
        world.rules.check(caller, collection, target.parent, "rw")
        try:
            with Tree(collection.root).folder(target.parent) as folder:
                _refuse_other_than_file(folder, target)
                os.unlink(target.name, dir_fd=folder)
        except OSError as error:
            raise failed(target, error) from error


def _receive(stream: IO[bytes], descriptor: int, length: int | None) -> None:
    received = 0
    try:
        while chunk := stream.read(CHUNK_BYTES):
            view = memoryview(chunk)
            while view:
                view = view[os.write(descriptor, view) :]
            received += len(chunk)
    except ClientDisconnected as error:
        raise IncompleteUploadError(received) from error
    if length is not None and received != length:
        raise IncompleteUploadError(received)


class _NameIt:
    """Gives the finished file its name. Called at most once."""

    def __init__(self, folder: int, descriptor: int, part_name: bytes | None) -> None:
        self._folder = folder
        self._descriptor = descriptor
        self.part_name = part_name

    def __call__(self, target: CollectionPath, may_replace: bool) -> bool:
        try:
            self._link(target.name)
        except FileExistsError:
            if not may_replace:
                raise FileExistsAlreadyError(target) from None
        else:
            return True
        if self.part_name is None:
            part_name = _part_name()
            self._link(part_name)
            self.part_name = part_name
        os.replace(self.part_name, target.name, src_dir_fd=self._folder, dst_dir_fd=self._folder)
        self.part_name = None
        return False

    def _link(self, name: bytes) -> None:
        if self.part_name is None:
            os.link(f"/proc/self/fd/{self._descriptor}", name, dst_dir_fd=self._folder, follow_symlinks=True)
        else:
            os.link(
                self.part_name,
                name,
                src_dir_fd=self._folder,
                dst_dir_fd=self._folder,
                follow_symlinks=False,
            )


@contextmanager
def _unnamed_file(folder: int) -> Iterator[tuple[int, _NameIt]]:
    """A new file in a folder that nobody can see; where the file system has no such thing, with a hidden name."""
    part_name = None
    try:
        descriptor = os.open(b".", os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, FILE_MODE, dir_fd=folder)
    except OSError as error:
        if error.errno not in _NO_UNNAMED_FILES:
            raise
        part_name = _part_name()
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(part_name, flags, FILE_MODE, dir_fd=folder)
    name_it = _NameIt(folder, descriptor, part_name)
    try:
        yield descriptor, name_it
    finally:
        os.close(descriptor)
        if name_it.part_name is not None:
            with suppress(FileNotFoundError):
                os.unlink(name_it.part_name, dir_fd=folder)


def _part_name() -> bytes:
    return f".globus-local-{secrets.token_hex(8)}.part".encode()


def _refuse_other_than_file(folder: int, target: CollectionPath) -> None:
    try:
        status = os.stat(target.name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return
    if not stat.S_ISREG(status.st_mode):
        raise NotAFileError(target)


def _refuse_moved(tree: Tree, target: CollectionPath, folder: int) -> None:
    """The folder may have been renamed away while the bytes came: then the file belongs nowhere."""
    with tree.folder(target.parent) as now:
        if not os.path.samestat(os.fstat(now), os.fstat(folder)):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
