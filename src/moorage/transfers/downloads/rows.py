"""The files that a tree holds, folder by folder, as plain rows: read in few queries, each to its end. Reads only.

A million files pass through here for one tree, so a row is what the database gives and no object of a model.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

from django.db import connection
from django.db.models import Case, CharField, F, Q, QuerySet, Value, When
from django.db.models.functions import Cast

from moorage.files.archives.selection import Selection
from moorage.files.filters import Wanted
from moorage.files.models import DirectoryVersion, FileVersion, ObjectState
from moorage.files.paths import parent_path
from moorage.files.subtrees import folders_below
from moorage.transfers.downloads.linking import FolderRows, Row

ROWS_AT_ONCE: Final = 10_000
_NAME: Final = Row._fields.index("name")


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
                found = _fetch(question, _at(selection).filter(directory__in=ids).order_by("directory_id", "name"))
                yield _wanted(question, paths, ids, found)


def _chosen(question: Question, first: int) -> list[FolderRows]:
    """Files that were chosen themselves."""
    some = question.selection.files[first : first + ROWS_AT_ONCE]
    folders = {file.directory_id: parent_path(file.path) for file in some}
    chosen = _at(question.selection).filter(pk__in=[file.version_id for file in some])
    found = _fetch(question, chosen.order_by("directory_id", "name"))
    return [one for one in _wanted(question, folders, list(folders), found) if one.rows]


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
    versions, after = _at(question.selection).filter(directory=folder).order_by("name"), ""
    while True:
        rows = _fetch(question, versions.filter(name__gt=after)[:ROWS_AT_ONCE])
        yield _wanted(question, {folder: path}, [folder], rows)
        if len(rows) < ROWS_AT_ONCE:
            return
        after = rows[-1][_NAME]


def _wanted(
    question: Question, paths: Mapping[int, str], ids: Sequence[int], found: Sequence[tuple[Any, ...]]
) -> list[FolderRows]:
    """What was found, by folder, without the files that the filter leaves out."""
    by_folder = {folder: list(rows) for folder, rows in groupby(found, itemgetter(0))}
    if question.wanted is None:
        return [FolderRows(paths[folder], by_folder.get(folder, [])) for folder in ids]
    kept = []
    for folder, rows in by_folder.items():
        path = paths[folder]
        if some := [row for row in rows if question.wanted(path, row[_NAME])]:
            kept.append(FolderRows(path, some))
    return kept


def _at(selection: Selection) -> "QuerySet[FileVersion, Any]":
    return FileVersion.objects.at(selection.revision)


def _fetch(question: Question, versions: "QuerySet[FileVersion, Any]") -> list[tuple[Any, ...]]:
    """What `linking.Row` is of, as the database gives it."""
    stored = "stored_object__"
    sound = Q(stored_object__state__in=[ObjectState.LIVE, ObjectState.DOOMED])
    sound &= Q(stored_object__verified_at__isnull=False, stored_object__size_bytes=F("size_bytes"))
    if question.believed_since is not None:
        sound &= Q(stored_object__verified_at__gte=question.believed_since)
    doubtful = Case(When(sound, then=Value(0)), default=Value(1))
    texts = {"version": Cast("pk", CharField()), "modified": Cast("modified_at", CharField())}
    columns = ("directory_id", "name", "size_bytes", *texts, "since", f"{stored}digest", f"{stored}modified_ns")
    rows = versions.annotate(**texts, doubtful=doubtful).values_list(*columns, "doubtful")
    # Past the model's converters, which would take longer than everything that is done with a row.
    with connection.cursor() as cursor:
        cursor.execute(*rows.query.sql_with_params())
        found: list[tuple[Any, ...]] = cursor.fetchall()
        return found
