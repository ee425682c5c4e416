"""What of a project goes into an archive or a list: folders and files, at one revision. Reads only."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final
from uuid import UUID

from moorage.errors import InvalidInputError
from moorage.files.items import resolve_revision
from moorage.files.models import Revision
from moorage.files.paths import PathNotFoundError, parent_path, split_path
from moorage.files.standing import Standing, StandingFile, all_standing
from moorage.files.subtrees import Folder
from moorage.projects.models import Project

MAX_PATHS: Final = 500  # well below the fields that Django reads of one request
# Part of every entity tag: an archive made otherwise is another one.
_LAYOUT_VERSION: Final = 1


class TooManyPathsError(InvalidInputError):
    """More paths than one request may name."""

    code = "archive.too_many_paths"

    def __init__(self) -> None:
        super().__init__(f"At most {MAX_PATHS} paths can be chosen at once. Choose the folder that holds them.")


@dataclass(frozen=True)
class Selection:
    """Folders with all that is below them, and single files; none lies below another. Both in the order of paths.

    `at` is the time of the revision; folders, which have none of their own, get it in archives.
    """

    project_id: UUID
    revision: int
    at: datetime
    folders: tuple[Folder, ...]
    files: tuple[StandingFile, ...]
    name: str

    @property
    def tag(self) -> str:
        """Names project, revision and selection: what has the same tag has the same bytes, in one format."""
        facts = [str(_LAYOUT_VERSION), str(self.project_id), str(self.revision)]
        facts += [folder.path + "/" for folder in self.folders]
        facts += [file.path for file in self.files]
        return sha256("\0".join(facts).encode()).hexdigest()

    @property
    def is_whole_project(self) -> bool:
        return any(not folder.path for folder in self.folders)


def select(project: Project, paths: Sequence[str], *, revision: int | None = None) -> Selection:
    """What stands at these paths at a revision, or at the head. No path, or the empty one, is the whole project.

    Raises:
        PathNotFoundError: nothing stands at one of them.
        RevisionNotFoundError: there is no such revision.
        TooManyPathsError: there are too many.
    """
    number = resolve_revision(project, revision)
    wanted = _outermost(paths or [""])
    standing: list[Standing] = []
    try:
        standing = all_standing(project.pk, wanted, view=number)
    except PathNotFoundError:
        if wanted != [""]:  # a project that never held anything has no first folder, and is an empty archive
            raise
    published = Revision.objects.filter(project=project, number=number).values_list("published_at", flat=True).first()
    return Selection(
        project.pk,
        number,
        published or project.created_at,
        tuple(Folder(found.directory_id, found.path) for found in standing if found.kind == "folder"),
        tuple(found for found in standing if found.kind == "file"),
        _name(project, wanted, number),
    )


def _outermost(paths: Sequence[str]) -> list[str]:
    """The paths without those that another one brings along, sorted."""
    named = {path.strip("/") for path in paths}
    if len(named) > MAX_PATHS:
        raise TooManyPathsError
    for path in named:
        split_path(path)
    return sorted(path for path in named if not any(above in named for above in _ancestors(path)))


def _ancestors(path: str) -> list[str]:
    above = []
    while path:
        path = parent_path(path)
        above.append(path)
    return above


def _name(project: Project, wanted: Sequence[str], revision: int) -> str:
    """What the file is called, without its ending."""
    name = wanted[0].rpartition("/")[2] if len(wanted) == 1 else ""
    return f"{name or project.name}-r{revision}"
