"""The worker: threads that import uploads, threads that carry out other revisions, threads that prepare downloads,
and threads that run what is due in the schedule.

One thread more imports small uploads only, so that these need not wait until a large one has ended.

Of each kind one thread looks for work at a time; when it has found some it hands the looking to the
next and works. So an idle worker asks the database twice in a second for each kind (for downloads ten times), however
many threads it has.
"""

import gc
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from django.conf import settings
from django.db import close_old_connections, connection, connections

from moorage.backends import backends
from moorage.jobs import downloads, imports, previews, revisions, schedule
from moorage.jobs.addresses import load_addresses
from moorage.jobs.looking import Look
from moorage.jobs.setbacks import Setbacks
from moorage.jobs.small_imports import is_small
from moorage.jobs.steadiness import Steadiness
from moorage.jobs.sweeps.plans import all_plans
from moorage.leases import LeaseWatch
from moorage.transfers.models import Upload

IDLE_SECONDS: Final = 0.5
DOWNLOAD_IDLE_SECONDS: Final = 0.1  # a tree that is there already is ready while its member looks at the page
DOWNLOAD_THREADS: Final = 2
SWEEP_THREADS: Final = 8  # six sweeps ask Globus: a slow one must not keep the others from running
PREVIEW_THREADS: Final = 2
REVISION_THREADS: Final = 2  # an undo, move or removal waits for no import but while that registers
GARBAGE_THRESHOLDS: Final = (50_000, 20, 50)
STOP_SECONDS: Final = 5.0  # what does not end by then is left to its lease

log = logging.getLogger(__name__)

Job = Callable[[], None]


@dataclass
class Crew:
    """Threads that do one kind of work. `find` claims a job and returns it, or None when there is none."""

    name: str
    size: int
    find: Callable[[], Job | None]
    stop: threading.Event
    may_find: Callable[[], bool] = lambda: True  # a look that costs less
    idle_seconds: float = IDLE_SECONDS
    looking: threading.Lock = field(default_factory=threading.Lock)
    threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        for number in range(self.size):
            # Daemons: a process that is asked to stop does not wait for hours of work.
            thread = threading.Thread(target=self._work, name=f"{self.name} {number + 1}", daemon=True)
            self.threads.append(thread)
            thread.start()

    def join(self, until: float) -> None:
        """Wait for the threads' end, until an instant of the monotonic clock."""
        for thread in self.threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _work(self) -> None:
        try:
            while not self.stop.is_set():
                job = self._next_job()
                if job is not None:
                    self._do(job)
        finally:
            connections.close_all()

    def _next_job(self) -> Job | None:
        """Look for a job until one is found; the others wait for their turn to look."""
        if not self.looking.acquire(timeout=IDLE_SECONDS):
            return None
        try:
            while not self.stop.is_set():
                job = self._found()
                if job is not None:
                    return job
                self.stop.wait(self.idle_seconds)
            return None
        finally:
            self.looking.release()

    def _found(self) -> Job | None:
        found: list[Job | None] = []
        self._do(lambda: found.append(self.find() if self.may_find() else None))
        return found[0] if found else None

    def _do(self, job: Job) -> None:
        """Run something that must not end its thread, whatever it raises."""
        if (
            connection.vendor != "sqlite"
        ):  # a file does not go away, and opening it for each look costs more than the look
            close_old_connections()
        try:
            job()
        except Exception:
            log.exception("%s: unforeseen; going on", self.name)
            connections.close_all()
            self.stop.wait(IDLE_SECONDS)


def run_worker(stop: threading.Event) -> None:
    """Import uploads, carry out other revisions and run sweeps until `stop` is set; then return within seconds.

    What is not finished then is taken over by the next worker, because its lease's holder is dead.
    """
    pool, tree_waits = imports.shared_pool(), Look(downloads.waiting)
    crews = [
        Crew("import", settings.OPTIONS.imports_at_once, _find_import(stop), stop, Look(imports.waiting)),
        Crew("small import", 1, _find_import(stop, is_wanted=is_small), stop, Look(imports.waiting)),
        Crew("preview", PREVIEW_THREADS, _find_preview(stop), stop, Look(previews.waiting)),
        Crew("revision", REVISION_THREADS, _find_revision(stop), stop, Look(revisions.waiting)),
        Crew("download", DOWNLOAD_THREADS, _find_download(stop), stop, tree_waits, DOWNLOAD_IDLE_SECONDS),
        # Trees that are there already need not wait until large ones have been built.
        Crew("quick download", 1, _find_download(stop, only_quick=True), stop, tree_waits, DOWNLOAD_IDLE_SECONDS),
        Crew("sweep", SWEEP_THREADS, _find_sweep(), stop),
    ]
    for crew in crews:
        crew.start()
    pool.start()
    threading.Thread(target=_settle, name="loads addresses", daemon=True).start()
    log.info("the worker is ready")
    stop.wait()
    until = time.monotonic() + STOP_SECONDS
    for crew in crews:
        crew.join(until)
    # Else the interpreter would wait at its end for the batches that are being done.
    pool.shutdown(wait=False)
    imports.shared_pool.cache_clear()  # a worker that begins in this process later gets a pool of its own


def _settle() -> None:
    """Load what the first import would wait for, and spare every later garbage collection what is there by then.

    An import has hundreds of thousands of values at hand and makes no cycles of them: garbage is looked for less often.
    """
    load_addresses()
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)


def _find_sweep() -> Callable[[], Job | None]:
    plans = {plan.name: plan for plan in all_plans(backends().policies)}
    watch, steadiness = LeaseWatch(), Steadiness()
    entered = threading.Event()

    def find() -> Job | None:
        clock = backends().clock
        if not entered.is_set():
            schedule.enter(plans.values(), at=clock())
            entered.set()
        claim = schedule.claim_due(plans, watch, at=clock())
        steadiness.look(clock())  # often, so that no jump there and back is missed
        return None if claim is None else lambda: schedule.run_claimed(claim, clock=clock, steadiness=steadiness)

    return find


def _find_preview(stop: threading.Event) -> Callable[[], Job | None]:
    watch = LeaseWatch()

    def find() -> Job | None:
        lease = previews.claim_next(watch)
        return None if lease is None else lambda: previews.work(lease, should_stop=stop.is_set)

    return find


def _find_download(stop: threading.Event, *, only_quick: bool = False) -> Callable[[], Job | None]:
    watch = LeaseWatch()

    def find() -> Job | None:
        lease = downloads.claim_next(watch, only_quick=only_quick)
        return None if lease is None else lambda: downloads.work(lease, should_stop=stop.is_set)

    return find


def _find_import(
    stop: threading.Event, *, is_wanted: Callable[[Upload], bool] = imports.any_upload
) -> Callable[[], Job | None]:
    watch = LeaseWatch()

    def find() -> Job | None:
        lease = imports.claim_next(watch, is_wanted=is_wanted)
        return None if lease is None else lambda: imports.work(lease, should_stop=stop.is_set)

    return find


def _find_revision(stop: threading.Event) -> Callable[[], Job | None]:
    watch, setbacks = LeaseWatch(), Setbacks()

    def find() -> Job | None:
        lease = revisions.claim_next(watch, setbacks)
        return None if lease is None else lambda: revisions.work(lease, setbacks, should_stop=stop.is_set)

    return find
