"""What a worker does with a tree under its lease: builds it, looks at it again, or removes it.

The caller, `jobs.downloads`, has claimed it, and knows what becomes of failures.
"""

from collections.abc import Callable
from concurrent.futures import Executor
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from django.db import transaction

from moorage.backends import backends
from moorage.files.filters import NothingMatchesError
from moorage.jobs.download_endings import TreeUnwantedError, put_off, tree_is_ready
from moorage.jobs.imports import shared_pool
from moorage.leases import Lease
from moorage.storage.links import added
from moorage.storage.removal import parts_of, remove_trees
from moorage.storage.trees import DownloadTrees, sum_of_tree
from moorage.transfers.downloads.building import build, look_for_damage
from moorage.transfers.downloads.job import TreeJob, TreeProgress
from moorage.transfers.downloads.leaving import may_be_removed
from moorage.transfers.downloads.models import Download, DownloadTree
from moorage.transfers.downloads.orders import Orders
from moorage.transfers.downloads.states import UNPREPARED, DownloadState, TreeState
from moorage.transfers.downloads.totals import is_anything_doubtful, totals_of
from moorage.transfers.downloads.trees import question_of
from moorage.transfers.due import Sweep, make_due
from moorage.transfers.grants import follow_reasons_of_tree

READERS_ASKED_AFTER: Final = timedelta(seconds=20)
SMALL_FILES: Final = 20_000  # a tree of so many links takes the process of small imports, too
SIDE_BY_SIDE: Final = 4


class WorkStoppedError(Exception):
    """The worker is asked to stop; whoever takes the tree next goes on."""


def take_on(tree: DownloadTree, lease: Lease, should_stop: Callable[[], bool], executor: Executor | None) -> None:
    """Do what the tree's state asks for.

    Raises:
        LeaseLostError, TreeUnwantedError, WorkStoppedError: nothing more is to be done.
        MoorageError: why it cannot be made. OSError: the file system fails.
    """
    backends().store.check_is_there()
    if tree.current_state is TreeState.LEAVING:
        _remove(tree, lease, executor)
        return
    job = _job_of(tree, lease, should_stop, executor)
    if tree.current_state is TreeState.READY and _is_as_it_was(tree, job):
        if is_anything_doubtful(job.question.believed_since):
            _say_preparing(tree, lease, step="check", bytes_checked=0)
            look_for_damage(job)
        tree_is_ready(tree, lease, read_since=job.question.believed_since)
        return
    _build(tree, job, lease)


def _build(tree: DownloadTree, job: TreeJob, lease: Lease) -> None:
    job.progress = TreeProgress()
    files, size = totals_of(job.question)
    # What it has served until now it serves no more until it is complete again.
    _say_preparing(
        tree,
        lease,
        state=TreeState.WANTED.value,
        state_changed_at=backends().clock(),
        step="link",
        files_total=files,
        bytes_total=size,
        **dict.fromkeys(("files_done", "bytes_checked"), 0),
        **dict.fromkeys(("reason", "reason_text"), ""),
    )
    built = build(job)
    if tree.filter and not built.files:
        raise NothingMatchesError(tree.filter, tree.revision)
    job.report(job.progress)
    _write(lease, step="finish")
    DownloadTrees(backends().store).serve(tree.name, built.folder)
    job.seam("tree served")
    tree_is_ready(tree, lease, built=built, read_since=job.question.believed_since)


def _say_preparing(tree: DownloadTree, lease: Lease, **columns: Any) -> None:
    """Write how the tree stands, and that its downloads that are not served now are being prepared."""
    now = backends().clock()
    with transaction.atomic():
        _write(lease, **columns)
        tree.refresh_from_db()
        waiting = [DownloadState.REQUESTED]
        waiting += [DownloadState.READY] if tree.current_state is TreeState.WANTED else []
        for download in Download.objects.in_state(waiting).filter(tree=tree):
            download.transition_to(DownloadState.PREPARING, at=now)
        if follow_reasons_of_tree(tree):
            make_due(Sweep.GRANTS)


def _write(lease: Lease, **columns: Any) -> None:
    """Write to a tree that is still wanted.

    Raises:
        LeaseLostError, TreeUnwantedError
    """
    if not lease.rows().exclude(state=TreeState.LEAVING).update(**columns):
        lease.check()
        raise TreeUnwantedError


def _is_as_it_was(tree: DownloadTree, job: TreeJob) -> bool:
    """Whether no file of a READY tree was touched, and with it no object, since it was built."""
    served = DownloadTrees(backends().store).served_path(tree.name)
    sum_of_parts = partial(sum_of_tree, served)
    parts = [job.orders.ask(sum_of_parts, part) for part in parts_of(served, most=SIDE_BY_SIDE)]
    return str(added(0, sum(part.result() for part in parts))) == tree.fingerprint


def _remove(tree: DownloadTree, lease: Lease, executor: Executor | None) -> None:
    now = backends().clock()
    if not may_be_removed(tree, at=now):
        put_off(lease, READERS_ASKED_AFTER if tree.readers else timedelta(seconds=1))
        return
    trees = DownloadTrees(backends().store)
    orders = _orders(tree, executor)
    parts = [part for folder in trees.withdraw(tree.name) for part in parts_of(folder, most=SIDE_BY_SIDE)]
    for asked in [orders.ask(remove_trees, part) for part in parts]:
        asked.result()
    trees.remove(tree.name)
    lease.update(state=TreeState.GONE.value, state_changed_at=now, held_by="", not_before=None)


def _job_of(tree: DownloadTree, lease: Lease, should_stop: Callable[[], bool], executor: Executor | None) -> TreeJob:
    outside = backends()

    def report(progress: TreeProgress) -> None:
        if should_stop():
            raise WorkStoppedError
        _write(lease, files_done=progress.files_done, bytes_checked=progress.bytes_checked)

    job = TreeJob(
        project=tree.project,
        name=tree.name,
        fence=lease.fence,
        question=question_of(tree, believed_since=_believed_since(tree, at=outside.clock())),
        store=outside.store,
        clock=outside.clock,
        orders=_orders(tree, executor),
        reading=_orders(tree, executor, left=lambda: tree.bytes_total - job.progress.bytes_checked),
        report=report,
        progress=TreeProgress(files_done=tree.files_done),
    )
    return job


def _believed_since(tree: DownloadTree, *, at: datetime) -> datetime | None:
    """Since when an object must have been read to be given out unread: None if the operator has none read again."""
    within = backends().policies.fixity_within
    overdue = at - within if within else None
    asked = Download.objects.in_state(UNPREPARED).filter(tree=tree, verify_first=True)
    asked_at = asked.order_by("-requested_at").values_list("requested_at", flat=True).first()
    return max((one for one in (overdue, asked_at) if one is not None), default=None)


def nothing_left() -> int:
    """A tree's links are made in seconds, and somebody waits for them: they go before imports."""
    return 0


def _orders(tree: DownloadTree, executor: Executor | None, *, left: Callable[[], int] = nothing_left) -> Orders:
    pool = shared_pool()
    is_small = tree.files_total <= SMALL_FILES and left is nothing_left
    return Orders(executor or pool.executor_for(left, is_small=is_small), pool.orders_for_one)
