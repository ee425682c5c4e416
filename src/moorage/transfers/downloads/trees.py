"""Which tree serves a download: one for each project, revision and selection, joined by every download of them.

Joining and leaving write the tree's row first, so that of two that happen at once one waits for the other.
"""

from datetime import datetime
from hashlib import sha256
from typing import Final
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F

from moorage.backends import backends
from moorage.files.archives.selection import Selection, select
from moorage.files.filters import wanted_by
from moorage.globus.service import CollectionPath
from moorage.projects.models import Project
from moorage.transfers.downloads.models import Download, DownloadTree
from moorage.transfers.downloads.rows import Question
from moorage.transfers.downloads.states import MAY_BE_JOINED, TreeState
from moorage.transfers.naming import slug, unguessable

_TRIES: Final = 3
NO_LONGER_WANTED: Final = "download.no_longer_wanted"


def join_tree(project: Project, selection: Selection, *, filter_text: str, at: datetime) -> DownloadTree:
    """The tree for a selection: one that is there or being built, or a new row. Call it in the transaction that makes
    the download.
    """
    paths = selected_paths(selection)
    key = _key(selection.revision, paths, filter_text)
    wanted = DownloadTree.objects.filter(
        project=project, selection_key=key, state__in=sorted(MAY_BE_JOINED), collection_id=_collection()
    )
    for _ in range(_TRIES):
        # A tree whose last download ends at this moment is LEAVING when this UPDATE gets its turn.
        if wanted.update(joined=F("joined") + 1):
            return wanted.get()
        try:
            with transaction.atomic():
                return DownloadTree.objects.create(
                    project=project,
                    revision=selection.revision,
                    paths=paths,
                    filter=filter_text,
                    selection_key=key,
                    collection_id=_collection(),
                    name=f"{slug(project.name) or 'project'}-r{selection.revision}-{unguessable()}",
                    state_changed_at=at,
                )
        except IntegrityError:  # somebody else has asked for the same at the same moment
            continue
    raise IntegrityError("The tree of a selection comes and goes.")


def hold_tree(tree_id: UUID) -> None:
    """Have the turn on a tree until the transaction ends.

    Whoever writes to a tree and to its downloads begins with the tree: otherwise two would wait for each other.
    """
    DownloadTree.objects.filter(pk=tree_id).update(joined=F("joined") + 1)


def leave_tree(tree_id: UUID, *, at: datetime, reason: str = NO_LONGER_WANTED, reason_text: str = "") -> None:
    """A download has ended: the tree goes with its last one. Call it in the transaction that ends the download."""
    tree = DownloadTree.objects.filter(pk=tree_id, state__in=sorted(MAY_BE_JOINED))
    if not tree.update(joined=F("joined") + 1) or Download.objects.live().filter(tree=tree_id).exists():
        return
    tree.update(
        state=TreeState.LEAVING.value, state_changed_at=at, not_before=None, reason=reason, reason_text=reason_text
    )


def selection_of(tree: DownloadTree) -> Selection:
    """What a tree holds."""
    return select(tree.project, tree.paths, revision=tree.revision)


def question_of(tree: DownloadTree, *, believed_since: datetime | None) -> Question:
    """What is to be read of a tree's files; see `rows.Question`."""
    wanted = wanted_by(tree.filter) if tree.filter else None
    return Question(selection_of(tree), wanted, believed_since)


def selected_paths(selection: Selection) -> list[str]:
    """The paths of a selection, in their order; none for the whole project."""
    if selection.is_whole_project:
        return []
    return [folder.path for folder in selection.folders] + [file.path for file in selection.files]


def tree_path(tree: DownloadTree) -> CollectionPath:
    """Where a tree is on the collection."""
    return CollectionPath(f"/{tree.name}/")


def _collection() -> UUID:
    return UUID(backends().globus.collection_id)


def _key(revision: int, paths: list[str], filter_text: str) -> str:
    return sha256("\0".join([str(revision), filter_text, *sorted(paths)]).encode()).hexdigest()
