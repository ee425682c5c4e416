"""Lists of digests that lie at the top of an upload itself: read before the files are listed, so that they can be
compared (see `expectations`). A list that cannot be understood is a file like any other, and compares nothing.
"""

import errno
import os
import stat
from typing import Final

from moorage.importer.digest_lists import FoundList, found_lists, read_list
from moorage.importer.expected import forget_list, whole_lists, write_list
from moorage.importer.job import ImportJob
from moorage.importer.listed import DigestListError
from moorage.storage.digests import stamp_of
from moorage.storage.folders import FOLDER_FLAGS

_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_NO_FILE: Final = frozenset({errno.ENOENT, errno.ENXIO, errno.ENODEV})  # or gone by now
_NOT_READ: Final = {
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
    faults: list[str] = []
    try:
        top = os.open(job.area, FOLDER_FLAGS)
    except FileNotFoundError:
        return faults
    try:
        lists = found_lists(os.fsencode(name) for name in os.listdir(top))
        known = {one.source: one.stamp for one in whole_lists(job.upload_id) if one.source}
        for gone in known.keys() - {_source(one) for one in lists}:
            _forget(job, gone)
        for one in lists:
            try:
                _read(job, top, one, known.get(_source(one), ""))
            except DigestListError as error:
                faults.append(f"{_source(one)} compares nothing. {error}")
            except OSError as error:
                if error.errno not in _NOT_READ:
                    raise
                _forget(job, _source(one))
                faults.append(f"{_source(one)} compares nothing: it {_NOT_READ[error.errno]}.")
    finally:
        os.close(top)
    return faults


def _read(job: ImportJob, top: int, found: FoundList, known: str) -> None:
    """Keep what a list says, unless it is `known` by its file's stamp: a time that is kept may be of a wrong clock."""
    source = _source(found)
    try:
        descriptor = os.open(found.name, _FLAGS, dir_fd=top)
    except OSError as error:
        if error.errno not in _NO_FILE:
            raise
        _forget(job, source)
        return
    with os.fdopen(descriptor, "rb") as stream:
        status = os.fstat(stream.fileno())
        stamp = " ".join(map(str, stamp_of(status)))
        if not stat.S_ISREG(status.st_mode):
            _forget(job, source)
        elif stamp != known:
            rows = read_list(stream, name=source)
            write_list(
                upload_id=job.upload_id,
                source=source,
                name=source,
                stamp=stamp,
                rows=rows,
                at=job.clock(),
                batch=job.batch,
            )


def _forget(job: ImportJob, source: str) -> None:
    forget_list(upload_id=job.upload_id, source=source, batch=job.batch)


def _source(found: FoundList) -> str:
    return os.fsdecode(found.name).encode(errors="backslashreplace").decode()
