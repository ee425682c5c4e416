"""What stands at given paths of a project at a revision: files and folders, found together in a few queries.

For pages there is `files.browsing`; here is what a change of many paths needs to know of each. Paths are in normal
form (`files.paths.split_path` has passed them). Reads only.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from moorage.files.directories import known_directories
from moorage.files.models import DirectoryVersion, FileVersion
from moorage.files.paths import PathNotFoundError, parent_path
from moorage.files.undo_plan import in_chunks


@dataclass(frozen=True)
class StandingFolder:
    """A folder; `file_count` and `size_bytes` count everything below it."""

    path: str
    directory_id: int
    file_count: int
    size_bytes: int
    kind: Literal["folder"] = "folder"


@dataclass(frozen=True)
class StandingFile:
    path: str
    directory_id: int
    version_id: UUID
    size_bytes: int
    file_count: Literal[1] = 1
    kind: Literal["file"] = "file"


Standing = StandingFile | StandingFolder


def standing_at(project_id: UUID, paths: Iterable[str], *, view: int) -> dict[str, Standing]:
    """What stands at those of these paths at which something does, by path."""
    wanted = list(dict.fromkeys(paths))
    known = known_directories(project_id, wanted)
    found: dict[str, Standing] = {}
    for chunk in in_chunks(wanted):
        found |= _folders(known, chunk, view)
        found |= _files(known, chunk, view)
    return found


def all_standing(project_id: UUID, paths: Iterable[str], *, view: int) -> list[Standing]:
    """What stands at these paths, in their order.

    Raises:
        PathNotFoundError: nothing stands at one of them.
    """
    wanted = list(paths)
    found = standing_at(project_id, wanted, view=view)
    for path in wanted:
        if path not in found:
            raise PathNotFoundError(path, revision=view)
    return [found[path] for path in wanted]


def _folders(known: dict[str, int], paths: Iterable[str], view: int) -> dict[str, Standing]:
    by_id = {known[path]: path for path in paths if path in known}
    versions = DirectoryVersion.objects.at(view).filter(directory__in=by_id)
    return {
        by_id[pk]: StandingFolder(by_id[pk], pk, files, size)
        for pk, files, size in versions.values_list("directory_id", "file_count", "total_bytes")
    }


def _files(known: dict[str, int], paths: Iterable[str], view: int) -> dict[str, Standing]:
    places = {
        (known[parent_path(path)], path.rpartition("/")[2]): path
        for path in paths
        if path and parent_path(path) in known
    }
    versions = FileVersion.objects.at(view).filter(
        directory__in={folder for folder, _ in places}, name__in={name for _, name in places}
    )
    return {
        places[folder, name]: StandingFile(places[folder, name], folder, pk, size)
        for pk, folder, name, size in versions.values_list("pk", "directory_id", "name", "size_bytes")
        if (folder, name) in places
    }


def nearest_folder(project_id: UUID, path: str, *, view: int) -> str:
    """The folder at `path`, or the nearest above it that is there at the revision `view`."""
    way = [path]
    while path:
        path = parent_path(path)
        way.append(path)
    standing = standing_at(project_id, way, view=view)
    return next((folder for folder in way if isinstance(standing.get(folder), StandingFolder)), "")
