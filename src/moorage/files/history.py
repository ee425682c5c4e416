"""What happened to a project's files over time: the versions of a path, the list of revisions, newest first."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from moorage.files.cursors import decode_cursor, encode_cursor, page_size
from moorage.files.directories import find_chain
from moorage.files.items import RevisionFacts, RevisionNotFoundError, revision_facts
from moorage.files.models import FileVersion, ObjectState, Revision, RevisionState
from moorage.files.paths import split_path
from moorage.projects.models import Project


@dataclass(frozen=True)
class VersionItem:
    """One content of a path: from the revision that brought it until the one that replaced or removed it."""

    version: UUID
    size_bytes: int
    modified_at: datetime
    digest: str
    revision: int
    until_revision: int | None
    began: RevisionFacts | None
    ended: RevisionFacts | None
    verified_at: datetime | None
    damaged: bool


@dataclass(frozen=True)
class VersionPage:
    items: list[VersionItem]
    next: str | None


@dataclass(frozen=True)
class RevisionPage:
    items: list[Revision]
    next: str | None


def versions_of(project: Project, path: str, *, cursor: str | None = None, limit: int | None = None) -> VersionPage:
    """The published versions of the file at `path`, newest first; none where no file ever stood.

    Raises:
        PathNotFoundError: no file can stand there.
        CursorError: the cursor is none of ours.
    """
    names = split_path(path)
    chain = find_chain(project.pk, names[:-1])
    if not names or len(chain) != len(names):
        return VersionPage([], None)
    rows = FileVersion.objects.filter(directory=chain[-1], name=names[-1], since__lte=project.head)
    if cursor:
        rows = rows.filter(since__lt=decode_cursor(cursor, int)[0])
    size = page_size(limit)
    found = list(rows.select_related("stored_object").order_by("-since")[: size + 1])
    shown = found[:size]
    facts = revision_facts(
        project, [number for row in shown for number in (row.since, row.until) if number is not None]
    )
    items = [_version_item(project, row, facts) for row in shown]
    return VersionPage(items, encode_cursor(shown[-1].since) if len(found) > size else None)


def _version_item(project: Project, row: FileVersion, facts: dict[int, RevisionFacts]) -> VersionItem:
    # An end above the head is an unpublished revision's plan: nobody may see it.
    until = row.until if row.until is not None and row.until <= project.head else None
    return VersionItem(
        version=row.pk,
        size_bytes=row.size_bytes,
        modified_at=row.modified_at,
        digest=row.stored_object.digest,
        revision=row.since,
        until_revision=until,
        began=facts.get(row.since),
        ended=facts.get(until) if until is not None else None,
        verified_at=row.stored_object.verified_at,
        damaged=row.stored_object.state == ObjectState.DAMAGED,
    )


def revisions_of(project: Project, *, cursor: str | None = None, limit: int | None = None) -> RevisionPage:
    """The published revisions of a project, newest first, with who made them.

    Raises:
        CursorError: the cursor is none of ours.
    """
    rows = Revision.objects.filter(project=project, number__lte=project.head)
    if cursor:
        rows = rows.filter(number__lt=decode_cursor(cursor, int)[0])
    size = page_size(limit)
    found = list(rows.select_related("by", "undoes").order_by("-number")[: size + 1])
    shown = found[:size]
    return RevisionPage(shown, encode_cursor(shown[-1].number or 0) if len(found) > size else None)


def find_revision(project: Project, revision_id: UUID) -> Revision:
    """A revision of a project by its id, in any state.

    Raises:
        RevisionNotFoundError: the project has none with this id.
    """
    revision = Revision.objects.filter(project=project, pk=revision_id).select_related("by", "undoes").first()
    if revision is None:
        raise RevisionNotFoundError(project)
    return revision


def pending_revisions(project: Project, *, limit: int = 20) -> list[Revision]:
    """Revisions that are asked for and not yet published, the newest first."""
    rows = Revision.objects.filter(project=project, state__in=(RevisionState.WAITING, RevisionState.REGISTERING))
    return list(rows.select_related("by").order_by("-asked_at", "-pk")[:limit])
