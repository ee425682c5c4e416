"""Lists of digests that lie at the top of an upload itself: read before the files are listed, so that they can be
compared (see `expectations`). A list that cannot be understood is a file like any other, and compares nothing.
"""

import errno
import io
import os
import stat
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any, Final

from moorage.importer.digest_lists import FoundList, found_lists, read_list, source_of
from moorage.importer.expected import by_key, forget_found_lists, found_lists_of, write_list
from moorage.importer.job import ImportJob
from moorage.importer.listed import DigestListError
from moorage.importer.short_lists import MOST_ROWS, ShortLists
from moorage.storage.digests import stamp_of
from moorage.storage.folders import FOLDER_FLAGS

_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_GONE: Final = frozenset({errno.ENOENT, errno.ENODEV})
_NOT_READ: Final = {
    errno.ENXIO: "is not a file",
    errno.ELOOP: "is a link, which is not followed",
    errno.EACCES: "may not be read",
    errno.EPERM: "may not be read",
}


def read_found_lists(job: ImportJob) -> list[str]:
    """Keep what the lists at the top of the area say, and forget those that lie there no more.

    Returns a sentence for each that cannot be understood, or that Moorage may not read.

    Raises:
        OSError: the disk has failed. It may be read another time.
    """
    try:
        top = os.open(job.area, FOLDER_FLAGS)
    except FileNotFoundError:
        return []
    try:
        lists = found_lists(_names(job, top))
        stamps, faults = _look_at(job, top, lists)
        kept = found_lists_of(job.upload_id)
        is_whole = not kept.filter(is_whole=False).exists()
        if not is_whole or stamps != dict(kept.values_list("source", "stamp")):
            # All of them: a file that two of them name has one row, which goes with the list that it is of.
            forget_found_lists(upload_id=job.upload_id, batch=job.batch)
            short = ShortLists(job.upload_id, batch=job.batch, clock=job.clock)
            for one in lists:
                if source_of(one.name) in stamps:
                    faults += _keep(job, top, one, short)
            short.write()
    finally:
        os.close(top)
    return faults


def _names(job: ImportJob, top: int) -> Iterator[bytes]:
    with os.scandir(top) as entries:
        for entry in entries:
            job.check_wanted()
            yield os.fsencode(entry.name)


def _look_at(job: ImportJob, top: int, lists: Iterable[FoundList]) -> tuple[dict[str, str], list[str]]:
    """The stamps of lists, by their sources, and a sentence for each that may not be read."""
    stamps: dict[str, str] = {}
    faults: list[str] = []
    for one in lists:
        job.check_wanted()
        try:
            descriptor = os.open(one.name, _FLAGS, dir_fd=top)
        except OSError as error:
            if error.errno in _NOT_READ:
                faults.append(f"{source_of(one.name)} compares nothing: it {_NOT_READ[error.errno]}.")
            elif error.errno not in _GONE:
                raise
            continue
        try:
            if stat.S_ISREG((status := os.fstat(descriptor)).st_mode):
                stamps[source_of(one.name)] = _stamp(status)
            elif not stat.S_ISDIR(status.st_mode):  # a folder may be called checksums, and means to be no list
                faults.append(f"{source_of(one.name)} compares nothing: it is not a file.")
        finally:
            os.close(descriptor)
    return stamps, faults


def _keep(job: ImportJob, top: int, found: FoundList, short: ShortLists) -> list[str]:
    """Keep what a list says, or put it to those that are `short`; a sentence if it cannot be understood."""
    source = source_of(found.name)
    try:
        descriptor = os.open(found.name, _FLAGS, dir_fd=top)
    except OSError as error:
        if error.errno in _GONE | _NOT_READ.keys():
            return []  # since the look at it: the next look says so
        raise
    with io.BufferedReader(_Wanted(descriptor, job)) as stream:
        stamp = _stamp(os.fstat(stream.fileno()))
        try:
            rows = read_list(stream, name=os.fsdecode(found.name))
            first = list(islice(rows, MOST_ROWS + 1))
            if len(first) <= MOST_ROWS:
                short.add(source, by_key(first), stamp=stamp)
                return []
            short.write()  # of two lists that name a file the first counts
            write_list(
                upload_id=job.upload_id,
                source=source,
                name=source,
                stamp=stamp,
                rows=chain(first, rows),
                at=job.clock(),
                batch=job.batch,
            )
        except DigestListError as error:
            return [f"{source} compares nothing. {error}"]
    return []


class _Wanted(io.FileIO):
    """An open list that is read as long as the job is wanted: also where none of its lines is a row."""

    def __init__(self, descriptor: int, job: ImportJob) -> None:
        super().__init__(descriptor)
        self._job = job

    def readinto(self, buffer: Any) -> int | None:
        self._job.check_wanted()
        return super().readinto(buffer)


def _stamp(status: os.stat_result) -> str:
    """By this a list is known again: a time at which it was kept may be of a wrong clock."""
    return " ".join(map(str, stamp_of(status)))
