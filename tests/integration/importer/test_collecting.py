"""The collector beside imports: no object that an import relies on goes, whenever either of them works or dies."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections

from builders import a_project, a_stored_object, an_undo_is_carried_out, publish_files
from importing import Crash, World, contents
from kill_matrix import Inline
from moorage.backends import backends
from moorage.files.collecting import Collector, DoomWatch
from moorage.files.leftovers import clear_leftovers
from moorage.files.models import ObjectState, Revision, RevisionState, StoredObject
from moorage.files.orphans import Orphans
from moorage.importer.models import ManifestEntry
from moorage.importer.register import object_rows
from moorage.importer.write import plain_writer
from moorage.importer.write.plain_tables import write_plain
from moorage.jobs.sweeps.collecting import collector, look_for_orphans
from moorage.projects.models import Project
from moorage.storage.fixity import Throttle
from moorage.transfers.discarding import continue_discarding, start_discarding
from moorage.transfers.models import Upload
from moorage.transfers.states import UploadState
from moorage.transfers.undoing import redo_import, undo_import
from small_steps import small_steps
from storekeeping import MovedClock, file_of

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE = {"kept": b"kept", "changes": b"old"}
ARRIVES = {"new": b"new", "changes": b"new bytes", "twin": b"new", "folder/deep": b"deep", "kept": b"kept"}
AFTER = {**BEFORE, **ARRIVES}


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name, value in small_steps(files=2, rows=100):
        monkeypatch.setattr(module, name, value)


@pytest.fixture
def clock(world: World) -> MovedClock:
    assert backends().store == world.store
    return MovedClock(backends().clock())


def collect_all(clock: MovedClock, *, one: Collector | None = None) -> None:
    """Rounds of a collector whose clock jumps a year each time, orphans among what it looks at."""
    orphans = Orphans(backends().store, clock, Throttle(0))
    for _ in range(3):
        clear_leftovers()
        for digest in orphans.find():
            orphans.adopt(digest)
        (one or collector()).collect(at=clock.moves(days=365))


def a_project_with_files(world: World) -> Project:
    project = a_project()
    publish_files(project, BEFORE, store=world.store)
    return project


def test_a_collector_that_works_between_any_two_steps_of_an_import_takes_nothing_that_it_needs(
    world: World, clock: MovedClock
) -> None:
    project = a_project_with_files(world)
    upload = world.a_sealed_upload(ARRIVES, project)
    seams: list[str] = []

    def meanwhile(seam: str) -> None:
        seams.append(seam)
        collect_all(clock)

    world.work_until(upload, meanwhile)

    assert len(seams) > 8
    assert contents(world, project) == AFTER
    assert contents(world, project, 1) == BEFORE
    assert not StoredObject.objects.exclude(state=ObjectState.LIVE).exists()


def test_an_import_that_dies_is_taken_over_after_collectors_have_been_through(world: World, clock: MovedClock) -> None:
    undisturbed: list[str] = []
    world.work_until(world.a_sealed_upload(ARRIVES, a_project_with_files(world)), undisturbed.append)

    for number, seam in enumerate(dict.fromkeys(undisturbed)):
        if seam == "published":
            continue
        project = a_project_with_files(world)
        # Bytes of its own, so that what earlier uploads left does not keep them.
        arrives = {path: f"{number} {path}".encode() for path in ARRIVES}
        upload = world.a_sealed_upload(arrives, project)

        def crash(met: str, last: str = seam) -> None:
            if met == last:
                raise Crash

        with pytest.raises(Crash):
            world.work_until(upload, crash)
        collect_all(clock)
        world.work(upload)

        project.refresh_from_db()
        assert contents(world, project) == {**BEFORE, **arrives}, seam


@pytest.mark.parametrize(
    "seam", ["doomed: batch written", "leaving: batch written", "leaving: file moved", "leaving: rows deleted"]
)
def test_an_import_of_bytes_that_a_dead_collector_was_taking_away_ends_well(
    world: World, clock: MovedClock, seam: str
) -> None:
    upload = world.a_sealed_upload({"a": b"bytes"})
    place_and_die(world, upload)
    delete(upload)

    def crash(met: str) -> None:
        if met == seam:
            raise Crash(met)

    with pytest.raises(Crash):
        collect_all(clock, one=replace(collector(), seam=crash))
    again = world.a_sealed_upload({"a": b"bytes"})
    with finishing_soon(clock):
        world.work(again)
    collect_all(clock)

    assert contents(world, again.project) == {"a": b"bytes"}
    assert StoredObject.objects.get().state == ObjectState.LIVE


def place_and_die(world: World, upload: Upload) -> None:
    """An import whose process dies when everything is placed."""

    def crash(seam: str) -> None:
        if seam == "placed":
            raise Crash(seam)

    with pytest.raises(Crash):
        world.work_until(upload, crash)


def delete(upload: Upload) -> None:
    """DELETE, after the import has failed, and the sweep that follows."""
    Upload.objects.filter(pk=upload.pk).update(state=UploadState.FAILED.value, step="")
    Revision.objects.filter(upload_id=upload.pk).update(state=RevisionState.FAILED)
    upload.refresh_from_db()
    start_discarding(upload=upload, actor=upload.owner, at=backends().clock())
    for _ in range(10):
        if upload.current_state is UploadState.DISCARDED:
            break
        continue_discarding(upload, at=backends().clock())
        upload.refresh_from_db()
    assert upload.current_state is UploadState.DISCARDED


class finishing_soon:  # noqa: N801 - used as a with statement
    """A worker elsewhere finishes what is leaving, as its sweep does every minute, while the block runs."""

    def __init__(self, clock: MovedClock) -> None:
        self._clock, self._over = clock, threading.Event()
        self._thread = threading.Thread(target=self._work)

    def _work(self) -> None:
        try:
            while not self._over.wait(0.3):
                collector().finish(at=self._clock())
        finally:
            connection.close()

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def test_bytes_of_an_unfinished_upload_stay_and_those_of_a_deleted_one_go(world: World, clock: MovedClock) -> None:
    upload = world.a_sealed_upload({"a": b"bytes"})
    place_and_die(world, upload)
    collect_all(clock)
    assert StoredObject.objects.get().state == ObjectState.LIVE

    Upload.objects.filter(pk=upload.pk).update(state=UploadState.FAILED.value)
    collect_all(clock)
    assert StoredObject.objects.get().state == ObjectState.LIVE

    delete(upload)
    collect_all(clock)

    assert not StoredObject.objects.exists()
    assert not file_of(world.store, b"bytes").exists()
    assert ManifestEntry.objects.filter(upload=upload).count() == 1


def test_what_was_undone_can_be_brought_back_however_long_the_collector_works(world: World, clock: MovedClock) -> None:
    upload = world.imported({"a": b"bytes"})
    Upload.objects.filter(pk=upload.pk).update(remnants_gone_at=backends().clock())
    undo_import(upload=upload, actor=upload.owner, at=backends().clock())
    an_undo_is_carried_out()
    assert contents(world, upload.project) == {}

    collect_all(clock)
    upload.refresh_from_db()
    redo_import(upload=upload, actor=upload.owner, at=backends().clock())
    an_undo_is_carried_out()

    assert contents(world, upload.project) == contents(world, upload.project, 1) == {"a": b"bytes"}


def test_an_orphan_of_a_killed_import_is_found_by_the_sweep(world: World, clock: MovedClock) -> None:
    path = file_of(world.store, b"bytes")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"bytes")

    look_for_orphans(clock())

    assert StoredObject.objects.get().state == ObjectState.DOOMED
    assert path.stat().st_mode & 0o777 == 0o444
    # An import of the same bytes relies on it, and it is live.
    upload = world.imported({"a": b"bytes"})
    assert contents(world, upload.project) == {"a": b"bytes"}
    assert StoredObject.objects.get().state == ObjectState.LIVE


@pytest.mark.skipif(connection.vendor != "postgresql", reason="On SQLite only one writes at a time.")
def test_an_object_that_begins_to_leave_while_a_duplicate_is_written_stays(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = backends().clock()
    a_stored_object(b"bytes", store=world.store)
    StoredObject.objects.update(state=ObjectState.DOOMED, state_changed_at=now - timedelta(days=400))
    upload, world.executor = world.a_sealed_upload({"a": b"bytes"}), Inline()
    # It has asked before this import began, and works through its batches with that answer.
    one = replace(collector(), watch=DoomWatch(), running=frozenset)
    revive, threads, has_let_leave = object_rows.revive, list[threading.Thread](), threading.Event()

    def collect() -> None:
        try:
            one.let_leave(at=now)
            has_let_leave.set()
            one.finish(at=now)
        finally:
            connections.close_all()

    def revive_too_late(object_ids: Sequence[int]) -> None:
        if not threads:
            threads.append(threading.Thread(target=collect))
            threads[0].start()
            assert has_let_leave.wait(10)
        revive(object_ids)

    def write_late(*given: Any) -> bool:
        time.sleep(0.5)
        return write_plain(*given)

    monkeypatch.setattr(object_rows, "revive", revive_too_late)
    monkeypatch.setattr(plain_writer, "write_plain", write_late)
    world.work(upload)
    threads[0].join()

    assert contents(world, upload.project) == {"a": b"bytes"}
    assert StoredObject.objects.get().state == ObjectState.LIVE
