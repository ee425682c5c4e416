"""Fixity checks of many objects: two writes for some hundreds, and each object is judged as if it were alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from builders import NOON, a_stored_object
from importing import Crash
from moorage.files import fixity_together
from moorage.files.fixity import Checked, FixityChecks
from moorage.files.fixity_rounds import asked_for, each, run
from moorage.files.fixity_together import MOST_BYTES, MOST_OBJECTS, check_together, in_batches
from moorage.files.models import ObjectState, StoredObject
from moorage.storage.fixity import SMALLEST_COST, Finding, Throttle
from moorage.storage.layout import StoreLayout
from moorage.storage.trash import Trash
from storekeeping import MovedClock, checks_of, file_of, flip_a_byte

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("globus")]

CONTENTS = [f"bytes {number}".encode() for number in range(30)]
BEFORE = NOON - timedelta(days=100)


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def checks(store: StoreLayout, clock: MovedClock) -> FixityChecks:
    for number, content in enumerate(CONTENTS):
        a_stored_object(content, store=store)
        mark = None if number % 3 == 0 else BEFORE + timedelta(minutes=number)
        StoredObject.objects.filter(pk=a_stored_object(content).pk).update(verified_at=mark)
    return checks_of(store, clock)


def seen_at(checks: FixityChecks, seam: str, act: Callable[[], object]) -> FixityChecks:
    """Checks during which something happens once."""
    waiting = [act]

    def happen(met: str) -> None:
        if met == seam and waiting:
            waiting.pop()()

    return FixityChecks(checks.store, checks.clock, checks.throttle, happen)


def row_of(content: bytes) -> StoredObject:
    return a_stored_object(content)


def test_whole_objects_are_marked_by_few_writes(checks: FixityChecks, clock: MovedClock) -> None:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        tally = run(checks, each(asked_for()))

    assert (tally.objects, tally.bytes, tally.damaged) == (30, sum(map(len, CONTENTS)), 0)
    assert set(StoredObject.objects.values_list("state", "verified_at")) == {(ObjectState.LIVE, clock())}
    assert len([query for query in queries if "UPDATE files_storedobject" in query["sql"]]) == 2


@pytest.mark.parametrize("seam", ["mark cleared", "read"])
def test_a_batch_that_dies_does_not_look_like_a_pass(checks: FixityChecks, seam: str) -> None:
    def crash() -> None:
        raise Crash(seam)

    with pytest.raises(Crash):
        run(seen_at(checks, seam, crash), each(asked_for()))

    assert set(StoredObject.objects.values_list("verified_at", flat=True)) == {None}


def test_each_object_of_a_batch_is_judged_by_its_own_bytes(
    store: StoreLayout, checks: FixityChecks, clock: MovedClock
) -> None:
    rotten, lost, in_the_trash, mended = CONTENTS[1:5]
    flip_a_byte(file_of(store, rotten))
    file_of(store, lost).unlink()
    Trash(store.trash).take_object(file_of(store, in_the_trash), row_id=1, until=NOON)
    StoredObject.objects.filter(pk=row_of(mended).pk).update(state=ObjectState.DAMAGED, verified_at=None)

    found = {check.stored.pk: check for check in check_together(checks, list(each(asked_for())))}

    assert found[row_of(rotten).pk].finding is Finding.OTHER_BYTES
    assert found[row_of(lost).pk].finding is Finding.MISSING
    assert {found[row_of(content).pk].checked for content in (in_the_trash, mended)} == {Checked.HEALED}
    assert {found[row_of(content).pk].checked for content in CONTENTS[5:]} == {Checked.WHOLE}
    assert [row_of(content).state for content in (rotten, lost)] == [ObjectState.DAMAGED] * 2
    assert StoredObject.objects.filter(state=ObjectState.LIVE, verified_at=clock()).count() == 28


@pytest.mark.parametrize("content", CONTENTS[:2], ids=["without a mark", "with a mark"])
def test_what_another_has_done_since_a_row_was_read_stays(checks: FixityChecks, content: bytes) -> None:
    rows = list(each(asked_for()))
    StoredObject.objects.filter(pk=row_of(content).pk).update(verified_at=NOON - timedelta(hours=1))

    found = {check.stored.pk: check.checked for check in check_together(checks, rows)}

    assert [pk for pk, checked in found.items() if checked is Checked.OVERTAKEN] == [row_of(content).pk]
    assert row_of(content).verified_at == NOON - timedelta(hours=1)


@pytest.mark.parametrize(
    "change",
    [{"verified_at": NOON - timedelta(hours=1)}, {"state": ObjectState.LEAVING}],
    ids=["placed anew", "taken away"],
)
def test_what_happens_to_an_object_while_it_is_read_stays(checks: FixityChecks, change: dict[str, object]) -> None:
    rows, pk = list(each(asked_for())), row_of(CONTENTS[4]).pk
    meanwhile = seen_at(checks, "read", lambda: StoredObject.objects.filter(pk=pk).update(**change))

    found = {check.stored.pk: check.checked for check in check_together(meanwhile, rows)}

    assert [one for one, checked in found.items() if checked is Checked.OVERTAKEN] == [pk]
    assert {name: getattr(row_of(CONTENTS[4]), name) for name in change} == change


def test_what_was_read_is_written_after_a_while_however_much_is_left(
    checks: FixityChecks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fixity_together, "WRITE_SECONDS", 0)
    left = 30

    for _ in check_together(checks, list(each(asked_for()))):
        left -= 1
        assert StoredObject.objects.filter(verified_at=None).count() == left


def test_a_batch_has_its_bounds() -> None:
    def sizes(wanted: list[int], throttle: Throttle) -> list[list[int]]:
        objects = [StoredObject(size_bytes=size) for size in wanted]
        return [[one.size_bytes for one in batch] for batch in in_batches(objects, throttle)]

    unthrottled, half = Throttle(0), MOST_BYTES // 2
    assert [len(batch) for batch in sizes([1] * (MOST_OBJECTS + 1), unthrottled)] == [MOST_OBJECTS, 1]
    assert sizes([half, half, 1], unthrottled) == [[half, half], [1]]
    assert sizes([1, MOST_BYTES * 3, 1], unthrottled) == [[1], [MOST_BYTES * 3], [1]]
    assert sizes([1] * 5, Throttle(SMALLEST_COST * 2)) == [[1, 1], [1, 1], [1]]
    assert sizes([1] * 2, Throttle(0.5)) == [[1], [1]]
