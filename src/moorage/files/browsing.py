"""Looking at a project's files at one revision: what a folder holds, what stands at a path.

A revision is read as it is, whatever is registered meanwhile: all queries name its number, and rows of a
published number never change for it (design §4). Every answer takes a handful of queries, whatever the size
of the folder or the depth of the path. What happened over time is in `files.history`.
"""

from dataclasses import dataclass
from uuid import UUID

from moorage.files.cursors import CursorError, decode_cursor, encode_cursor, page_size
from moorage.files.directories import find_chain
from moorage.files.items import (
    DirectoryItem,
    FileItem,
    Item,
    directory_item,
    file_item,
    nothing_yet,
    resolve_revision,
    revision_facts,
)
from moorage.files.models import DirectoryVersion, FileVersion
from moorage.files.paths import PathNotFoundError, join_path, split_path
from moorage.projects.models import Project

_DIRECTORIES, _FILES = "d", "f"


@dataclass(frozen=True)
class FolderPage:
    """One page of a folder at a revision: folders first, then files, each in the byte order of their names.

    `next` is the cursor of the page after it; it keeps the revision.
    """

    revision: int
    folder: DirectoryItem
    items: list[Item]
    next: str | None


@dataclass(frozen=True)
class Crumb:
    """A folder on the way to a path."""

    name: str
    path: str


def breadcrumbs(path: str) -> list[Crumb]:
    """The folders on the way to `path`, and what stands there last; without the project's first folder."""
    names = split_path(path)
    return [Crumb(name, "/".join(names[: depth + 1])) for depth, name in enumerate(names)]


def list_folder(
    project: Project,
    *,
    path: str = "",
    revision: int | None = None,
    cursor: str | None = None,
    limit: int | None = None,
) -> FolderPage:
    """A page of what the folder at `path` holds, at a revision or at the head.

    Raises:
        PathNotFoundError: no folder stands there at that revision.
        RevisionNotFoundError: there is no such revision.
        CursorError: the cursor is none of ours, or of another revision than the one asked for.
    """
    after_kind, after_name = _DIRECTORIES, ""
    if cursor:
        at, kind, name = decode_cursor(cursor, int, str, str)
        if revision not in {None, at} or kind not in {_DIRECTORIES, _FILES}:
            raise CursorError
        revision, after_kind, after_name = int(at), str(kind), str(name)
    number = resolve_revision(project, revision)
    names = split_path(path)
    chain = find_chain(project.pk, names)
    folder = _version_at_end(chain, names, number)
    if folder is None:
        if names:
            raise PathNotFoundError(path, revision=number)
        return FolderPage(number, nothing_yet(project), [], None)
    size = page_size(limit)
    found = _rows(chain[-1], number, after_kind, after_name, size + 1)
    return _make_page(project, path, folder, found, number=number, size=size)


def _version_at_end(chain: list[int], names: tuple[str, ...], number: int) -> DirectoryVersion | None:
    if len(chain) != len(names) + 1:
        return None
    return DirectoryVersion.objects.at(number).filter(directory=chain[-1]).first()


def _rows(
    directory_id: int, number: int, after_kind: str, after_name: str, wanted: int
) -> list[DirectoryVersion | FileVersion]:
    rows: list[DirectoryVersion | FileVersion] = []
    if after_kind == _DIRECTORIES:
        rows += (
            DirectoryVersion.objects.at(number)
            .filter(directory__parent=directory_id, directory__name__gt=after_name)
            .select_related("directory")
            .order_by("directory__name")[:wanted]
        )
        after_name = ""
    if len(rows) < wanted:
        rows += (
            FileVersion.objects.at(number)
            .filter(directory=directory_id, name__gt=after_name)
            .select_related("stored_object")
            .order_by("name")[: wanted - len(rows)]
        )
    return rows


def _make_page(
    project: Project,
    path: str,
    folder: DirectoryVersion,
    found: list[DirectoryVersion | FileVersion],
    *,
    number: int,
    size: int,
) -> FolderPage:
    shown = found[:size]
    facts = revision_facts(project, [folder.since, *(row.since for row in shown)])
    items: list[Item] = [
        file_item(row, path, facts)
        if isinstance(row, FileVersion)
        else directory_item(project, row, join_path(path, row.directory.name), facts)
        for row in shown
    ]
    following = None
    if len(found) > size:
        last = items[-1]
        kind = _FILES if isinstance(last, FileItem) else _DIRECTORIES
        following = encode_cursor(number, kind, last.name)
    return FolderPage(number, directory_item(project, folder, path, facts), items, following)


def find_item(project: Project, path: str, *, revision: int | None = None) -> Item:
    """What stands at `path`, at a revision or at the head.

    Raises:
        PathNotFoundError: nothing does.
        RevisionNotFoundError: there is no such revision.
    """
    number = resolve_revision(project, revision)
    names = split_path(path)
    chain = find_chain(project.pk, names)
    if folder := _version_at_end(chain, names, number):
        return directory_item(project, folder, path, revision_facts(project, [folder.since]))
    if not names:
        return nothing_yet(project)
    file = _file_at(chain, names, number)
    if file is None:
        raise PathNotFoundError(path, revision=number)
    return file_item(file, path.rpartition("/")[0], revision_facts(project, [file.since]))


def _file_at(chain: list[int], names: tuple[str, ...], number: int) -> FileVersion | None:
    if not names or len(chain) < len(names):
        return None
    versions = FileVersion.objects.at(number).filter(directory=chain[len(names) - 1], name=names[-1])
    return versions.select_related("stored_object").first()


def find_file(project: Project, path: str, *, revision: int | None = None) -> FileVersion:
    """The file version at `path`, with its stored object.

    Raises:
        PathNotFoundError: no file stands there at that revision.
        RevisionNotFoundError: there is no such revision.
    """
    number = resolve_revision(project, revision)
    names = split_path(path)
    file = _file_at(find_chain(project.pk, names), names, number)
    if file is None:
        raise PathNotFoundError(path, revision=number)
    return file


def find_version(project: Project, version_id: UUID) -> FileVersion:
    """A file version by its id, with its stored object. What is not published is not there.

    Raises:
        PathNotFoundError: the project has no such version.
    """
    versions = FileVersion.objects.filter(pk=version_id, project=project, since__lte=project.head)
    file = versions.select_related("stored_object").first()
    if file is None:
        raise PathNotFoundError(f"version {version_id}")
    return file
