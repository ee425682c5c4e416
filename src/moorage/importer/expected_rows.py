"""How rows of lists of digests are written, many by one statement; which lists, and when, is in `expected`."""

from collections.abc import Mapping
from typing import Any, Final

from django.db import connection

from moorage.importer.listed import Listed
from moorage.importer.models import ExpectedFile, ExpectedList

_COLUMNS: Final = ("upload_id", "path_digest", "path", "size_bytes", "algorithm", "digest", "source")
_ONE_ROW: Final = f"({', '.join(['%s'] * len(_COLUMNS))})"
_STATEMENT: Final = (
    f"INSERT INTO importer_expectedfile ({', '.join(_COLUMNS)}) VALUES {{}}"  # noqa: S608 - only our own columns
    " ON CONFLICT (upload_id, path_digest) DO {}"
)
_OVER_OTHERS: Final = {
    True: "UPDATE SET size_bytes = excluded.size_bytes, algorithm = excluded.algorithm, digest = excluded.digest,"
    " source = excluded.source WHERE importer_expectedfile.source <> excluded.source",
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
