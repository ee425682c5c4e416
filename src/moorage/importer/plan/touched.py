"""Which paths of a project have been touched between two revisions, for plans that were made before. Reads only.

What is remembered meanwhile is bounded: a path may come more than once.
"""

from collections.abc import Iterator
from typing import Any, Final
from uuid import UUID

from django.db.models import Q

from moorage.files.models import Directory, DirectoryVersion, FileVersion
from moorage.importer.words import paths

VERSIONS_PER_QUERY: Final = 2000
FOLDERS_REMEMBERED: Final = 4096  # more than one path can have


def touched_paths(project_id: UUID, planned: int, head: int) -> Iterator[bytes]:
    """Paths of files and folders that began or ended between two revisions, and of all folders above them."""
    between = planned, head
    folders = _FolderPaths()
    seen: set[bytes] = set()
    for _, directory_id, name in _changed(FileVersion, project_id, between, "directory_id", "name"):
        folder = folders.path_of(directory_id)
        yield (folder + b"/" if folder else b"") + name.encode()
        if folder and folder not in seen:
            yield from _new([*paths.folders_above(folder), folder], seen)
    for _, directory_id in _changed(DirectoryVersion, project_id, between, "directory_id"):
        if folder := folders.path_of(directory_id):
            yield from _new([folder], seen)


def _changed(
    versions: type[FileVersion] | type[DirectoryVersion], project_id: UUID, between: tuple[int, int], *columns: str
) -> Iterator[tuple[Any, ...]]:
    """Versions that began or ended between two revisions.

    In parts: with a cursor open that is not at its end, SQLite lets nobody write here after anybody else has.
    """
    planned, head = between
    changed = Q(since__gt=planned, since__lte=head) | Q(until__gt=planned, until__lte=head)
    ours = versions._default_manager.filter(changed, project=project_id).order_by("pk").values_list("pk", *columns)
    part = list(ours[:VERSIONS_PER_QUERY])
    while part:
        yield from part
        part = list(ours.filter(pk__gt=part[-1][0])[:VERSIONS_PER_QUERY])


def _new(folders: list[bytes], seen: set[bytes]) -> Iterator[bytes]:
    if len(seen) + len(folders) > FOLDERS_REMEMBERED:
        seen.clear()
    for folder in folders:
        if folder not in seen:
            seen.add(folder)
            yield folder


class _FolderPaths:
    """Paths of folders by their ids; the last ones that were asked for, and those above them, are remembered."""

    def __init__(self) -> None:
        self._known: dict[int, bytes] = {}

    def path_of(self, directory_id: int) -> bytes:
        # From the nearest that is known, and not by calling itself: a path may have two thousand folders.
        unknown: list[tuple[int, bytes]] = []
        at: int | None = directory_id
        while at is not None and at not in self._known:
            parent_id, name = Directory.objects.values_list("parent_id", "name").get(pk=at)
            unknown.append((at, name.encode()))
            at = parent_id
        path = b"" if at is None else self._known[at]
        if len(self._known) + len(unknown) > FOLDERS_REMEMBERED:
            self._known.clear()
        for below, own in reversed(unknown):
            path = path + b"/" + own if path else own  # the project's own folder has no name
            self._known[below] = path
        return path
