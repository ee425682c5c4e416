"""Which import a worker takes, and what becomes of it when the worker or the importer fails."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from importing import Crash, World, contents
from moorage.files.models import Revision, RevisionState
from moorage.importer import job, tally
from moorage.importer.job import ImportJob
from moorage.importer.models import ImportRun
from moorage.importer.runs import begin_run
from moorage.jobs import imports
from moorage.jobs.imports import claim_next, work
from moorage.leases import BEAT_SECONDS, LeaseWatch
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


def test_a_bug_is_tried_again_later_and_said_after_some_tries(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = world.a_sealed_upload({"a": b"a"})

    def stumble(started: ImportJob) -> None:
        begin_run(started)
        raise ZeroDivisionError

    monkeypatch.setattr(imports, "run_import", stumble)
    for tries in range(1, imports.TRIES + 1):
        lease = claim_next(LeaseWatch())
        assert lease is not None
        work(lease, executor=world.executor)
        assert claim_next(LeaseWatch()) is None, "a hot loop"
        if tries < imports.TRIES:
            run = ImportRun.objects.get(upload=upload)
            assert run.tries == tries
            assert run.not_before is not None
            ImportRun.objects.update(not_before=timezone.now() - timedelta(seconds=1))

    upload.refresh_from_db()
    assert (upload.current_state, upload.reason) == (UploadState.FAILED, "bug")
    assert "reference" in upload.reason_text
    assert Notice.objects.filter(member=upload.owner, kind="upload.failed").exists()
    assert Revision.objects.get(upload_id=upload.pk).state == RevisionState.FAILED

    monkeypatch.undo()
    retry_upload(upload=upload, actor=upload.owner, at=timezone.now())
    world.work(upload)
    assert contents(world, upload.project) == {"a": b"a"}


def test_trouble_with_the_database_is_no_bug(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = world.a_sealed_upload({"a": b"a"})

    def trouble(_: object) -> None:
        raise OperationalError("database or disk is full")

    monkeypatch.setattr(imports, "run_import", trouble)
    for _ in range(imports.TRIES + 1):
        lease = claim_next(LeaseWatch())
        assert lease is not None
        work(lease, executor=world.executor)

    monkeypatch.undo()
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
    assert {step for step, _, _ in seen} >= {"scan", "plan", "digest", "register"}
    assert ("digest", 20, 20) in seen or ("register", 20, 20) in seen
    row = Upload.objects.get(pk=upload.pk)
    assert (row.files_done, row.bytes_done, row.step) == (20, 140, "")


def test_the_progress_moves_while_a_large_file_is_read(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally, "LARGE_BYTES", 1 << 20)
    monkeypatch.setattr(job, "REPORT_SECONDS", 0.0)
    size = 3 << 20
    upload = world.a_sealed_upload({"large": bytes(size)})
    seen: list[int] = []
    plain = tally.write

    def write(path: str, slot: int, number: int) -> None:
        plain(path, slot, number)
        if number == 2 << 20:
            until = time.monotonic() + 10
            while time.monotonic() < until and not seen:
                time.sleep(0.05)
                seen.extend(
                    done for done in Upload.objects.filter(pk=upload.pk).values_list("bytes_done", flat=True) if done
                )
            connection.close()

    monkeypatch.setattr(tally, "write", write)
    world.work(upload)

    assert seen == [2 << 20]
    upload.refresh_from_db()
    assert upload.bytes_done == size
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
