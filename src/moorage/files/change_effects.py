"""What a remove, a move or a restore does to a project, counted; and its versions, written above the head."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import connection

from moorage.files.change_refusals import ChangeRefusedError
from moorage.files.ids import new_version_ids
from moorage.files.models import FileVersion
from moorage.files.registering import RegisterRight, RevisionCounts

REFUSALS_NAMED: Final = 20
BATCH_ROWS: Final = 300  # a transaction of more takes too long on SQLite


@dataclass
class ChangeEffect:
    """Files that a change brings, replaces, takes away, finds as they are to be; `bytes` of what it brings or takes.

    A move takes each file from one path and brings it to another. `folders` are those that a restore brings
    back. `stays` are files in restored folders that have come since. `is_whole` is false where only the first
    paths were counted; `refusals` are the first of the paths that keep the change from being made.
    """

    added: int = 0
    changed: int = 0
    removed: int = 0
    same: int = 0
    bytes: int = 0
    folders: int = 0
    stays: int = 0
    is_whole: bool = True
    refusals: list[ChangeRefusedError] = field(default_factory=list)

    @property
    def counts(self) -> RevisionCounts:
        return RevisionCounts(
            files_added=self.added,
            files_changed=self.changed,
            files_removed=self.removed,
            bytes_added=self.bytes if self.added or self.changed else 0,
        )

    def refuse(self, refusal: ChangeRefusedError) -> None:
        if len(self.refusals) < REFUSALS_NAMED:
            self.refusals.append(refusal)


@dataclass(frozen=True)
class Copy:
    """A version that is to stand at a place too, with its bytes and times."""

    version_id: Any
    directory_id: int
    name: str


_COPY: Final = """
    INSERT INTO files_fileversion (id, project_id, directory_id, name, object_id, size_bytes, modified_at, since)
    SELECT %s, project_id, %s, %s, object_id, size_bytes, modified_at, %s FROM files_fileversion WHERE id = %s
"""


def write_versions(right: RegisterRight, *, ends: Sequence[Any], copies: Sequence[Copy]) -> None:
    """End these file versions and begin copies of those, in as many batches as they need.

    Where a copy begins at the path of a version that ends, `ends` names that no later than `copies` does the copy.

    Raises:
        RightLostError: the right is another's.
    """
    for start in range(0, max(len(ends), len(copies)), BATCH_ROWS):
        _write_batch(right, ends[start : start + BATCH_ROWS], copies[start : start + BATCH_ROWS])


def _write_batch(right: RegisterRight, ends: Sequence[Any], copies: Sequence[Copy]) -> None:
    as_id = FileVersion._meta.pk.get_db_prep_value
    rows = [
        (as_id(new_id, connection), copy.directory_id, copy.name, right.number, as_id(copy.version_id, connection))
        for new_id, copy in zip(new_version_ids(len(copies)), copies, strict=True)
    ]
    with right.batch(), connection.cursor() as cursor:
        # First what ends: a path has at most one version without an end.
        FileVersion.objects.filter(pk__in=ends).update(until=right.number)
        if rows:
            cursor.executemany(_COPY, rows)
