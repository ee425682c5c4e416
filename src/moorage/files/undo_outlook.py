"""What can be told of an undo of very many files without planning each: how many there are, how many still stand.

A page waits for it, so that nothing is counted beyond a number of rows whose counting takes a second at most.
"""

from dataclasses import dataclass
from typing import Final

from moorage.files.models import FileVersion, Revision, RevisionKind, RevisionState
from moorage.files.undo_plan import UndoOf

COUNTED_FILES: Final = 1_000_000


@dataclass(frozen=True)
class Outlook:
    """Of a revision that would be undone: how many `files` it brought, replaced and took away, and how many of what it
    brought are `standing` as it left them; None where that would take too long to count.

    `is_hopeless`: nothing of it can be undone. Where that is not known, something may be.
    """

    files: int
    standing: int | None
    is_hopeless: bool


def outlook_of(undo: UndoOf) -> Outlook:
    """What an undo of a revision with more paths than are planned for a page can count on."""
    revision = Revision.objects.get(project=undo.project_id, number=undo.undone)
    brought = revision.files_added + revision.files_changed
    if brought > COUNTED_FILES:
        return Outlook(brought + revision.files_removed, None, is_hopeless=False)
    versions = FileVersion.objects.at(undo.head).filter(project=undo.project_id, since=undo.undone)
    standing = versions.count()
    # What it took may come back, and a copy that a later undo has written may stand for what it left.
    later = Revision.objects.filter(project=undo.project_id, kind=RevisionKind.UNDO, number__gt=undo.undone)
    may_be_more = revision.files_removed or later.filter(state=RevisionState.PUBLISHED).exists()
    return Outlook(brought + revision.files_removed, standing, is_hopeless=not standing and not may_be_more)
