"""Lists at the top of an upload are read once, in time and memory that fit, and what is told of them stays right."""

from __future__ import annotations

import errno
import os
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import md5, sha256
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from importing import Crash, World, fill
from kill_matrix import Inline
from moorage.importer.ledger.job import ImportJob
from moorage.importer.lists import found, staged_lists
from moorage.importer.lists.expectations import Expectations
from moorage.importer.lists.found import read_found_lists
from moorage.importer.lists.kept import BATCH_ROWS, lists_of
from moorage.importer.lists.overlaps import not_used
from moorage.importer.models import ExpectedFile, ExpectedList, ListState
from moorage.jobs.imports import claim_next, job_of
from moorage.leases import LeaseWatch
from moorage.transfers.models import Upload

pytestmark = pytest.mark.django_db(transaction=True)

LONG = BATCH_ROWS + BATCH_ROWS // 2
BAD_LINE = "not a line of a list\n"


@contextmanager
def a_job(world: World, files: dict[str, bytes]) -> Iterator[tuple[ImportJob, Path]]:
    """An import that has begun, and its area, which may still be changed."""
    world.executor = Inline()
    upload = world.a_sealed_upload(files)
    lease = claim_next(LeaseWatch(), is_wanted=lambda one: one.pk == upload.pk)
    assert lease is not None
    row = Upload.objects.select_related("project", "owner", "done_by").get(pk=lease.pk)
    yield job_of(row, lease, should_stop=lambda: False, executor=world.executor), world.store.sealed / str(upload.pk)
    lease.release()


def sums(*names: str, content: bytes = b"") -> bytes:
    return "".join(f"{sha256(content).hexdigest()}  {name}\n" for name in names).encode()


def statements(act: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as queries:
        act()
    return len(queries)


def kept(job: ImportJob) -> dict[str, tuple[int, int]]:
    return {one.source: (one.files, one.unused) for one in lists_of(job.upload_id)}


def good_and_bad(count: int) -> dict[str, bytes]:
    """So many long lists, and as many that turn out to be bad at their ends."""
    good = {f"a{one:03}.sha256": sums(*(f"{one}/{row}" for row in range(LONG))) for one in range(count)}
    return good | {name.replace("a", "z", 1): content + BAD_LINE.encode() for name, content in good.items()}


def test_reading_bad_lists_beside_good_ones_is_linear(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[bytes] = []
    monkeypatch.setattr(found, "open_list", lambda *args: opened.append(args[2]) or staged_lists.open_list(*args))  # type: ignore[func-returns-value]
    asked, again = [], []
    for count in (2, 4, 8):
        opened.clear()
        with a_job(world, good_and_bad(count)) as (job, _):
            asked.append(statements(lambda: read_found_lists(job)))
            assert len(opened) == 2 * count
            again.append(statements(lambda: read_found_lists(job)))
            assert len(opened) == 2 * count, "nothing has changed"
            assert list(kept(job).values()) == [(LONG, 0)] * count
            assert ExpectedFile.objects.filter(upload_id=job.upload_id).count() == count * LONG
    assert asked[2] - asked[1] <= 2 * (asked[1] - asked[0]) + 10
    assert len(set(again)) == 1, "no more than a look"
    assert again[0] < 10


@pytest.mark.skipif(connection.vendor != "sqlite", reason="PostgreSQL chooses by what the tables hold")
def test_what_is_known_of_some_lists_is_not_looked_for_among_all(world: World) -> None:
    with a_job(world, {"SHA256SUMS": sums("a"), "b.md5": b"no digest"}) as (job, _):
        read_found_lists(job)
        with CaptureQueriesContext(connection) as queries, connection.cursor() as cursor:
            read_found_lists(job)
            [asked] = [one["sql"] for one in queries.captured_queries if " IN (X'" in one["sql"]]
            cursor.execute(f"EXPLAIN QUERY PLAN {asked}")
            plan = " ".join(step for *_, step in cursor.fetchall())
    assert "(upload_id=? AND state=? AND place=?)" in plan


def test_memory_does_not_grow_with_the_number_of_lists(world: World) -> None:
    peaks = []
    for count in (1200, 3600):
        digest = md5(b"").hexdigest()  # noqa: S324
        files = {f"{number:06}.mrc.md5": f"{digest}  {number:06}.mrc\n".encode() for number in range(count)}
        with a_job(world, files) as (job, _):
            read_found_lists(job)
            tracemalloc.start()
            read_found_lists(job)
            expectations = [Expectations(job.upload_id), Expectations(job.upload_id)]
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
            assert all(expectations)
            assert lists_of(job.upload_id).count() == count
    assert peaks[1] - peaks[0] < 64 * (3600 - 1200), "bytes for each list"


def test_a_list_that_contradicts_itself_where_another_is_first_is_told_once(world: World) -> None:
    many = "".join(f"{number},1\n" for number in range(LONG))
    files = {"SHA256SUMS": sums("a"), "manifest.csv": f"path,size\na,1\n{many}a,2\n".encode()}

    with a_job(world, files) as (job, _):
        told = read_found_lists(job)

        assert [one.split(".", 2)[:2] for one in told] == [["manifest", "csv compares nothing"]]
        assert "stood in it before" in told[0]
        assert not_used(job.upload_id) == []
        assert kept(job) == {"SHA256SUMS": (1, 0)}


def test_a_row_that_is_said_twice_alike_counts_once_in_every_part(world: World) -> None:
    many = "".join(f"{number},1\n" for number in range(LONG))
    files = {"SHA256SUMS": sums("a"), "manifest.csv": f"path,size\na,1\n{many}a,1\n".encode()}

    with a_job(world, files) as (job, _):
        assert read_found_lists(job) == []
        assert kept(job) == {"SHA256SUMS": (1, 0), "manifest.csv": (LONG + 1, 0)}


def test_what_is_used_of_a_list_is_counted_anew_when_others_come_change_and_go(world: World) -> None:
    with a_job(world, {"SHA256SUMS": sums("a")}) as (job, area):
        fill(area, {"b.sha256": sums("a", "b", content=b"else")})
        read_found_lists(job)
        assert kept(job) == {"SHA256SUMS": (1, 0), "b.sha256": (2, 1)}

        fill(area, {"SHA256SUMS": sums("b")})
        read_found_lists(job)
        assert kept(job) == {"SHA256SUMS": (1, 0), "b.sha256": (2, 1)}
        assert not_used(job.upload_id) == ["1 row of b.sha256 was not used, because SHA256SUMS names the same file."]

        os.unlink(area / "SHA256SUMS")
        read_found_lists(job)
        assert kept(job) == {"b.sha256": (2, 0)}
        assert not_used(job.upload_id) == []
        assert set(ExpectedList.objects.values_list("state", flat=True)) == {ListState.WHOLE}


@pytest.mark.parametrize("dies_in", ["count_unused", "forget_gone"])
def test_what_was_not_counted_to_its_end_is_counted_by_the_next_look(
    world: World, monkeypatch: pytest.MonkeyPatch, dies_in: str
) -> None:
    def dies(*_: object) -> None:
        raise Crash

    with a_job(world, {"SHA256SUMS": sums("a"), "b.sha256": sums("a", content=b"else")}) as (job, area):
        read_found_lists(job)
        assert kept(job) == {"SHA256SUMS": (1, 0), "b.sha256": (1, 1)}
        fill(area, {"SHA256SUMS": sums("a", content=b"else"), "c.sha256": sums("a")})
        with monkeypatch.context() as patched:
            patched.setattr(found, dies_in, dies)
            with pytest.raises(Crash):
                read_found_lists(job)

        read_found_lists(job)

        assert kept(job) == {"SHA256SUMS": (1, 0), "b.sha256": (1, 0), "c.sha256": (1, 1)}
        assert ExpectedFile.objects.count() == 3


def test_a_list_that_may_not_be_read_is_tried_again_and_told_alike(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with a_job(world, {"SHA256SUMS": sums("a")}) as (job, _):
        with monkeypatch.context() as patched:
            patched.setattr(staged_lists, "_FLAGS", os.O_RDONLY | os.O_DIRECTORY)
            patched.setattr(staged_lists, "_NOT_READ", {errno.ENOTDIR: "may not be read"})
            told = ["SHA256SUMS compares nothing: it may not be read."]
            assert read_found_lists(job) == told
            bad = ExpectedList.objects.get()
            assert read_found_lists(job) == told
            assert ExpectedList.objects.get() == bad
        assert read_found_lists(job) == []
        assert kept(job) == {"SHA256SUMS": (1, 0)}
