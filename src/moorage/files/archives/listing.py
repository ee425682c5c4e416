"""The files of a selection as lists tell of them: streamed in the order of archives. Reads only."""

from collections.abc import Iterator
from itertools import islice

from moorage.files.archives.lists import ListedFile
from moorage.files.archives.pieces import ROWS_PER_PIECE, Member, Plan
from moorage.files.archives.selection import Selection
from moorage.files.filters import Wanted
from moorage.files.items import RevisionFacts, revision_facts
from moorage.files.paths import parent_path
from moorage.projects.models import Project


def listed_files(project: Project, selection: Selection, *, wanted: Wanted | None = None) -> Iterator[ListedFile]:
    """Every file of the selection once, or those that a filter wants; some hundred are in memory at a time."""
    facts: dict[int, RevisionFacts] = {}
    members = _members(selection)
    if wanted is not None:
        members = (member for member in members if _is_wanted(member, wanted))
    while some := list(islice(members, ROWS_PER_PIECE)):
        numbers = {member.version.since for member in some if member.version is not None}
        facts |= revision_facts(project, numbers - facts.keys())
        yield from (_listed(member, facts) for member in some if member.version is not None)


def _members(selection: Selection) -> Iterator[Member]:
    plan = Plan(selection)
    for piece, _ in plan.cut():
        if piece.kind != "folders":
            yield from plan.read(piece)


def _is_wanted(member: Member, wanted: Wanted) -> bool:
    path = member.entry.path.decode()
    return wanted(parent_path(path), path.rpartition("/")[2])


def _listed(member: Member, facts: dict[int, RevisionFacts]) -> ListedFile:
    version = member.version
    assert version is not None  # noqa: S101 - folders were left out
    began = facts.get(version.since)
    return ListedFile(
        path=member.entry.path.decode(),
        size_bytes=version.size_bytes,
        digest=version.stored_object.digest,
        modified=version.modified_at.isoformat().replace("+00:00", "Z"),
        version=str(version.pk),
        revision=version.since,
        by=str(began.by) if began and began.by else "",
        upload=str(began.upload_id) if began and began.upload_id else "",
    )
