"""The files that a tree holds, folder by folder, as packed rows: read in few queries, each to its end. Reads only.

A million files pass through here for one tree, so a row is a text that the database makes, and nothing is done with it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import connection
from django.db.models import (
    Aggregate,
    Case,
    CharField,
    F,
    Func,
    Max,
    Min,
    Q,
    QuerySet,
    Sum,
    TextField,
    Value,
    When,
)
from django.db.models.functions import Cast

from moorage.files.archives.selection import Selection
from moorage.files.filters import Wanted
from moorage.files.models import DirectoryVersion, FileVersion, ObjectState
from moorage.files.paths import parent_path
from moorage.files.subtrees import folders_below
from moorage.transfers.downloads.linking import BETWEEN_FIELDS, BETWEEN_ROWS, FolderRows, Row, unpacked

ROWS_AT_ONCE: Final = 10_000
_EMPTY: Final = FolderRows("", [])


@dataclass(frozen=True)
class Question:
    """What is read: a selection, of which files, and since when an object must have been read to be believed."""

    selection: Selection
    wanted: Wanted | None = None  # None: every file, and folders that hold none
    believed_since: datetime | None = None


def folder_rows(question: Question) -> Iterator[list[FolderRows]]:
    """All folders of the selection with their files, some thousand files at a time."""
    selection = question.selection
    for first in range(0, len(selection.files), ROWS_AT_ONCE):
        yield _chosen(question, first)
    for folders in folders_below(selection.folders, view=selection.revision):
        paths = dict(folders)
        for ids in _pieces(selection, paths):
            if len(ids) == 1:
                yield from _one_folder(question, ids[0], paths[ids[0]])
            else:
                found = _fetch(question, _at(selection).filter(directory__in=ids))
                yield _wanted(question, {folder: paths[folder] for folder in ids}, found)


def _chosen(question: Question, first: int) -> list[FolderRows]:
    """Files that were chosen themselves."""
    some = question.selection.files[first : first + ROWS_AT_ONCE]
    folders = {file.directory_id: parent_path(file.path) for file in some}
    chosen = _at(question.selection).filter(pk__in=[file.version_id for file in some])
    return [one for one in _wanted(question, folders, _fetch(question, chosen)) if one.rows]


def _pieces(selection: Selection, paths: Mapping[int, str]) -> Iterator[list[int]]:
    """These folders in groups that hold not too many files; one that may hold more comes alone.

    By the totals that folders keep, which count what lies deeper, too: counting the files themselves takes longer.
    """
    versions = DirectoryVersion.objects.at(selection.revision).filter(directory__in=paths)
    counts = dict(versions.values_list("directory_id", "file_count"))
    group: list[int] = []
    held = 0
    for folder in paths:
        count = counts.get(folder, 0)
        if group and held + count > ROWS_AT_ONCE:
            yield group
            group, held = [], 0
        group.append(folder)
        held += count
    if group:
        yield group


def _one_folder(question: Question, folder: int, path: str) -> Iterator[list[FolderRows]]:
    """A folder that may hold more files than one query should read."""
    versions, after = _at(question.selection).filter(directory=folder), ""
    while True:
        names = versions.filter(name__gt=after).order_by("name").values_list("name", flat=True)
        last = names[ROWS_AT_ONCE - 1 : ROWS_AT_ONCE].first()
        some = versions.filter(name__gt=after) if last is None else versions.filter(name__gt=after, name__lte=last)
        yield _wanted(question, {folder: path}, _fetch(question, some))
        if last is None:
            return
        after = last


def _wanted(question: Question, paths: Mapping[int, str], found: Mapping[int, FolderRows]) -> list[FolderRows]:
    """What was found in these folders, without the files that the filter leaves out."""
    folders = [found.get(folder, _EMPTY)._replace(path=path) for folder, path in paths.items()]
    if question.wanted is None:
        return folders
    kept = [
        one._replace(rows=[row for row in one.rows if question.wanted(one.path, unpacked(row).name)]) for one in folders
    ]
    return [one for one in kept if one.rows]


def _at(selection: Selection) -> "QuerySet[FileVersion, Any]":
    return FileVersion.objects.at(selection.revision)


def _fetch(question: Question, versions: "QuerySet[FileVersion, Any]") -> dict[int, FolderRows]:
    """The rows of files by their folders. The database puts them together: it is quicker than taking them apart."""
    digest = Func(F("stored_object__digest"), function="hex", output_field=TextField())
    if connection.vendor == "postgresql":
        digest = Func(F("stored_object__digest"), Value("hex"), function="encode", output_field=TextField())
    columns = {
        "size_bytes": F("size_bytes"),
        "modified_ns": F("stored_object__modified_ns"),
        "version": Cast("pk", CharField()),
        "modified_at": _Moment(F("modified_at")),
        "since": F("since"),
        "digest": digest,
        "is_doubtful": _is_doubtful(question),
        "name": F("name"),
    }
    row = _Row(*(columns[field] for field in Row._fields))
    sums = {"rows": _Joined(row), "doubtful": Sum(columns["is_doubtful"]), "first": Min("since"), "last": Max("since")}
    found = versions.order_by().values("directory_id").annotate(**sums).values_list("directory_id", *sums)
    return {
        folder: FolderRows("", rows.split(BETWEEN_ROWS), doubtful > 0, range(first, last + 1))
        for folder, rows, doubtful, first, last in found
    }


def _is_doubtful(question: Question) -> Case:
    """1 of a file whose object must be read before it is given out, else 0."""
    sound = Q(stored_object__state__in=[ObjectState.LIVE, ObjectState.DOOMED])
    sound &= Q(stored_object__verified_at__isnull=False, stored_object__size_bytes=F("size_bytes"))
    if question.believed_since is not None:
        sound &= Q(stored_object__verified_at__gte=question.believed_since)
    return Case(When(sound, then=Value(0)), default=Value(1))


class _Moment(Func):
    """A time as `linking.Row` has it: SQLite keeps it so, and PostgreSQL has its own ways of writing one."""

    template = "(%(expressions)s)"
    output_field = TextField()

    def as_postgresql(self, compiler: Any, database: Any, **context: Any) -> Any:
        template = "to_char(%(expressions)s AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')"
        return self.as_sql(compiler, database, template=template, **context)


class _Row(Func):
    """A packed row; see `linking.Row`."""

    template = "(%(expressions)s)"
    arg_joiner = f" || '{BETWEEN_FIELDS}' || "
    output_field = TextField()


class _Joined(Aggregate):
    """All rows of a group as one text."""

    function = "group_concat"
    template = f"%(function)s(%(expressions)s, '{BETWEEN_ROWS}')"
    output_field = TextField()

    def as_postgresql(self, compiler: Any, database: Any, **context: Any) -> Any:
        return self.as_sql(compiler, database, function="string_agg", **context)
