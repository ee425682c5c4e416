"""Everything is read again because somebody asked for it: that can be stopped, and waits for who has less to read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from downloading import Harbour
from kill_matrix import Inline
from moorage.files.models import StoredObject
from moorage.jobs.downloads import claim_next, work
from moorage.jobs.pool import ImportPool
from moorage.leases import LeaseWatch
from moorage.storage.fixity import read_objects
from moorage.transfers.downloads import doubt
from moorage.transfers.models import Download
from pool_gate import PATIENCE_SECONDS, Gate, small_pool_of_a_worker

pytestmark = pytest.mark.django_db(transaction=True)

FILES = {f"raw/{number}.tif": f"counts {number}".encode() for number in range(9)}
ALL_BYTES = sum(map(len, FILES.values()))

InThread = Callable[..., Future[Any]]


class Counting(Inline):
    """Does batches at once, and counts those that read objects again."""

    readings = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **named: Any) -> Future[Any]:
        self.readings += fn is read_objects
        return super().submit(fn, *args, **named)


def unread_since(download: Download) -> int:
    return len(FILES) - StoredObject.objects.filter(verified_at__gte=download.requested_at).count()


@pytest.mark.usefixtures("small_batches")
@pytest.mark.parametrize("is_there", [False, True], ids=["while it is made", "when it is there already"])
def test_reading_everything_can_be_stopped_and_goes_on_with_the_next_worker(
    harbour: Harbour, monkeypatch: pytest.MonkeyPatch, is_there: bool
) -> None:
    monkeypatch.setattr(doubt, "READ_BYTES", 1)  # an order for each object
    project = harbour.a_project(FILES)
    others = [harbour.ready(project, name="Is there")] if is_there else []
    harbour.executor = counting = Counting()
    download = harbour.asked(project, name="Reads everything", verify_first=True)

    assert harbour.work(should_stop=lambda: counting.readings >= 3)

    assert 3 <= counting.readings < len(FILES)
    download.refresh_from_db()
    assert download.state in {"requested", "preparing"}
    assert unread_since(download) > 0
    for other in others:
        other.refresh_from_db()
        assert other.state == "ready"
        assert harbour.served(other).is_dir()
    # Whoever comes next need not wait until the lease of the one that stopped has run out.
    assert harbour.work()
    download.refresh_from_db()
    assert (download.state, unread_since(download)) == ("ready", 0)


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch, in_thread: InThread) -> Iterator[ImportPool]:
    """That of a worker: one process, and one for small imports."""
    yield from small_pool_of_a_worker(monkeypatch)


def prepare() -> None:
    """By the worker's own pool, and not by an executor of the test's."""
    lease = claim_next(LeaseWatch())
    assert lease is not None
    work(lease)


def a_reading_waits(pool: ImportPool) -> bool:
    # Looking at the links is an order, too; that is small.
    return any(not executor.is_small for executor in list(pool._waiting))


def wait_until(is_so: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize("import_left", [1, 10 * ALL_BYTES], ids=["an import with less", "an import with more"])
def test_reading_everything_waits_its_turn_in_the_pool(
    harbour: Harbour, pool: ImportPool, in_thread: InThread, import_left: int
) -> None:
    project = harbour.a_project(FILES)
    first = harbour.ready(project)
    download = harbour.asked(project, name="Reads everything", verify_first=True)
    an_import = pool.executor_for(lambda: import_left, takes_long=lambda *_: True)
    before = Gate(an_import, harbour.store.root / "before").wait_until_begun()

    preparing = in_thread(prepare)
    wait_until(lambda: a_reading_waits(pool))
    after = Gate(an_import, harbour.store.root / "after")
    # The process for small imports does not read it either.
    assert unread_since(download) == len(FILES)
    before.let_go()

    if import_left < ALL_BYTES:
        after.wait_until_begun()
        assert not preparing.done()
        assert unread_since(download) == len(FILES)
        after.let_go()
        preparing.result(PATIENCE_SECONDS)
    else:
        preparing.result(PATIENCE_SECONDS)
        assert not after.future.done()
        after.wait_until_begun().let_go()
    for one in (first, download):
        one.refresh_from_db()
        assert one.state == "ready"
    assert unread_since(download) == 0
