"""What a list of a project's files shows: plain values, read once, the same for pages and the API."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from moorage.accounts.models import Member
from moorage.errors import NotFoundError
from moorage.files.models import DirectoryVersion, FileVersion, ObjectState, Revision
from moorage.files.paths import join_path
from moorage.projects.models import Project


class RevisionNotFoundError(NotFoundError):
    """The project has no such revision (yet)."""

    code = "revision.not_found"

    def __init__(self, project: Project) -> None:
        super().__init__(
            f"This project has no such revision; its newest is {project.head}. Choose one from its revisions."
        )
        self.newest = project.head


@dataclass(frozen=True)
class RevisionFacts:
    """Which published revision brought something about: when, by whom, and from which upload."""

    number: int
    kind: str
    at: datetime
    by: Member | None
    upload_id: UUID | None


@dataclass(frozen=True)
class FileItem:
    """A file at a revision. `revision` is the one that brought this version.

    `verified_at` is when its bytes were last read and found to be what was imported; None while a check has begun
    and not ended. A damaged file is not given out.
    """

    name: str
    path: str
    size_bytes: int
    modified_at: datetime
    digest: str
    version: UUID
    revision: int
    changed: RevisionFacts | None
    verified_at: datetime | None = None
    damaged: bool = False
    kind: Literal["file"] = "file"


@dataclass(frozen=True)
class DirectoryItem:
    """A folder at a revision. `size_bytes` and `file_count` count everything below it.

    `revision` is the newest one that touched anything below it, and `modified_at` is that one's time.
    """

    name: str
    path: str
    size_bytes: int
    file_count: int
    modified_at: datetime
    revision: int
    changed: RevisionFacts | None
    kind: Literal["directory"] = "directory"


Item = FileItem | DirectoryItem


def resolve_revision(project: Project, revision: int | None) -> int:
    """The revision to read at: the one that was asked for, or the head as `project` was read.

    Raises:
        RevisionNotFoundError: it is not published.
    """
    if revision is None:
        return project.head
    if not 0 <= revision <= project.head:
        raise RevisionNotFoundError(project)
    return revision


def revision_facts(project: Project, numbers: Iterable[int]) -> dict[int, RevisionFacts]:
    """The facts of these revisions, by number: one query."""
    rows = Revision.objects.filter(project=project, number__in=set(numbers)).select_related("by")
    return {
        row.number: RevisionFacts(row.number, row.kind, row.published_at, row.by, row.upload_id)
        for row in rows
        if row.number is not None and row.published_at is not None
    }


def file_item(version: FileVersion, folder: str, facts: Mapping[int, RevisionFacts]) -> FileItem:
    """The item of a file version; its stored object must have been read with it."""
    return FileItem(
        name=version.name,
        path=join_path(folder, version.name),
        size_bytes=version.size_bytes,
        modified_at=version.modified_at,
        digest=version.stored_object.digest,
        version=version.pk,
        revision=version.since,
        changed=facts.get(version.since),
        verified_at=version.stored_object.verified_at,
        damaged=version.stored_object.state == ObjectState.DAMAGED,
    )


def directory_item(
    project: Project, version: DirectoryVersion, path: str, facts: Mapping[int, RevisionFacts]
) -> DirectoryItem:
    """The item of a folder version."""
    changed = facts.get(version.since)
    return DirectoryItem(
        name=path.rpartition("/")[2],
        path=path,
        size_bytes=version.total_bytes,
        file_count=version.file_count,
        modified_at=changed.at if changed else project.created_at,
        revision=version.since,
        changed=changed,
    )


def nothing_yet(project: Project) -> DirectoryItem:
    """The first folder of a project that holds nothing at this revision and never did before it."""
    return DirectoryItem(
        name="", path="", size_bytes=0, file_count=0, modified_at=project.created_at, revision=0, changed=None
    )
