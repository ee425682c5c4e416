"""The collector: objects that nothing refers to go to the trash, after a retention time, and then their rows.

live → doomed   nothing refers to it. From here the retention time runs: `state_changed_at` is when it was doomed, so
                an object that is used again and set live begins anew, and no second column can disagree.
doomed → leaving   the time has passed (an hour at least), still nothing refers to it, and every import that may have
                placed it before it had a row has ended (DoomWatch).
leaving → gone  once every transaction that may have seen it otherwise has ended, and nothing refers to it: its file
                goes to the trash and its row is deleted, in one transaction that holds the row.

Each step is a compare-and-set under the row's lock and asks anew who refers. So clocks only decide when something
goes, never whether something that is needed stays: see ADR 0009. Who is met here by an import:
`importer.register.object_rows`.
"""

import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet

from moorage.files.fixity import bring_back
from moorage.files.holding import hold
from moorage.files.models import FileVersion, ObjectState, StoredObject
from moorage.files.registering import PAUSE_SECONDS
from moorage.storage.digests import Digest
from moorage.storage.layout import StoreLayout
from moorage.storage.objects import ObjectStore
from moorage.storage.trash import Trash

log = logging.getLogger(__name__)

LOOK_ROWS: Final = 5000
BATCH_ROWS: Final = 100
MOST_WAITING: Final = 100_000
LEAST_KEPT: Final = timedelta(hours=1)
LONGEST_WAIT_SECONDS: Final = 20.0
POLL_SECONDS: Final = 0.05

ReliedOn = Callable[[Collection[int]], set[int]]
"""Of these ids of objects, those that something outside this package relies on: entries of unfinished uploads."""


_UNUSED: Final = ~Exists(FileVersion.objects.filter(stored_object=OuterRef("pk")))


Running = Callable[[], frozenset[str]]
"""Names of the imports at work now; one that is taken over by another worker, or begins anew, has another name."""


def _pass(seam: str) -> None:
    """Nothing happens between two steps; tests put a crash here."""


@dataclass
class DoomWatch:
    """A collector's memory of which imports were at work when it first saw each object doomed.

    One of them may have placed the same bytes before there was a row, and be about to write it: it would count on a
    file that has gone. An import that begins later finds the file with its doomed row, and revives that. So an
    object leaves when none of those imports is at work any more, and no clock is asked. What a process has not
    seen it has to see first, unless no import is at work at all. It remembers only what has to wait, and no more than
    MOST_WAITING of that: the others are seen when those have left.
    """

    _seen: dict[tuple[int, datetime | None], int] = field(default_factory=dict)  # which look saw it first
    _working: dict[int, frozenset[str]] = field(default_factory=dict)  # by look: those of its imports still at work
    _looks: int = 0

    @contextmanager
    def looking(self, running: frozenset[str]) -> Iterator[Callable[[int, datetime | None], bool]]:
        """One look at what is doomed. `running` was asked after all of that had been committed."""
        self._looks += 1
        self._working = {look: still for look, then in self._working.items() if (still := then & running)}
        if running:
            self._working[self._looks] = running
        seen: dict[tuple[int, datetime | None], int] = {}

        def may_leave(pk: int, since: datetime | None) -> bool:
            look = self._seen.get((pk, since), self._looks)
            if look not in self._working:
                return True
            if len(seen) < MOST_WAITING:
                seen[pk, since] = look
            return False

        yield may_leave
        self._seen = seen


@dataclass(frozen=True)
class Collector:
    """What a round works with. Any number of them may work at once, and each may die anywhere."""

    store: StoreLayout
    relied_on: ReliedOn
    running: Running
    watch: "DoomWatch"
    kept: timedelta
    trash_kept: timedelta
    seam: Callable[[str], None] = _pass

    def collect(self, *, at: datetime) -> int:
        """One round: finish what is leaving, let leave what has been doomed for long, doom what nothing refers to.

        In this order, so that no object makes two steps in one round. Returns how many objects have gone.

        Raises:
            StoreAwayError: the store is not there.
        """
        gone = self.finish(at=at)
        self.let_leave(at=at)
        self.doom(at=at)
        return gone + self.finish(at=at)

    def doom(self, *, at: datetime) -> int:
        """Doom every live object that nothing refers to; returns how many there were."""
        doomed = 0
        # In spans, so that no query has to look through the whole table for a few rows.
        for span in _chunks(StoredObject.objects.all(), LOOK_ROWS):
            live = StoredObject.objects.filter(_UNUSED, pk__gte=span[0], pk__lte=span[-1], state=ObjectState.LIVE)
            for batch in _chunks(live):
                doomed += self._step(live.filter(pk__in=batch), ObjectState.DOOMED, at=at)
        if doomed:
            log.info("%d objects are doomed: nothing refers to them", doomed)
        return doomed

    def let_leave(self, *, at: datetime) -> int:
        """Let go what has been doomed (or damaged) for the retention time; what is used again becomes live.

        Returns how many objects are leaving now.
        """
        self._spare()
        since = at - max(self.kept, LEAST_KEPT)
        states = (ObjectState.DOOMED, ObjectState.DAMAGED)
        due = StoredObject.objects.filter(_UNUSED, state__in=states, state_changed_at__lte=since)
        leaving = 0
        with self.watch.looking(self.running()) as may_leave:
            for batch in _chunks(due):
                doomed = due.filter(pk__in=batch).values_list("pk", "state_changed_at")
                ready = [pk for pk, since_when in doomed if may_leave(pk, since_when)]
                leaving += self._step(due.filter(pk__in=ready), ObjectState.LEAVING, at=at)
        return leaving

    def _spare(self) -> None:
        """Doomed objects that something refers to after all are live."""
        doomed = StoredObject.objects.filter(state=ObjectState.DOOMED)
        for batch in _chunks(doomed):
            used = self._used(batch)
            if used:
                doomed.filter(pk__in=used).update(state=ObjectState.LIVE)

    def _step(self, rows: QuerySet[StoredObject], new: ObjectState, *, at: datetime) -> int:
        with transaction.atomic():
            held = hold(rows)
            unused = set(held) - self._used(list(held))
            moved = rows.filter(pk__in=unused).update(state=new, state_changed_at=at)
        self.seam(f"{new}: batch written")
        _pause()
        return moved

    def finish(self, *, at: datetime) -> int:
        """Take away what is leaving, also what a round that died has left; returns how many objects have gone.

        Raises:
            StoreAwayError: the store is not there.
        """
        leaving = StoredObject.objects.filter(state=ObjectState.LEAVING)
        gone = 0
        for ids in _chunks(leaving, LOOK_ROWS):
            self.store.check_is_there()
            # After these rows were seen leaving: what becomes so later waits for others again.
            if not wait_for_others():
                log.info("the collector waits for a long transaction, and goes on in its next round")
                break
            for start in range(0, len(ids), BATCH_ROWS):
                gone += self._take_away(ids[start : start + BATCH_ROWS], until=at + self.trash_kept)
        if gone:
            log.info("%d objects that nothing referred to have gone to the trash", gone)
        return gone

    def _take_away(self, ids: Sequence[int], *, until: datetime) -> int:
        leaving = StoredObject.objects.filter(pk__in=ids, state=ObjectState.LEAVING)
        trash, gone = Trash(self.store.trash), []
        with transaction.atomic(), ObjectStore(self.store.objects) as objects:
            held = hold(leaving)
            used = self._used(list(held))
            if used:
                self._put_back(used)
            try:
                for pk, digest in held.items():
                    if pk not in used:
                        if not trash.take_object(objects.path_of(Digest(digest)), row_id=pk, until=until):
                            self.store.check_is_there()
                        gone.append(pk)
                        self.seam("leaving: file moved")
            except OSError:
                # Those whose files have gone lose their rows; the others are tried again.
                log.exception("the collector cannot move files to the trash; it tries again")
            _delete_rows(gone)
            self.seam("leaving: rows deleted")
        self.seam("leaving: batch gone")
        _pause()
        return len(gone)

    def _put_back(self, ids: Collection[int]) -> None:
        """What is needed after all is live; its file may lie in the trash already."""
        rows = StoredObject.objects.filter(pk__in=ids, state=ObjectState.LEAVING)
        needed = list(rows)
        # Nobody knows what state it left: without its mark it is the next to be read.
        rows.update(state=ObjectState.LIVE, verified_at=None)
        for stored in needed:
            log.warning("object %s is needed after all", stored.digest)
            bring_back(stored, store=self.store)

    def _used(self, ids: Sequence[int]) -> set[int]:
        """Those of these objects that something refers to: a version of any revision, published or not, or others."""
        by_versions = StoredObject.objects.filter(
            Exists(FileVersion.objects.filter(stored_object=OuterRef("pk"))), pk__in=ids
        )
        used = set(by_versions.values_list("pk", flat=True))
        return used | self.relied_on([pk for pk in ids if pk not in used])


def wait_for_others() -> bool:
    """Wait until every transaction that writes and is open now has ended. False: one takes longer than that.

    A transaction may have read an object's row before it changed, and refer to it when it is committed. SQLite
    lets one writer in at a time, so there is none.
    """
    if connection.vendor != "postgresql":
        return True
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text")
        now = int(cursor.fetchone()[0])
    until = time.monotonic() + LONGEST_WAIT_SECONDS
    while True:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text")
            if int(cursor.fetchone()[0]) > now:
                return True
        if time.monotonic() >= until:
            return False
        time.sleep(POLL_SECONDS)


def _chunks(rows: QuerySet[StoredObject], size: int = BATCH_ROWS) -> Iterator[Sequence[int]]:
    """The ids of rows, some at a time; whatever happens to them meanwhile, none comes twice."""
    last = 0
    while ids := list(rows.filter(pk__gt=last).order_by("pk").values_list("pk", flat=True)[:size]):
        last = ids[-1]
        yield ids


def _delete_rows(ids: Sequence[int]) -> None:
    # Not by Django's delete(): entries of discarded uploads, which rely on nothing, would forbid it.
    if ids:
        places = ", ".join(["%s"] * len(ids))
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM files_storedobject WHERE state = 'leaving' AND id IN ({places})", list(ids))  # noqa: S608


def _pause() -> None:
    # SQLite's lock is not fair: without a pause between two write transactions others wait for long (design §5).
    if connection.vendor == "sqlite":
        time.sleep(PAUSE_SECONDS)
