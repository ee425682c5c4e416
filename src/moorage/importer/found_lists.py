"""Lists of digests that lie at the top of an upload itself: read before the files are listed, so that they can be
compared (see `expectations`). A list that cannot be understood is a file like any other, and compares nothing.
"""

import os
import stat
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import BinaryIO, Final

from moorage.importer.digest_lists import FoundList, found_lists, read_list
from moorage.importer.expected import forget_list, whole_lists, write_list
from moorage.importer.job import ImportJob
from moorage.importer.listed import DigestListError
from moorage.storage.folders import FOLDER_FLAGS

_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

_CLOCKS_DIFFER: Final = timedelta(seconds=5)


def read_found_lists(job: ImportJob) -> list[str]:
    """Keep what the lists at the top of the area say, and forget those that lie there no more.

    Returns a sentence for each that cannot be understood.
    """
    faults: list[str] = []
    try:
        top = os.open(job.area, FOLDER_FLAGS)
    except FileNotFoundError:
        return faults
    try:
        lists = found_lists(os.fsencode(name) for name in os.listdir(top))
        for gone in {one.source for one in whole_lists(job.upload_id) if one.source} - {_source(one) for one in lists}:
            forget_list(upload_id=job.upload_id, source=gone, batch=job.batch)
        for one in lists:
            try:
                _read(job, top, one)
            except DigestListError as error:
                faults.append(f"{_source(one)} compares nothing. {error}")
    finally:
        os.close(top)
    return faults


def _read(job: ImportJob, top: int, found: FoundList) -> None:
    with suppress(OSError):  # what cannot be read here will be a problem of that file
        descriptor = os.open(found.name, _FLAGS, dir_fd=top)
        with os.fdopen(descriptor, "rb") as stream:
            status = os.fstat(stream.fileno())
            if stat.S_ISREG(status.st_mode) and not _is_known(job, found, status):
                _keep(job, stream, found)


def _is_known(job: ImportJob, found: FoundList, status: os.stat_result) -> bool:
    """Whether the list has been kept since its file was last changed."""
    changed_at = datetime.fromtimestamp(max(status.st_ctime, status.st_mtime), UTC) + _CLOCKS_DIFFER
    known = [one for one in whole_lists(job.upload_id) if one.source == _source(found)]
    return bool(known) and known[0].written_at > changed_at


def _keep(job: ImportJob, stream: BinaryIO, found: FoundList) -> None:
    name = _source(found)
    rows = read_list(stream, name=name)
    write_list(upload_id=job.upload_id, source=name, name=name, rows=rows, at=job.clock(), batch=job.batch)


def _source(found: FoundList) -> str:
    return os.fsdecode(found.name).encode(errors="backslashreplace").decode()
