"""Download trees: one that is wanted is built, one that is joined is looked at again, one that is left is removed.

Each is taken by its lease. What building means is in `transfers.downloads`; here it is joined to the tree's row, its
downloads, what their members are told, and what happens when it fails.
"""

import logging
import secrets
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Exists, OuterRef, Q

from moorage.backends import backends
from moorage.errors import MoorageError, UnavailableError
from moorage.files.filters import NothingMatchesError
from moorage.jobs.beating import kept
from moorage.jobs.disk_trouble import is_of_the_disk, told_of
from moorage.jobs.download_endings import TreeUnwantedError, fail_tree, put_off, tree_is_ready
from moorage.jobs.imports import shared_pool
from moorage.leases import Lease, LeaseLostError, LeaseWatch, take
from moorage.storage.links import added
from moorage.storage.removal import parts_of, remove_trees
from moorage.storage.trees import DownloadTrees, sum_of_trees
from moorage.transfers.downloads.building import TreeJob, TreeProgress, build, look_for_damage
from moorage.transfers.downloads.leaving import may_be_removed
from moorage.transfers.downloads.models import Download, DownloadTree
from moorage.transfers.downloads.orders import Orders
from moorage.transfers.downloads.states import UNPREPARED, DownloadState, TreeState
from moorage.transfers.downloads.totals import is_anything_doubtful, totals_of
from moorage.transfers.downloads.trees import question_of
from moorage.transfers.due import Sweep, make_due
from moorage.transfers.grants import follow_reasons_of_tree

TRIES: Final = 5
FIRST_DELAY: Final = timedelta(seconds=5)
READERS_ASKED_AFTER: Final = timedelta(seconds=20)
LONGEST_DELAY: Final = timedelta(hours=1)  # no delay is as long
SMALL_FILES: Final = 20_000  # a tree of so many links takes the process of small imports, too
SIDE_BY_SIDE: Final = 4

log = logging.getLogger(__name__)


class WorkStoppedError(Exception):
    """The worker is asked to stop; whoever takes the tree next goes on."""


def claim_next(watch: LeaseWatch) -> Lease | None:
    """Take the tree that has waited longest. None: there is nothing to do."""
    now = backends().clock()
    waits = Download.objects.in_state(UNPREPARED).filter(tree=OuterRef("pk"))
    todo = Q(state__in=[TreeState.WANTED, TreeState.LEAVING]) | Q(Exists(waits), state=TreeState.READY)
    # What is to rest for longer was written by a clock that was wrong.
    rested = Q(not_before=None) | Q(not_before__lte=now) | Q(not_before__gt=now + LONGEST_DELAY)
    # The condition of the index, so that trees that are long gone cost nothing.
    trees = DownloadTree.objects.exclude(state=TreeState.GONE).filter(todo, rested)
    for tree in trees.order_by("state_changed_at"):
        if watch.may_take(tree):
            lease = take(tree, where={"state": tree.state})
            if lease is not None:
                return lease
    return None


def work(lease: Lease, *, should_stop: Callable[[], bool] = lambda: False, executor: Executor | None = None) -> None:
    """Do what the tree's state asks for. Afterwards it has moved on, or is free for another try."""
    with kept(lease):
        tree = DownloadTree.objects.select_related("project").get(pk=lease.pk)
        try:
            _take_on(tree, lease, should_stop, executor)
        except LeaseLostError:
            log.warning("tree %s: another worker has taken it over", tree.name)
        except (WorkStoppedError, TreeUnwantedError):
            lease.release()
        except UnavailableError as error:
            log.info("tree %s waits: %s", tree.name, error)
            put_off(lease, FIRST_DELAY, reason=error.code, reason_text=str(error))
        except MoorageError as error:
            log.warning("tree %s: %s", tree.name, error)
            fail_tree(tree, lease, code=error.code, sentence=str(error), damaged=getattr(error, "paths", ()))
        except (OperationalError, InterfaceError):
            log.exception("tree %s: the database is in trouble; it goes on by itself", tree.name)
            put_off(lease, FIRST_DELAY)
        except Exception as error:
            _after_failure(tree, lease, error)


def _take_on(tree: DownloadTree, lease: Lease, should_stop: Callable[[], bool], executor: Executor | None) -> None:
    backends().store.check_is_there()
    if tree.current_state is TreeState.LEAVING:
        _remove(tree, lease, executor)
        return
    job = _job_of(tree, lease, should_stop, executor)
    if tree.current_state is TreeState.READY and _is_as_it_was(tree, job):
        if is_anything_doubtful(job.question.believed_since):
            look_for_damage(job)
        tree_is_ready(tree, lease, read_since=job.question.believed_since)
        return
    _build(tree, job, lease)


def _build(tree: DownloadTree, job: TreeJob, lease: Lease) -> None:
    files, size = totals_of(job.question)
    _begin(tree, lease, files_total=files, bytes_total=size)
    if tree.fingerprint:
        # Somebody has touched what was served: nothing of it is kept, for who knows what else lies in it.
        DownloadTrees(backends().store).remove(tree.name)
        _write(lease, fingerprint="")
    built = build(job)
    if tree.filter and not built.files:
        raise NothingMatchesError(tree.filter, tree.revision)
    job.report(job.progress)
    _write(lease, step="finish")
    DownloadTrees(backends().store).serve(tree.name)
    job.seam("tree served")
    tree_is_ready(tree, lease, built=built, read_since=job.question.believed_since)


def _begin(tree: DownloadTree, lease: Lease, **totals: int) -> None:
    """Say that the tree is being built. What it has served until now it serves no more until it is complete again."""
    now = backends().clock()
    with transaction.atomic():
        _write(
            lease,
            state=TreeState.WANTED.value,
            state_changed_at=now,
            step="link",
            files_done=0,
            **{"reason": "", "reason_text": "", "bytes_checked": 0, **totals},
        )
        tree.refresh_from_db()
        waiting = Download.objects.in_state([DownloadState.REQUESTED, DownloadState.READY]).filter(tree=tree)
        for download in waiting:
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
    parts = [job.orders.ask(sum_of_trees, part) for part in parts_of(served, most=SIDE_BY_SIDE)]
    return str(added(0, sum(part.result() for part in parts))) == tree.fingerprint


def _remove(tree: DownloadTree, lease: Lease, executor: Executor | None) -> None:
    now = backends().clock()
    if not may_be_removed(tree, at=now):
        put_off(lease, READERS_ASKED_AFTER if tree.readers else timedelta(seconds=1))
        return
    trees = DownloadTrees(backends().store)
    apart = trees.withdraw(tree.name)
    orders = _orders(tree, executor)
    parts = parts_of(apart, most=SIDE_BY_SIDE) if tree.files_done else []
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

    return TreeJob(
        project=tree.project,
        name=tree.name,
        question=question_of(tree, believed_since=_believed_since(tree, at=outside.clock())),
        store=outside.store,
        clock=outside.clock,
        orders=_orders(tree, executor),
        report=report,
    )


def _believed_since(tree: DownloadTree, *, at: datetime) -> datetime | None:
    """Since when an object must have been read to be given out unread: None if the operator has none read again."""
    within = backends().policies.fixity_within
    overdue = at - within if within else None
    asked = Download.objects.in_state(UNPREPARED).filter(tree=tree, verify_first=True)
    asked_at = asked.order_by("-requested_at").values_list("requested_at", flat=True).first()
    return max((one for one in (overdue, asked_at) if one is not None), default=None)


def _orders(tree: DownloadTree, executor: Executor | None) -> Orders:
    pool = shared_pool()
    # A tree's links are made in seconds, and somebody waits for them: it goes before imports that have more to read.
    is_small = tree.files_total <= SMALL_FILES
    return Orders(executor or pool.executor_for(lambda: 0, is_small=is_small), pool.orders_for_one)


def _after_failure(tree: DownloadTree, lease: Lease, error: Exception) -> None:
    """Wait for what passes, however long; try again some times after what may, and then say what it was."""
    if isinstance(error, OSError) and is_of_the_disk(error):
        log.error("tree %s: the file system is in trouble", tree.name, exc_info=error)
        told = told_of(error, of="download")
        code, sentence = told.code, told.sentence
        if told.passes:
            put_off(lease, FIRST_DELAY, reason=code, reason_text=sentence)
            return
    else:
        reference = secrets.token_hex(4)
        log.error("tree %s: unforeseen, reference %s", tree.name, reference, exc_info=error)
        code = "bug"
        sentence = f"Something unforeseen stopped it. Tell the operator this reference: {reference}. Then ask again."
    tries = tree.tries + 1
    if tries >= TRIES and tree.current_state is not TreeState.LEAVING:
        fail_tree(tree, lease, code=code, sentence=sentence)
    else:
        put_off(lease, FIRST_DELAY * 2 ** min(tries - 1, 8), tries=tries)
