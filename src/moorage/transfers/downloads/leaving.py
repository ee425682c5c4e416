"""A tree that no download needs any more: its rules go at once, and its folder when nobody reads from it.

What is asked of Globus here can be repeated; a worker takes every LEAVING tree on, under its lease.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from moorage.backends import backends
from moorage.globus.service import IdentityId, ReadingTask
from moorage.transfers.closing import withdraw_rules_on
from moorage.transfers.downloads.models import Download, DownloadTree
from moorage.transfers.downloads.trees import tree_path
from moorage.transfers.naming import is_within

# A transfer without a rule gathers faults until its deadline: a tree costs little, but not for ever.
LONGEST_WAIT: Final = timedelta(days=7)
CLOCKS_DIFFER: Final = timedelta(minutes=2)


def has_been_served(tree: DownloadTree) -> bool:
    """Whether Globus could ever have seen the tree."""
    return tree.built_at is not None


def take_rules_away(tree: DownloadTree, *, at: datetime) -> bool:
    """Take every rule on the tree away. True: the collection's rule list shows none any more.

    Raises:
        GlobusUnavailableError, GlobusRefusedError
    """
    return withdraw_rules_on(tree, tree_path(tree), at=at)


def count_readers(tree: DownloadTree, *, at: datetime) -> int:
    """How many transfers read, or may read, from the tree now; written down for its pages.

    Raises:
        GlobusUnavailableError
    """
    found = _readers(tree, tree.grants.values_list("identity_id", flat=True))
    DownloadTree.objects.filter(pk=tree.pk).update(readers=len(found), readers_as_of=at)
    tree.readers, tree.readers_as_of = len(found), at
    return len(found)


def is_read_by_its_member(download: Download) -> bool:
    """Whether a transfer of the member who asked for it reads, or may read, from its tree now.

    Raises:
        GlobusUnavailableError
    """
    own = download.tree.grants.filter(member=download.owner_id)
    return bool(_readers(download.tree, own.values_list("identity_id", flat=True)))


def _readers(tree: DownloadTree, identities: Iterable[UUID]) -> set[str]:
    """Where Globus hides a transfer's path, it may be any that began after the tree was there."""
    found: set[str] = set()
    for identity in identities:
        tasks = backends().globus.reading_tasks_of(IdentityId(str(identity)))
        found |= {task.id for task in tasks if _may_read(task, tree)}
    return found


def may_be_removed(tree: DownloadTree, *, at: datetime) -> bool:
    """Whether nobody can, or need, read from a LEAVING tree any more.

    Raises:
        GlobusUnavailableError, GlobusRefusedError
    """
    if not has_been_served(tree):
        return True
    if not take_rules_away(tree, at=at):
        return False
    return count_readers(tree, at=at) == 0 or at - tree.state_changed_at >= LONGEST_WAIT


def _may_read(task: ReadingTask, tree: DownloadTree) -> bool:
    if task.source_path is not None:
        return is_within(task.source_path, tree_path(tree)) or is_within(tree_path(tree), task.source_path)
    return tree.built_at is not None and task.requested_at >= tree.built_at - CLOCKS_DIFFER
