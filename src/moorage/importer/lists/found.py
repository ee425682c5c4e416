"""Lists of digests that lie at the top of an upload itself: read before the files are listed, so that they can be
compared (see `expectations`). A list that cannot be understood is a file like any other, and compares nothing.

Memory stays the same however many there are. Only lists that are not as they were are read, the bad ones, too. What of
a list is used depends on the others: it is counted when all are read, and only then do those that are new count.
"""

import os
from collections.abc import Iterator
from itertools import chain, islice
from typing import Final, NamedTuple

from django.db.models import Count

from moorage.importer.ledger.job import ImportJob
from moorage.importer.lists.kept import BATCH_ROWS, MOST_TOLD, forget_gone, found_lists_of, give_up, kept_in
from moorage.importer.lists.kept_rows import by_key, write_rows
from moorage.importer.lists.listed import DigestListError, Listed
from moorage.importer.lists.overlaps import count_unused
from moorage.importer.lists.parsing import read_list
from moorage.importer.lists.short_lists import MOST_ROWS, ShortLists
from moorage.importer.lists.staged_lists import (
    ListGoneError,
    ListNotReadError,
    StagedList,
    open_list,
    staged_lists,
    stamp_of_list,
)
from moorage.importer.lists.writing import replace
from moorage.importer.models import KEPT_LISTS, ExpectedList, ListState
from moorage.storage.folders import FOLDER_FLAGS

_UNSETTLED: Final = (ListState.READ, ListState.GOING)


def read_found_lists(job: ImportJob) -> list[str]:
    """Keep what the lists at the top of the area say, and forget those that lie there no more.

    Returns a sentence for each that cannot be understood, or that Moorage may not read; of many for some, and how many
    more there are.

    Raises:
        OSError: the disk has failed. It may be read another time.
        StoreAwayError: the store is not there.
    """
    try:
        top = os.open(job.area, FOLDER_FLAGS)
    except FileNotFoundError:
        job.store.check_is_there()
        return []
    try:
        states = _look(job, top)
    finally:
        os.close(top)
    if not states.keys().isdisjoint(_UNSETTLED):
        _settle(job)
    return _faults(job, states.get(ListState.BAD, 0))


def _look(job: ImportJob, top: int) -> dict[str, int]:
    if ListState.WRITING in _states(job):
        _give_up(job, ListState.WRITING)  # whoever wrote them is dead
    there = _Lists(job, top).keep()
    states = _states(job)
    if there != sum(states.get(state, 0) for state in KEPT_LISTS):
        # Some have gone, nobody knows which. It is seldom, so all are read anew.
        _give_up(job, *KEPT_LISTS)
        _Lists(job, top).keep()
        states = _states(job)
    return states


def _states(job: ImportJob) -> dict[str, int]:
    """How many lists that were found are how far."""
    found = found_lists_of(job.upload_id).order_by().values_list("state")
    return dict(found.annotate(lists=Count("pk")))


def _give_up(job: ImportJob, *states: ListState) -> None:
    for some in _parts(job, *states):
        with job.batch():
            give_up(ExpectedList.objects.filter(pk__in=some))


def _parts(job: ImportJob, *states: ListState) -> Iterator[list[int]]:
    lists = found_lists_of(job.upload_id).filter(state__in=states).order_by()
    while some := list(lists.values_list("pk", flat=True)[:BATCH_ROWS]):
        yield some


def _settle(job: ImportJob) -> None:
    """From now on those count that were read. Whoever is interrupted begins with it again."""
    count_unused(job.upload_id, job.batch, job.check_wanted)
    for some in _parts(job, ListState.READ):
        with job.batch():
            ExpectedList.objects.filter(pk__in=some).update(state=ListState.WHOLE)
    forget_gone(found_lists_of(job.upload_id), job.batch)


def _faults(job: ImportJob, bad: int) -> list[str]:
    if not bad:
        return []
    lists = found_lists_of(job.upload_id).filter(state=ListState.BAD).order_by("place")
    faults = list(lists.values_list("fault", flat=True)[:MOST_TOLD])
    more = bad - MOST_TOLD
    if more > 0:
        compare = "list of digests compares" if more == 1 else "lists of digests compare"
        faults.append(f"{more:,} more {compare} nothing.")
    return faults


class _Before(NamedTuple):
    """What is kept of a list since it was read before."""

    pk: int
    stamp: str
    fault: str


class _Lists:
    """The lists at the top of an area, which are kept."""

    def __init__(self, job: ImportJob, top: int) -> None:
        self._job, self._top = job, top
        self._short = ShortLists(batch=job.batch)

    def keep(self) -> int:
        """Read those that are not as they were when they were read before; how many there are."""
        there = 0
        for some in staged_lists(self._job, self._top):
            kept = kept_in(self._job.upload_id, [one.place for one in some])
            columns = kept.values_list("place", "pk", "stamp", "fault")
            before = {bytes(place): _Before(pk, stamp, fault) for place, pk, stamp, fault in columns}
            there += sum(self._keep(one, before.get(one.place)) for one in some)
        self._short.write()
        return there

    def _keep(self, staged: StagedList, before: _Before | None) -> bool:
        """Whether it is there."""
        if before is not None and before.stamp == staged.stamp:
            return True
        try:
            with open_list(self._job, self._top, staged.name) as stream:
                stamp = stamp_of_list(stream)
                try:
                    rows = read_list(stream, name=os.fsdecode(staged.name))
                    self._keep_rows(self._one(staged, stamp), rows, before)
                except DigestListError as error:
                    self._keep_bad(self._one(staged, stamp), f". {error}", before)
        except ListNotReadError as error:
            # Without a stamp: who may read it can change, and it does not.
            self._keep_bad(self._one(staged, ""), f": it {error}.", before)
        except ListGoneError:
            return False
        return True

    def _one(self, staged: StagedList, stamp: str) -> ExpectedList:
        return ExpectedList(
            upload_id=self._job.upload_id,
            source=staged.source,
            place=staged.place,
            name=staged.source,
            stamp=stamp,
            written_at=self._job.clock(),
        )

    def _keep_rows(self, one: ExpectedList, rows: Iterator[Listed], before: _Before | None) -> None:
        first = list(islice(rows, MOST_ROWS + 1))
        if len(first) <= MOST_ROWS:
            one.state = ListState.READ
            self._short.add(one, by_key(first), before=before.pk if before else None)
            return
        with self._job.batch():
            one.save()
        try:
            write_rows(one, chain(first, rows), self._job.batch)
        except DigestListError:
            with self._job.batch():
                give_up(ExpectedList.objects.filter(pk=one.pk))
            raise
        with self._job.batch():
            replace(kept_in(one.upload_id, [bytes(one.place)]), one, ListState.READ)

    def _keep_bad(self, one: ExpectedList, why: str, before: _Before | None) -> None:
        one.fault = f"{one.source} compares nothing{why}"
        if before is None or (before.fault, before.stamp) != (one.fault, one.stamp):
            one.state = ListState.BAD
            self._short.add(one, {}, before=before.pk if before else None)
