"""Rows of lists of digests: alike where two name one path, and written many by one statement. `kept` says when."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from django.db import connection

from moorage.files.paths import path_key
from moorage.importer.lists.listed import DigestListError, Listed
from moorage.importer.models import ExpectedFile, ExpectedList
from moorage.importer.words import paths

_COLUMNS: Final = ("upload_id", "path_digest", "path", "size_bytes", "algorithm", "digest", "source")
_OTHERS: Final = ("other_algorithm", "other_digest")  # what only another list may add; see `overlaps`
_ONE_ROW: Final = f"({', '.join(['%s'] * len(_COLUMNS))}, '', '')"
_STATEMENT: Final = (
    f"INSERT INTO importer_expectedfile ({', '.join((*_COLUMNS, *_OTHERS))})"  # noqa: S608 - only our own columns
    " VALUES {} ON CONFLICT (upload_id, path_digest) DO {}"
)
_OVER_OTHERS: Final = {
    True: "UPDATE SET size_bytes = excluded.size_bytes, algorithm = excluded.algorithm, digest = excluded.digest,"
    " other_algorithm = excluded.other_algorithm, other_digest = excluded.other_digest, source = excluded.source"
    " WHERE importer_expectedfile.source <> excluded.source",
    False: "NOTHING",
}


def insert(rows: int, *, is_sent: bool = False) -> str:
    """The statement that writes so many rows; its parameters are `values_of` them."""
    return _STATEMENT.format(", ".join([_ONE_ROW] * rows), _OVER_OTHERS[is_sent])


def values_of(kept: ExpectedList, rows: Mapping[bytes, Listed]) -> list[Any]:
    """What is kept of the rows of a list."""
    upload = ExpectedFile._meta.get_field("upload").get_db_prep_value(kept.upload_id, connection)
    values: list[Any] = []
    for key, row in rows.items():
        values += (upload, key, row.path, row.size_bytes, row.algorithm, row.digest, kept.source)
    return values


def by_key(rows: Iterable[Listed]) -> dict[bytes, Listed]:
    """Rows of one list by the keys of their paths.

    Raises:
        DigestListError: two say different things of one path.
    """
    once: dict[bytes, Listed] = {}
    for row in rows:
        _check_alike(once.setdefault(path_key(row.path), row)[1:4], row)
    return once


def check_standing(kept: ExpectedList, rows: Mapping[bytes, Listed]) -> None:
    """Some rows were not written: what this list has said before of the same paths must be the same."""
    ours = ExpectedFile.objects.filter(upload_id=kept.upload_id, source=kept.source, path_digest__in=list(rows))
    for key, *said in ours.values_list("path_digest", "size_bytes", "algorithm", "digest"):
        _check_alike(tuple(said), rows[bytes(key)])


def _check_alike(said: tuple[Any, ...], row: Listed) -> None:
    if said != row[1:4]:
        raise DigestListError(
            f"{paths.printable(row.path)} stood in it before, with another digest or size", line=row.line
        )
