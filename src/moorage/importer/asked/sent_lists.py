"""A list of digests that a member sends: taken whole, then kept, or refused with the line that is wrong."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, Final
from uuid import UUID

from django.db import OperationalError, transaction

from moorage.accounts.models import Member
from moorage.audit.records import record
from moorage.databases import trouble_of
from moorage.errors import QuotaExceededError, UnavailableError
from moorage.importer.asked.previews import look_again
from moorage.importer.lists.kept import SENT, forget_list
from moorage.importer.lists.parsing import read_list
from moorage.importer.lists.writing import write_list
from moorage.importer.models import ExpectedList
from moorage.projects.texts import one_line

MOST_BYTES: Final = 64 * 2**20
_KEPT_IN_MEMORY: Final = 2**20
_CHUNK: Final = 2**16


class ListTooLongError(QuotaExceededError):
    """More than a list may have."""

    code = "checksums.too_long"

    def __init__(self) -> None:
        super().__init__(
            f"A list of digests has at most {MOST_BYTES // 2**20} MiB. Put it into the upload as a file instead, "
            "at its top, as SHA256SUMS: there it may have any length."
        )
        self.limit_bytes = MOST_BYTES


class ListNotKeptError(UnavailableError):
    """The database has stopped it, such as for another process that waits for the same rows."""

    code = "checksums.not_kept"

    def __init__(self) -> None:
        super().__init__(
            "The database could not finish this just now. See which list counts, and try again in a minute."
        )


def _always() -> None:
    """It is wanted."""


@contextmanager
def _told_to_try_again() -> Iterator[None]:
    try:
        yield
    except OperationalError as error:
        if trouble_of(error) is None:
            raise
        raise ListNotKeptError from error


@_told_to_try_again()
def keep_sent_list(
    *,
    upload_id: UUID,
    project_id: UUID,
    stream: BinaryIO,
    name: str,
    by: Member,
    at: datetime,
    check_wanted: Callable[[], None] = _always,
) -> ExpectedList:
    """Compare an upload's files with the list that `stream` holds, instead of the one that was sent before.

    A list with a fault changes nothing. The preview, if there is one, is made anew. To be sent may take long:
    `check_wanted` is called in the transaction from which on the list counts; what it raises lets all be as before.

    Raises:
        DigestListError: it is no list, or a line of it is wrong.
        ListTooLongError: it is longer than a list may be.
        ListReplacedError: another was sent at the same time.
        ListNotKeptError: the database is in trouble.
    """

    def also(kept: ExpectedList) -> None:
        check_wanted()
        look_again(upload_id=upload_id, project_id=project_id, by=by, at=at)
        told = {"upload": str(upload_id), "files": kept.files}
        record("upload.checksums_sent", kept, actor=by, at=at, project_id=project_id, **told)

    name = one_line(name)
    with SpooledTemporaryFile(max_size=_KEPT_IN_MEMORY) as copy:
        _take(stream, copy)
        copy.seek(0)
        rows = read_list(copy, name=name)  # type: ignore[arg-type]  # it has what is needed of one
        return write_list(upload_id=upload_id, source=SENT, rows=rows, name=name, sent_by=by, at=at, also=also)


@_told_to_try_again()
def drop_sent_list(
    *, upload_id: UUID, project_id: UUID, by: Member, at: datetime, check_wanted: Callable[[], None] = _always
) -> None:
    """Compare nothing with the list that was sent any more. Harmless when there is none. `check_wanted` is as above.

    Raises:
        ListNotKeptError: the database is in trouble; what was not done yet, another try does.
    """
    forget_list(upload_id=upload_id, unless=check_wanted)
    with transaction.atomic():
        look_again(upload_id=upload_id, project_id=project_id, by=by, at=at)


def _take(stream: BinaryIO, copy: "SpooledTemporaryFile[bytes]") -> None:
    taken = 0
    while chunk := stream.read(_CHUNK):
        taken += len(chunk)
        if taken > MOST_BYTES:
            raise ListTooLongError
        copy.write(chunk)
