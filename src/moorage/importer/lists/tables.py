"""CSV that lists files: a header that names the path and a size or a digest, then a row for each file. Streaming."""

import csv
import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from moorage.importer.lists.listed import (
    HEX_DIGITS,
    DigestListError,
    Listed,
    algorithm_of_length,
    checked_digest,
    checked_path,
    known_algorithm,
)

MOST_LINES_A_ROW: Final = 100  # a quoted field may hold line breaks
LARGEST_SIZE: Final = 2**63 - 1

_PATH_COLUMNS: Final = ("path", "file", "filename", "file_name", "filepath", "file_path", "relative_path", "name")
_SIZE_COLUMNS: Final = ("size_bytes", "size", "bytes", "length", "filesize", "file_size")
_DIGEST_COLUMNS: Final = ("digest", "checksum", "hash")
_ALGORITHM_COLUMNS: Final = ("algorithm", "digest_algorithm", "checksum_algorithm", "checksum_type")


class Header(NamedTuple):
    """Where the columns of a CSV are. `digests` are pairs of a column and its algorithm, the strongest first."""

    delimiter: str
    path: int
    size: int | None
    algorithm: int | None
    digests: tuple[tuple[int, str], ...]


def header_of(line: bytes) -> Header | None:
    """The header that a CSV's first line is; None where it is none."""
    text = line.decode(errors="surrogateescape")
    for delimiter in (",", ";", "\t"):
        if delimiter not in text:
            continue
        try:
            names = next(csv.reader([text], delimiter=delimiter))
        except csv.Error:
            continue
        columns = [name.strip().lower().replace(" ", "_") for name in names]
        path = _first_of(columns, _PATH_COLUMNS)
        size = _first_of(columns, _SIZE_COLUMNS)
        digests = sorted(
            ((number, name) for number, column in enumerate(columns) if (name := known_algorithm(column))),
            key=lambda pair: list(HEX_DIGITS).index(pair[1]),
        )
        general = _first_of(columns, _DIGEST_COLUMNS)
        if general is not None:
            digests.append((general, ""))
        if path is not None and (size is not None or digests):
            return Header(delimiter, path, size, _first_of(columns, _ALGORITHM_COLUMNS), tuple(digests))
    return None


def _first_of(columns: list[str], names: Iterable[str]) -> int | None:
    return next((columns.index(name) for name in names if name in columns), None)


def table_rows(header: Header, lines: Iterator[tuple[int, bytes]], *, after: int) -> Iterator[Listed]:
    """The rows below a header, which is on line `after`.

    Raises:
        DigestListError: a row is none, or names a path that cannot lie in an upload.
    """
    at = after  # the line that was read last
    begun = at + 1  # the line on which the row begins

    def text() -> Iterator[str]:
        nonlocal at
        for number, line in lines:
            if number - begun > MOST_LINES_A_ROW:
                raise DigestListError("a quotation mark is opened and not closed", line=begun)
            at = number
            yield line.decode(errors="surrogateescape") + "\n"

    rows = csv.reader(text(), delimiter=header.delimiter, strict=True)
    while True:
        try:
            row = next(rows, None)
        except csv.Error as error:
            raise DigestListError(f"it is not CSV ({error})", line=at) from error
        if row is None:
            return
        if any(cell.strip() for cell in row):
            yield _row(header, row, at)
        begun = at + 1


def _row(header: Header, row: list[str], number: int) -> Listed:
    def cell(column: int | None) -> str:
        return row[column] if column is not None and column < len(row) else ""

    path = checked_path(cell(header.path).encode(errors="surrogateescape"), number)
    for column, name in header.digests:
        digest = cell(column).strip()
        if digest:
            algorithm = name or _said_algorithm(cell(header.algorithm), digest, number)
            return Listed(path, _size(cell(header.size), number), algorithm, _hex(digest, algorithm, number), number)
    return Listed(path, _size(cell(header.size), number), "", "", number)


def _said_algorithm(said: str, digest: str, number: int) -> str:
    if not said.strip():
        return algorithm_of_length(len(digest))
    if known := known_algorithm(said.strip()):
        return known
    shown = said.strip()[:40].encode(errors="backslashreplace").decode()
    raise DigestListError(f"its digest is {shown}, which is not compared here", line=number)


def _hex(digest: str, algorithm: str, number: int) -> str:
    if not re.fullmatch("[0-9A-Fa-f]+", digest):
        raise DigestListError("its digest is not hexadecimal", line=number)
    return checked_digest(digest.encode(), algorithm, number)


def _size(text: str, number: int) -> int | None:
    text = text.strip()
    if not text:
        return None
    if not re.fullmatch("[0-9]{1,19}", text) or int(text) > LARGEST_SIZE:
        raise DigestListError("its size is not a number of bytes", line=number)
    return int(text)
