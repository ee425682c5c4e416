"""All that is below folders at a revision, in pieces that one transaction can take. Reads only.

Every query is read to its end before a piece is handed out: an open cursor would hold a snapshot, and SQLite
refuses to write from one that is no longer the newest.
"""

from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple
from uuid import UUID

from django.db.models import Count, Q

from moorage.files.models import Directory, FileVersion
from moorage.files.paths import join_path

FOLDERS_PER_PIECE: Final = 200
FILES_PER_PIECE: Final = 300


class Folder(NamedTuple):
    directory_id: int
    path: str


class FileRow(NamedTuple):
    """A file version, and the path of the file."""

    version_id: UUID
    directory_id: int
    path: str
    size_bytes: int


def folders_below(roots: Sequence[Folder], *, view: int) -> Iterator[list[Folder]]:
    """These folders and all that are below them at the revision `view`, each after the one that holds it."""
    waiting = list(_pieces(roots))[::-1]
    while waiting:
        piece = waiting.pop()
        yield piece
        waiting += list(_pieces(_children(piece, view)))[::-1]


def _children(folders: Sequence[Folder], view: int) -> list[Folder]:
    paths = dict(folders)
    there = Q(versions__since__lte=view) & (Q(versions__until=None) | Q(versions__until__gt=view))
    rows = Directory.objects.filter(there, parent__in=paths).values_list("pk", "parent_id", "name")
    return [Folder(pk, join_path(paths[parent], name)) for pk, parent, name in rows.order_by("parent_id", "name")]


def _pieces(folders: Sequence[Folder]) -> Iterator[list[Folder]]:
    for start in range(0, len(folders), FOLDERS_PER_PIECE):
        yield list(folders[start : start + FOLDERS_PER_PIECE])


def files_in(folders: Sequence[Folder], *, view: int) -> Iterator[list[FileRow]]:
    """The files that lie in these folders themselves at the revision `view`."""
    paths = dict(folders)
    versions = FileVersion.objects.at(view).filter(directory__in=paths)
    counts = dict(versions.values_list("directory_id").annotate(files=Count("pk")).order_by())
    some: list[int] = []
    room = FILES_PER_PIECE
    for folder, path in paths.items():
        count = counts.get(folder, 0)
        if count > FILES_PER_PIECE:
            yield from _files_of_one(Folder(folder, path), view)
        elif count:
            if count > room:
                yield _rows_of(paths, some, view)
                some, room = [], FILES_PER_PIECE
            some.append(folder)
            room -= count
    if some:
        yield _rows_of(paths, some, view)


def _rows_of(paths: dict[int, str], directory_ids: Sequence[int], view: int) -> list[FileRow]:
    rows = FileVersion.objects.at(view).filter(directory__in=directory_ids).order_by("directory_id", "name")
    return [
        FileRow(pk, folder, join_path(paths[folder], name), size)
        for pk, folder, name, size in rows.values_list("pk", "directory_id", "name", "size_bytes")
    ]


def _files_of_one(folder: Folder, view: int) -> Iterator[list[FileRow]]:
    """The files of a large folder, piece by piece in the order of their names."""
    last = ""
    while True:
        rows = FileVersion.objects.at(view).filter(directory=folder.directory_id, name__gt=last).order_by("name")
        found = list(rows.values_list("pk", "name", "size_bytes")[:FILES_PER_PIECE])
        if not found:
            return
        yield [FileRow(pk, folder.directory_id, join_path(folder.path, name), size) for pk, name, size in found]
        last = found[-1][1]
