"""Lists of digests that lie at the top of an upload itself: read before the files are listed, so that they can be
compared (see `expectations`). A list that cannot be understood is a file like any other, and compares nothing.
"""

import errno
import io
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, Final

from moorage.importer.ledger.job import ImportJob
from moorage.importer.lists.kept import forget_found_lists, found_lists_of, write_list
from moorage.importer.lists.kept_rows import by_key
from moorage.importer.lists.listed import DigestListError
from moorage.importer.lists.overlaps import MOST_TOLD
from moorage.importer.lists.parsing import FoundList, found_lists, read_list, source_of
from moorage.importer.lists.short_lists import MOST_ROWS, ShortLists
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

    Returns a sentence for each that cannot be understood, or that Moorage may not read; of many for some, and how many
    more there are.

    Raises:
        OSError: the disk has failed. It may be read another time.
        StoreAwayError: the store is not there.
    """
    try:
        top = os.open(job.area, FOLDER_FLAGS)
    except FileNotFoundError:
        job.store.check_is_there()
        return []
    try:
        lists = found_lists(_names(job, top))
        stamps, faults = _look_at(job, top, lists)
        kept = found_lists_of(job.upload_id)
        is_whole = not kept.filter(is_whole=False).exists()
        if not is_whole or stamps != dict(kept.values_list("source", "stamp")):
            faults += _keep_all(job, top, [one for one in lists if source_of(one.name) in stamps])
    finally:
        os.close(top)
    return _some_of(faults)


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


def _keep_all(job: ImportJob, top: int, lists: Sequence[FoundList]) -> list[str]:
    """Keep what lists say, instead of what was kept before; a sentence for each that cannot be understood.

    A file that several of them name has one row. So where a long one turns out to be bad, of which some is written
    already, all begin anew without it.
    """
    faults: dict[bytes, str] = {}
    is_kept = False
    while not is_kept:
        forget_found_lists(upload_id=job.upload_id, batch=job.batch)
        is_kept = _keep_good(job, top, [one for one in lists if one.name not in faults], faults)
    return list(faults.values())


def _keep_good(job: ImportJob, top: int, lists: Iterable[FoundList], faults: dict[bytes, str]) -> bool:
    """Keep what lists say that are not bad. False where some of a bad one was written; no list after it was read."""
    short = ShortLists(job.upload_id, batch=job.batch, clock=job.clock)
    for one in lists:
        try:
            fault = _keep(job, top, one, short)
        except DigestListError as error:
            faults[one.name] = _sentence(one, error)
            return False
        if fault:
            faults[one.name] = fault
    short.write()
    return True


def _keep(job: ImportJob, top: int, found: FoundList, short: ShortLists) -> str:
    """Keep what a list says, or put it to those that are `short`; a sentence if it cannot be understood.

    Raises:
        DigestListError: it cannot be understood, and some of it was written.
    """
    try:
        descriptor = os.open(found.name, _FLAGS, dir_fd=top)
    except OSError as error:
        if error.errno in _GONE | _NOT_READ.keys():
            return ""  # since the look at it: the next look says so
        raise
    with io.BufferedReader(_Wanted(descriptor, job)) as stream:
        stamp, source = _stamp(os.fstat(stream.fileno())), source_of(found.name)
        rows = read_list(stream, name=os.fsdecode(found.name))
        try:
            first = list(islice(rows, MOST_ROWS + 1))
            once = by_key(first)
        except DigestListError as error:
            return _sentence(found, error)
        if len(first) <= MOST_ROWS:
            short.add(source, once, stamp=stamp)
            return ""
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
    return ""


def _sentence(found: FoundList, error: DigestListError) -> str:
    return f"{source_of(found.name)} compares nothing. {error}"


def _some_of(faults: list[str]) -> list[str]:
    more = len(faults) - MOST_TOLD
    if more <= 0:
        return faults
    lists = "list of digests compares" if more == 1 else "lists of digests compare"
    return [*faults[:MOST_TOLD], f"{more:,} more {lists} nothing."]


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
