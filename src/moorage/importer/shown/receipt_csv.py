"""A receipt file by file, as CSV: streamed, for members and scripts alike.

A line for why the run published nothing, for each file that it imported, for each path that it did not, and for what
was not there. Files and bytes by verdict sum up to the receipt's own counts, where lines of folders are left aside.
"""

import csv
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Final, Protocol
from uuid import UUID

from moorage.importer.shown.receipt_files import imported_files
from moorage.importer.shown.receipts import Receipt, newest_missing, problems, receipts

COLUMNS: Final = ("path", "verdict", "size_bytes", "sha256", "code", "reason", "kept_until", "kind")
ROWS_A_QUERY: Final = 1000

Line = list[str | int]


class Missing(Protocol):
    """A file that was not there; see `lists.completeness.missing_files`."""

    @property
    def id(self) -> int: ...
    @property
    def path(self) -> str: ...
    @property
    def size_bytes(self) -> int | None: ...
    @property
    def code(self) -> str: ...
    @property
    def sentence(self) -> str: ...


class MissingAfter(Protocol):
    """Gives a page of what the newest look did not find."""

    def __call__(self, *, after: int, limit: int) -> Sequence[Missing]: ...


class _Echo:
    """What `csv` writes into: gives each line back."""

    def write(self, line: str) -> str:
        return line


def csv_lines(upload_id: UUID, found: Receipt, missing_after: MissingAfter) -> Iterator[str]:
    """The lines of one receipt. `missing_after` gives what was not there, page by page."""
    write = csv.writer(_Echo()).writerow
    yield write(COLUMNS)
    if found.reason:
        yield write(["", found.outcome, "", "", found.reason, found.reason_text, "", ""])
    for rows in (_imported(upload_id, found), _left_out(upload_id, found), _missing(upload_id, found, missing_after)):
        yield from (write(row) for row in rows)


def _imported(upload_id: UUID, found: Receipt) -> Iterator[Line]:
    after = -1
    while found.revision is not None and (files := imported_files(upload_id, found.revision, after=after)):
        for one in files:
            code = one.warning if one.warning_text else ""
            yield [
                _harmless(one.path), one.verdict, one.size_bytes, one.digest, code, one.warning_text, "", "file"
            ]  # fmt: skip
        after = files[-1].number


def _left_out(upload_id: UUID, found: Receipt) -> Iterator[Line]:
    last = 0
    while page := list(problems(upload_id, found.run, after=last, limit=ROWS_A_QUERY)):
        for row in page:
            size = "" if row.size_bytes is None else row.size_bytes
            kept = _text(row.kept_until)
            yield [_harmless(row.path), row.verdict or "not there", size, "", row.code, row.sentence, kept, row.kind]
        last = page[-1].id


def _missing(upload_id: UUID, found: Receipt, missing_after: MissingAfter) -> Iterator[Line]:
    """Which files are missing is known of the newest run that found it out: an earlier one may have been compared with
    other lists.
    """
    newest = newest_missing(receipts(upload_id))
    if not found.missing or newest is None or found.run != newest.run:
        return
    after = 0
    while page := missing_after(after=after, limit=ROWS_A_QUERY):
        for one in page:
            size = "" if one.size_bytes is None else one.size_bytes
            yield [_harmless(one.path), "missing", size, "", one.code, one.sentence, "", ""]
        after = page[-1].id


def _text(at: datetime | None) -> str:
    return "" if at is None else f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _harmless(text: str) -> str:
    """A path that a spreadsheet does not take for a formula."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text
