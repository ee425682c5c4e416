"""Which import a worker takes, and what becomes of it when the worker or the importer fails."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from importing import Crash, World, contents
from moorage.files.models import Revision, RevisionState
from moorage.importer import run as importer_run
from moorage.importer.batches import tally
from moorage.importer.batches.data import BatchOrder
from moorage.importer.batches.plain import PlainOrder, all_odd
from moorage.importer.ledger import runs as importer_runs
from moorage.importer.ledger.job import ImportJob
from moorage.importer.ledger.runs import begin_run
from moorage.importer.models import ImportRun
from moorage.jobs import import_troubles, imports
from moorage.jobs.beating import kept
from moorage.jobs.imports import claim_next, work
from moorage.jobs.setbacks import DATABASE_DELAY, Setbacks
from moorage.leases import BEAT_SECONDS, LeaseWatch, take
from moorage.notices.models import Notice
from moorage.transfers.models import Upload
from moorage.transfers.retrying import retry_upload
from moorage.transfers.states import UploadState

pytestmark = pytest.mark.django_db(transaction=True)


def test_the_upload_that_has_waited_longest_comes_first_and_only_one_worker_gets_it(world: World) -> None:
    first = world.a_sealed_upload({"a": b"a"})
    second = world.a_sealed_upload({"b": b"b"})

    taken = [claim_next(LeaseWatch()), claim_next(LeaseWatch()), claim_next(LeaseWatch())]

    assert [lease and lease.pk for lease in taken] == [first.pk, second.pk, None]


def test_an_import_whose_worker_is_alive_is_left_to_it(world: World) -> None:
    upload = world.a_sealed_upload({"a": b"a"})
    lease = claim_next(LeaseWatch())
    assert lease is not None

    assert claim_next(LeaseWatch(take_after_seconds=1e9)) is None
    lease.release()
    again = claim_next(LeaseWatch())

    assert again is not None
    assert again.pk == upload.pk
    assert again.fence > lease.fence


class StumblingExecutor(Executor):
    """Every batch meets a bug."""

    def submit(self, fn: Callable[..., Any], /, *_: Any, **__: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_exception(ZeroDivisionError(f"in {fn}"))
        return future


def a_try(executor: Executor | None) -> None:
    """A worker's next try, once its delay has passed."""
    lease = claim_next(LeaseWatch())
    assert lease is not None
    work(lease, executor=executor)
    assert claim_next(LeaseWatch()) is None, "a hot loop"
    ImportRun.objects.filter(outcome="").update(not_before=timezone.now() - timedelta(seconds=1))


def test_a_bug_is_tried_again_later_and_said_after_some_tries(world: World) -> None:
    upload = world.a_sealed_upload({"a": b"a"})

    for tries in range(1, import_troubles.TRIES + 1):
        upload.refresh_from_db()
        assert upload.current_state is not UploadState.FAILED
        a_try(StumblingExecutor())
        if tries < import_troubles.TRIES:
            assert ImportRun.objects.get(upload=upload).tries == tries

    upload.refresh_from_db()
    assert (upload.current_state, upload.reason) == (UploadState.FAILED, "bug")
    assert "reference" in upload.reason_text
    assert Notice.objects.filter(member=upload.owner, kind="upload.failed").exists()
    assert Revision.objects.get(upload_id=upload.pk).state == RevisionState.FAILED

    retry_upload(upload=upload, actor=upload.owner, at=timezone.now())
    world.work(upload)
    assert contents(world, upload.project) == {"a": b"a"}


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What says how long an import has rested of which no row says it."""
    now = [0.0]
    monkeypatch.setattr(import_troubles, "before_their_runs", before := Setbacks(monotonic=lambda: now[0]))
    monkeypatch.setattr(imports, "before_their_runs", before)
    return now


@pytest.mark.parametrize("where", ["suspicions", "is_small", "begin_run"])
def test_a_bug_before_an_import_has_a_run_is_tried_again_later_and_said_after_some_tries(
    world: World, monkeypatch: pytest.MonkeyPatch, seconds: list[float], where: str
) -> None:
    upload = world.a_sealed_upload({"a": b"a"})

    def breaks(_: object) -> None:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(importer_run if where == "begin_run" else imports, where, breaks)
        for tries in range(1, import_troubles.TRIES + 1):
            upload.refresh_from_db()
            assert upload.current_state is not UploadState.FAILED, tries
            a_try(None)
            seconds[0] += 1000

    upload.refresh_from_db()
    assert (upload.current_state, upload.reason, upload.held_by) == (UploadState.FAILED, "bug", "")
    assert "reference" in upload.reason_text
    assert Notice.objects.filter(member=upload.owner, kind="upload.failed").exists()
    assert not ImportRun.objects.exists()

    retry_upload(upload=upload, actor=upload.owner, at=timezone.now())
    world.work(upload)
    assert contents(world, upload.project) == {"a": b"a"}


def test_bugs_before_the_run_of_an_import_do_not_count_for_a_retry(
    world: World, monkeypatch: pytest.MonkeyPatch, seconds: list[float]
) -> None:
    upload, area = world.an_area()
    (area / "a").write_bytes(b"a")
    (area / "link").symlink_to("a")
    world.seal(upload)

    def breaks(_: object) -> None:
        raise ZeroDivisionError

    def some_bugs(count: int) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(importer_run, "begin_run", breaks)
            for _ in range(count):
                a_try(world.executor)
                seconds[0] += 1000
        upload.refresh_from_db()

    some_bugs(import_troubles.TRIES - 1)
    world.work(upload)
    assert (upload.current_state, upload.problems) == (UploadState.IMPORTED, 1)
    retry_upload(upload=upload, actor=upload.owner, at=timezone.now())

    some_bugs(import_troubles.TRIES - 1)
    assert upload.state == "importing"
    some_bugs(1)
    assert upload.state == "imported"


def test_a_bug_before_a_run_that_was_begun_goes_on_counts_with_it(
    world: World, monkeypatch: pytest.MonkeyPatch, seconds: list[float]
) -> None:
    upload = world.a_sealed_upload({"a": b"a"})
    with pytest.raises(Crash):
        world.work_until(upload, _crash)

    def breaks(_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(imports, "suspicions", breaks)
    for _ in range(import_troubles.TRIES):
        a_try(None)

    upload.refresh_from_db()
    assert (upload.current_state, upload.reason) == (UploadState.FAILED, "bug")
    assert ImportRun.objects.get().outcome == "failed"
    assert seconds == [0.0]


def test_trouble_with_the_database_before_an_import_has_a_run_makes_it_rest(
    world: World, monkeypatch: pytest.MonkeyPatch, seconds: list[float]
) -> None:
    upload = world.a_sealed_upload({"a": b"a"})

    def is_away(**_: object) -> None:
        raise OperationalError("the database is away")

    with monkeypatch.context() as patch:
        patch.setattr(importer_runs, "ask_revision", is_away)
        for _ in range(import_troubles.TRIES + 1):
            a_try(world.executor)
            seconds[0] += DATABASE_DELAY.total_seconds()

    world.work(upload)
    assert upload.current_state is UploadState.IMPORTED


def test_who_has_lost_the_lease_leaves_the_tries_to_its_successor(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = world.a_sealed_upload({"a": b"a"})
    lease = claim_next(LeaseWatch())
    assert lease is not None

    def lose_it_and_stumble(job: ImportJob) -> None:
        begin_run(job)
        assert take(Upload.objects.get(pk=upload.pk), holder="another|boot|ns|1|1") is not None
        raise ZeroDivisionError

    monkeypatch.setattr(imports, "run_import", lose_it_and_stumble)
    work(lease, executor=world.executor)

    run = ImportRun.objects.get(upload=upload)
    assert (run.tries, run.not_before) == (0, None)
    upload.refresh_from_db()
    assert upload.held_by == "another|boot|ns|1|1"


def lose_connections(pid: int | None = None) -> None:
    """PostgreSQL ends a connection, or all others."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database() AND pid = COALESCE(%s, pid)",
            [pid],
        )


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no connections that could be lost.")
def test_a_worker_goes_on_showing_that_it_lives_after_its_connection_was_lost(world: World) -> None:
    upload = world.a_sealed_upload({"a": b"a"})
    lease = claim_next(LeaseWatch())
    assert lease is not None

    def beats_after(number: int) -> int:
        until = time.monotonic() + 20
        while (beat := Upload.objects.get(pk=upload.pk).beat) <= number and time.monotonic() < until:
            time.sleep(0.02)
        return beat

    with kept(lease, every_seconds=0.05):
        before = beats_after(0)
        lose_connections()
        assert beats_after(before + 2) > before + 2


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has no connections that could be lost.")
def test_an_import_whose_connection_was_lost_goes_on_soon(
    world: World, monkeypatch: pytest.MonkeyPatch, in_thread: Callable[..., Future[Any]]
) -> None:
    upload = world.a_sealed_upload({"a": b"a"})
    lease = claim_next(LeaseWatch())
    assert lease is not None

    def lose_it(job: ImportJob) -> None:
        begin_run(job)
        in_thread(lambda: lose_connections(connection_pid)).result(10)
        ImportRun.objects.count()

    connection.ensure_connection()
    connection_pid = connection.connection.info.backend_pid
    monkeypatch.setattr(imports, "run_import", lose_it)
    work(lease, executor=world.executor)

    upload.refresh_from_db()
    run = ImportRun.objects.get(upload=upload)
    assert (upload.held_by, run.tries) == ("", 0)
    assert run.not_before is not None


def test_trouble_with_the_database_is_no_bug(world: World) -> None:
    upload = world.a_sealed_upload({"a": b"a"})

    def full(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith("UPDATE") and "scanned_at" in sql:
            raise OperationalError("database or disk is full")
        return execute(sql, *rest)

    with connection.execute_wrapper(full):
        for _ in range(import_troubles.TRIES + 1):
            a_try(world.executor)

    world.work(upload)
    assert upload.current_state is UploadState.IMPORTED


def test_a_worker_that_is_to_end_leaves_the_import_to_the_next(world: World) -> None:
    upload = world.a_sealed_upload({"a": b"a"})
    lease = claim_next(LeaseWatch())
    assert lease is not None

    work(lease, should_stop=lambda: True, executor=world.executor)

    upload.refresh_from_db()
    assert (upload.current_state, upload.held_by) == (UploadState.IMPORTING, "")
    world.work(upload)
    assert upload.current_state is UploadState.IMPORTED


def test_a_sealed_area_that_is_gone_fails_with_its_reason(world: World) -> None:
    upload = world.a_sealed_upload({"a": b"a"})
    (world.store.sealed / str(upload.pk)).rename(world.store.root / "moved by hand")

    world.work(upload)

    assert (upload.current_state, upload.reason) == (UploadState.FAILED, "import.area_missing")
    (world.store.root / "moved by hand").rename(world.store.sealed / str(upload.pk))
    retry_upload(upload=upload, actor=upload.owner, at=timezone.now())
    world.work(upload)
    assert contents(world, upload.project) == {"a": b"a"}


def test_an_upload_that_has_published_stays_imported_whatever_a_retry_does(world: World) -> None:
    upload, area = world.an_area()
    (area / "a").write_bytes(b"a")
    (area / "link").symlink_to("a")
    world.seal(upload)
    world.work(upload)
    retry_upload(upload=upload, actor=upload.owner, at=timezone.now())
    with pytest.raises(Crash):
        world.work_until(upload, _crash)

    world.work(upload)

    assert (upload.current_state, upload.published_revision) == (UploadState.IMPORTED, 1)


def _crash(seam: str) -> None:
    if seam == "placed":
        raise Crash


def test_the_progress_is_written_under_the_lease(world: World) -> None:
    upload = world.a_sealed_upload({f"file {number}": b"content" for number in range(20)})
    seen: list[tuple[str, int, int]] = []

    def look(_: str) -> None:
        row = Upload.objects.get(pk=upload.pk)
        seen.append((row.step, row.files_total, row.files_done))

    world.work_until(upload, look)

    assert next(step for step, _, _ in seen) == "scan"
    assert {step for step, _, _ in seen} >= {"scan", "digest", "register"}
    assert ("digest", 20, 20) in seen or ("register", 20, 20) in seen
    row = Upload.objects.get(pk=upload.pk)
    assert (row.files_done, row.bytes_done, row.step) == (20, 140, "")


class SlowReader(Executor):
    """A batch that has read some of its file, as its tally says, and waits there until `may_go_on`."""

    def __init__(self, read_bytes: int, may_go_on: Callable[[], bool]) -> None:
        self.read_bytes, self.may_go_on = read_bytes, may_go_on
        self.threads = ThreadPoolExecutor(1)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **_: Any) -> Future[Any]:
        # Plain files are too small to be told of: everything goes the usual way.
        is_plain = isinstance(args[0], PlainOrder)
        return self.threads.submit(all_odd, args[0]) if is_plain else self.threads.submit(self._slowly, fn, args[0])

    def _slowly(self, fn: Callable[[BatchOrder], Any], order: BatchOrder) -> Any:
        tally.write(order.tally, order.slot, self.read_bytes)
        until = time.monotonic() + 20
        while time.monotonic() < until and not self.may_go_on():
            time.sleep(0.1)
        connection.close()
        return fn(order)


def test_the_progress_moves_while_a_file_is_read(world: World) -> None:
    upload = world.a_sealed_upload({"large": bytes(3000)})
    seen: list[int] = []

    def has_moved() -> bool:
        seen.append(Upload.objects.values_list("bytes_done", flat=True).get(pk=upload.pk))
        return seen[-1] > 0

    world.executor = SlowReader(2000, has_moved)
    world.work(upload)

    assert seen[-1] == 2000
    upload.refresh_from_db()
    assert upload.bytes_done == 3000
    assert list(world.store.root.glob(".reading*")) == []


def test_a_worker_shows_that_it_lives_while_it_reads_what_the_tasks_have_delivered(world: World) -> None:
    upload = world.a_sealed_upload({"a": b"a"})
    beats: list[int] = []

    def slowly(execute: Any, sql: str, *rest: Any) -> Any:
        if "transfers_uploadtask" in sql and not beats:
            until = time.monotonic() + 3 * BEAT_SECONDS
            beats.append(0)
            while not beats[-1] and time.monotonic() < until:
                time.sleep(0.2)
                beats.append(Upload.objects.values_list("beat", flat=True).get(pk=upload.pk))
        return execute(sql, *rest)

    with connection.execute_wrapper(slowly):
        world.work(upload)

    assert beats[-1] > 0
    assert upload.current_state is UploadState.IMPORTED
