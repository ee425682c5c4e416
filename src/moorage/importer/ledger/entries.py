"""Entries on their way into the manifest, and how a batch of them is written: with as few statements as possible.

What is written replaces what the manifest had of the same path, so that a batch can be written again.
"""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final
from uuid import UUID

from django.db import connection

from moorage.importer.ledger.bulk import insert_rows
from moorage.importer.models import ManifestEntry
from moorage.importer.words.advice import Reason
from moorage.importer.words.reasons import LEFT_OUT
from moorage.importer.words.verdicts import EntryKind, EntryState
from moorage.storage.digests import Stamp

DELETED_ROWS: Final = 200
_as_upload: Final = ManifestEntry._meta.get_field("upload").get_db_prep_value


class Entry:
    """An entry in memory; see `models.ManifestEntry`. `place` is the path in the project that `directory_id` stands
    for, `replaces` the number of the row that it takes the place of, `again` that the same scan may have written one.

    What nearly no entry has stands in the class: of a hundred thousand, each would be set in vain.
    """

    trouble: str = ""
    directory_id: int | None = None
    verdict: str = ""
    state: str = EntryState.PLANNED.value
    reason: str = ""
    reason_text: str = ""
    warning: str = ""
    compared: str = ""
    digest: str = ""
    crc32: int = 0
    object_id: int | None = None
    place: str = ""
    digest_at_head: str = ""  # of what the project has at its path
    arrived_ns: int | None = None
    unsolved: Reason | None = None
    listed: tuple[tuple[str, str], ...] | None = None  # what lists of digests say, where only its bytes can tell
    replaces: int | None = None
    again: bool = False

    def __init__(self, path: bytes, key: bytes, name: str, kind: str, stamp: Stamp) -> None:
        self.path, self.key, self.name, self.kind = path, key, name, kind
        self.inode, self.size_bytes, self.modified_ns, self.changed_ns = stamp

    @property
    def stamp(self) -> Stamp:
        return Stamp(self.inode, self.size_bytes, self.modified_ns, self.changed_ns)

    @property
    def last_written_ns(self) -> int:
        """When somebody else than we changed the file last."""
        return self.changed_ns if self.arrived_ns is None else self.arrived_ns

    def see(self, stamp: Stamp) -> None:
        """The file is as this says."""
        self.inode, self.size_bytes, self.modified_ns, self.changed_ns = stamp

    @property
    def is_plain(self) -> bool:
        """A placed file of which nothing is to be said, as nearly all are."""
        told = self.reason or self.warning or self.compared or self.trouble or self.unsolved
        return self.state == _PLACED and self.kind == _FILE and not told and self.arrived_ns is None


_HALF: Final = 2**63
_FILE: Final = EntryKind.FILE.value
_PLACED: Final = EntryState.PLACED.value
_PLAIN: Final = (
    *("path", "path_key", "name", "size_bytes", "modified_ns", "changed_ns", "inode"),
    *("directory_id", "verdict", "digest", "crc32", "object_id"),
)
_OTHERS: Final = (
    *("kind", "trouble", "state", "reason", "reason_text", "warning", "compared"),
    *("arrived_ns", "unsolved"),
)
_NOT_SAID: Final = "'', '', '', '', NULL, NULL"  # the last of these of a plain file
_HEAD: Final = f"INSERT INTO importer_manifestentry (upload_id, run, {', '.join((*_PLAIN, *_OTHERS))})"
_PLAIN_ROW: Final = f"(%s, %s, {', '.join(['%s'] * len(_PLAIN))}, '{_FILE}', '', '{_PLACED}', {_NOT_SAID})"
_WHOLE_ROW: Final = f"(%s, %s, {', '.join(['%s'] * (len(_PLAIN) + len(_OTHERS)))})"


def write_entries(upload_id: UUID, run: int, entries: Sequence[Entry]) -> None:
    """Write entries as what a run has seen, in their order. Call it in a transaction."""
    if any(entry.again for entry in entries):
        # Both may wait for the same transaction: the later one knows more.
        entries = list({entry.key: entry for entry in entries}.values())
    _make_room(upload_id, entries)
    upload = _as_upload(upload_id, connection)
    if connection.vendor == "postgresql":
        _copy(upload, run, entries)
        return
    others = [(upload, run, *_whole_row(run, entry)) for entry in entries if not entry.is_plain]
    plain = [(upload, run, *_plain_row(entry)) for entry in entries if entry.is_plain]
    # Folders are among the others, and come before what they hold.
    insert_rows(_HEAD, _WHOLE_ROW, others)
    insert_rows(_HEAD, _PLAIN_ROW, plain)


def _make_room(upload_id: UUID, entries: Sequence[Entry]) -> None:
    ours = ManifestEntry.objects.filter(upload_id=upload_id)
    replaced = [entry.replaces for entry in entries if entry.replaces is not None]
    again = [entry.key for entry in entries if entry.again]
    for some in _chunks(replaced):
        _delete(ours.filter(pk__in=some))
    for keys in _chunks(again):
        _delete(ours.filter(path_key__in=keys))


def _delete(entries: Any) -> None:
    entries._raw_delete(entries.db)  # noqa: SLF001 - nothing refers to an entry, and Django would fetch them all first


def _chunks(things: Sequence[Any]) -> Iterator[Sequence[Any]]:
    for start in range(0, len(things), DELETED_ROWS):
        yield things[start : start + DELETED_ROWS]


def _copy(upload: Any, run: int, entries: Sequence[Entry]) -> None:
    columns = ", ".join(("upload_id", "run", *_PLAIN, *_OTHERS))
    # Django does not know copy(), so it does not make its own errors of what that raises by itself.
    with (
        connection.wrap_database_errors,
        connection.cursor() as cursor,
        cursor.copy(f"COPY importer_manifestentry ({columns}) FROM STDIN") as copy,
    ):
        for entry in entries:
            copy.write_row((upload, run, *_whole_row(run, entry)))


def _plain_row(entry: Entry) -> tuple[Any, ...]:
    return (
        entry.path,
        entry.key,
        entry.name,
        entry.size_bytes,
        entry.modified_ns,
        entry.changed_ns,
        signed(entry.inode) if entry.inode >= _HALF else entry.inode,
        entry.directory_id,
        entry.verdict,
        bytes.fromhex(entry.digest),
        entry.crc32,
        entry.object_id,
    )


def _whole_row(run: int, entry: Entry) -> tuple[Any, ...]:
    return (
        *_plain_row(entry),
        entry.kind,
        entry.trouble,
        entry.state,
        entry.reason,
        entry.reason_text,
        entry.warning,
        entry.compared,
        entry.arrived_ns,
        _unsolved(run, entry),
    )


def _unsolved(run: int, entry: Entry) -> str | None:
    # What only a look says is no run's reason, and no rule and no choice solves anything.
    is_solid = run > 0 and entry.reason and entry.reason not in LEFT_OUT
    unsolved = Reason(entry.reason, entry.reason_text) if is_solid else entry.unsolved
    return json.dumps(unsolved) if unsolved else None


def is_same_file(one: Stamp, other: Stamp) -> bool:
    """Whether these are of one file that nobody has written to. Our own link and chmod move the time of its last
    change; the manifest may have one of them.
    """
    return _but_changed(one) == _but_changed(other)


def _but_changed(stamp: Stamp) -> tuple[int, int, int]:
    return stamp.inode, stamp.size_bytes, stamp.modified_ns


def signed(number: int) -> int:
    """A number of 64 bits as a database holds it: ext4 and XFS count inodes without a sign."""
    return number - 2**64 if number >= 2**63 else number


def unsigned(number: int) -> int:
    """The number that `signed` was given."""
    return number % 2**64
