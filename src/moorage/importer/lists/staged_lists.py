"""Lists of digests as they lie at the top of an area: looked at by their stamps, and opened to be read."""

import errno
import io
import os
import stat
from collections.abc import Iterator
from itertools import islice
from typing import Any, BinaryIO, Final, NamedTuple

from moorage.importer.ledger.job import ImportJob
from moorage.importer.lists.parsing import found_lists, source_of
from moorage.storage.digests import stamp_of

PART_NAMES: Final = 500

_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_GONE: Final = frozenset({errno.ENOENT, errno.ENODEV})
_NO_FILE: Final = "is not a file"
_NOT_READ: Final = {
    errno.ENXIO: _NO_FILE,
    errno.ELOOP: "is a link, which is not followed",
    errno.EACCES: "may not be read",
    errno.EPERM: "may not be read",
}


class ListNotReadError(Exception):
    """Moorage may not read a list; says why."""


class ListGoneError(Exception):
    """A list is there no more."""


class StagedList(NamedTuple):
    """A list that lies in an area. By its stamp it is known again: a time when it was kept may be of a wrong clock."""

    name: bytes
    source: str
    place: bytes
    stamp: str


def staged_lists(job: ImportJob, top: int) -> Iterator[list[StagedList]]:
    """The lists at the top of an area, in parts of no order. A folder may be called checksums, and means to be none.

    Raises:
        OSError: the disk has failed.
    """
    with os.scandir(top) as entries:
        while names := [os.fsencode(one.name) for one in islice(entries, PART_NAMES)]:
            job.check_wanted()
            staged = []
            for one in found_lists(names):
                try:
                    status = os.stat(one.name, dir_fd=top, follow_symlinks=False)
                except OSError as error:
                    if error.errno in _GONE:
                        continue
                    raise
                if not stat.S_ISDIR(status.st_mode):
                    staged.append(StagedList(one.name, source_of(one.name), one.place, _stamp(status)))
            if staged:
                yield staged


def open_list(job: ImportJob, top: int, name: bytes) -> BinaryIO:
    """Open a list, to be read as long as the job is wanted.

    Raises:
        ListNotReadError: it is no file, or may not be read.
        ListGoneError: it has gone since.
        OSError: the disk has failed.
    """
    try:
        descriptor = os.open(name, _FLAGS, dir_fd=top)
    except OSError as error:
        if error.errno in _GONE:
            raise ListGoneError from error
        if error.errno in _NOT_READ:
            raise ListNotReadError(_NOT_READ[error.errno]) from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ListNotReadError(_NO_FILE)
    return io.BufferedReader(_Wanted(descriptor, job))


def stamp_of_list(stream: BinaryIO) -> str:
    """The stamp of a list that is open."""
    return _stamp(os.fstat(stream.fileno()))


class _Wanted(io.FileIO):
    """An open list that is read as long as the job is wanted: also where none of its lines is a row."""

    def __init__(self, descriptor: int, job: ImportJob) -> None:
        super().__init__(descriptor)
        self._job = job

    def readinto(self, buffer: Any) -> int | None:
        self._job.check_wanted()
        return super().readinto(buffer)


def _stamp(status: os.stat_result) -> str:
    return " ".join(map(str, stamp_of(status)))
