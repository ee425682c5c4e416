"""Rows of a list of digests, written many by one statement. A list may name a path twice, but not otherwise."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from django.db import connection

from moorage.files.paths import path_key
from moorage.importer.lists.kept import BATCH_ROWS, Batch, ListReplacedError
from moorage.importer.lists.listed import DigestListError, Listed
from moorage.importer.models import ExpectedFile, ExpectedList, ListState
from moorage.importer.words import paths

Rows = Mapping[bytes, Listed]  # of one list, by the keys of their paths

_COLUMNS: Final = ("upload_id", "path_digest", "path", "size_bytes", "algorithm", "digest", "expected_list_id")
_ONE_ROW: Final = f"({', '.join(['%s'] * len(_COLUMNS))})"
_STATEMENT: Final = (
    f"INSERT INTO importer_expectedfile ({', '.join(_COLUMNS)})"  # noqa: S608 - only our own columns
    " VALUES {} ON CONFLICT (upload_id, path_digest, expected_list_id) DO NOTHING"
)


def write_rows(kept: ExpectedList, rows: Iterable[Listed], batch: Batch) -> None:
    """Write the rows of a list that is being written, whatever their number: a part in each `batch`.

    Raises:
        DigestListError: a row is none, or contradicts another. Some of them may have been written.
        ListReplacedError: the list does not count any more.
    """
    waiting = iter(rows)
    while once := by_key(islice(waiting, BATCH_ROWS)):
        values = list(values_of(kept, once))  # before the transaction, which is to be short
        with batch():
            written = insert(len(once), values)
            if written < len(once):
                _check_alike_before(kept, once)
            kept.files += written
            move(kept, ListState.WRITING)


def move(kept: ExpectedList, state: ListState) -> None:
    """Write down what is known of a list that is being written, and how far it is from now on; in a transaction.

    Raises:
        ListReplacedError: it does not count any more.
    """
    writing = ExpectedList.objects.filter(pk=kept.pk, state=ListState.WRITING)
    if not writing.update(state=state, files=kept.files, stamp=kept.stamp):
        raise ListReplacedError
    kept.state = state


def insert(rows: int, values: Sequence[Any]) -> int:
    """Write so many rows, unless they are there, whose `values_of` these are; how many were written."""
    with connection.cursor() as cursor:
        cursor.execute(_STATEMENT.format(", ".join([_ONE_ROW] * rows)), values)
        return int(cursor.rowcount)


def values_of(kept: ExpectedList, rows: Rows) -> Iterator[Any]:
    """What is kept of the rows of a list."""
    upload = ExpectedFile._meta.get_field("upload").get_db_prep_value(kept.upload_id, connection)
    for key, row in rows.items():
        yield from (upload, key, row.path, row.size_bytes, row.algorithm, row.digest, kept.pk)


def by_key(rows: Iterable[Listed]) -> dict[bytes, Listed]:
    """Rows of one list by the keys of their paths.

    Raises:
        DigestListError: two say different things of one path.
    """
    once: dict[bytes, Listed] = {}
    for row in rows:
        _check_alike(once.setdefault(path_key(row.path), row)[1:4], row)
    return once


def _check_alike_before(kept: ExpectedList, rows: Rows) -> None:
    """Some rows were not written: what this list has said before of the same paths must be the same."""
    ours = ExpectedFile.objects.filter(upload_id=kept.upload_id, expected_list=kept, path_digest__in=list(rows))
    for key, *said in ours.values_list("path_digest", "size_bytes", "algorithm", "digest"):
        _check_alike(tuple(said), rows[bytes(key)])


def _check_alike(said: tuple[Any, ...], row: Listed) -> None:
    if said != row[1:4]:
        raise DigestListError(
            f"{paths.printable(row.path)} stood in it before, with another digest or size", line=row.line
        )
