"""Download trees: one that is wanted is built, one that is joined is looked at again, one that is left is removed.

Each is taken by its lease. What building means is in `transfers.downloads`; here it is joined to the tree's row, its
downloads, what their members are told, and what happens when it fails.
"""

import logging
import secrets
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Final

from django.db.models import Exists, OuterRef, Q, QuerySet

from moorage.backends import backends
from moorage.errors import MoorageError, UnavailableError
from moorage.jobs.beating import kept
from moorage.jobs.disk_trouble import is_of_the_disk, told_of
from moorage.jobs.download_endings import TreeUnwantedError, fail_tree, put_off
from moorage.jobs.download_work import WorkStoppedError, take_on
from moorage.jobs.setbacks import (
    DATABASE_DELAY,
    DATABASE_TROUBLE,
    FIRST_DELAY,
    NEVER_AS_LONG,
    after_database_trouble,
    delay_after,
)
from moorage.leases import Lease, LeaseLostError, LeaseWatch, take
from moorage.transfers.downloads.models import Download, DownloadTree
from moorage.transfers.downloads.states import UNPREPARED, TreeState

TRIES: Final = 5
log = logging.getLogger(__name__)


def waiting() -> QuerySet[DownloadTree]:
    """Trees with which something is to be done, some of them later."""
    todo = Q(state__in=[TreeState.WANTED, TreeState.LEAVING]) | Q(Exists(_unprepared()), state=TreeState.READY)
    # The condition of the index, so that trees that are long gone cost nothing.
    return DownloadTree.objects.exclude(state=TreeState.GONE).filter(todo)


def _unprepared() -> QuerySet[Download]:
    return Download.objects.in_state(UNPREPARED).filter(tree=OuterRef("pk"))


def claim_next(watch: LeaseWatch, *, only_quick: bool = False) -> Lease | None:
    """Take the tree that has waited longest. None: there is nothing to do.

    `only_quick`: of those that are there already, and need not be read.
    """
    now = backends().clock()
    rested = Q(not_before=None) | Q(not_before__lte=now) | Q(not_before__gt=now + NEVER_AS_LONG)
    trees = waiting().filter(rested)
    if only_quick:
        trees = trees.exclude(state=TreeState.WANTED).exclude(Exists(_unprepared().filter(verify_first=True)))
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
            with backends().store.or_away():
                take_on(tree, lease, should_stop, executor)
        except LeaseLostError:
            log.warning("tree %s: another worker has taken it over", tree.name)
        except (WorkStoppedError, TreeUnwantedError):
            lease.release()
        except UnavailableError as error:
            log.info("tree %s waits: %s", tree.name, error)
            put_off(lease, FIRST_DELAY, reason=error.code, reason_text=str(error))
        except MoorageError as error:
            log.warning("tree %s: %s", tree.name, error)
            if tree.current_state is TreeState.LEAVING:  # Globus refuses something: nothing is left to fail
                _put_off_longer(tree, lease)
                return
            fail_tree(tree, lease, code=error.code, sentence=str(error), damaged=getattr(error, "paths", ()))
        except DATABASE_TROUBLE as error:
            after_database_trouble(f"tree {tree.name}", error)
            put_off(lease, DATABASE_DELAY)
        except Exception as error:
            _after_failure(tree, lease, error)


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
    if tree.tries + 1 >= TRIES and tree.current_state is not TreeState.LEAVING:
        fail_tree(tree, lease, code=code, sentence=sentence)
    else:
        _put_off_longer(tree, lease)


def _put_off_longer(tree: DownloadTree, lease: Lease) -> None:
    """Leave it to whoever takes it after a while, each time a longer one."""
    put_off(lease, delay_after(tree.tries + 1), tries=tree.tries + 1)
