"""What others do between any two batches of an import: take its lease, collect what nothing refers to."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connections

from builders import a_project, publish_files
from importing import World, contents, staged
from moorage.backends import backends
from moorage.files.models import FileVersion, ObjectState, Revision, StoredObject
from moorage.importer.models import ManifestEntry
from moorage.importer.plan import scan, still_to_place
from moorage.jobs.sweeps.collecting import collector, look_for_orphans
from moorage.leases import LeaseLostError, take
from moorage.projects.models import Project
from moorage.storage import walk
from moorage.transfers.models import Upload
from moorage.transfers.states import UploadState
from small_steps import small_steps

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE = {"kept": b"kept", "changes": b"old"}
ARRIVES = {
    "changes": b"new bytes",
    "kept": b"kept",
    **{f"folder {number % 3}/file {number}": b"content %d" % (number % 7) for number in range(10)},
}
AFTER = {**BEFORE, **ARRIVES}


@pytest.fixture(autouse=True)
def _small_batches(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a small tree has several batches of every kind."""
    if "five_thousand" in request.node.name:
        return
    monkeypatch.setattr(walk, "PART_ENTRIES", 3)
    monkeypatch.setattr(scan, "GROUP_ENTRIES", 4)
    monkeypatch.setattr(still_to_place, "GROUP_ENTRIES", 4)
    for module, name, value in small_steps(files=3, rows=4):
        monkeypatch.setattr(module, name, value)


@pytest.fixture
def one_at_a_time(world: World) -> Iterator[Executor]:
    """So that each import meets the same seams."""
    with ThreadPoolExecutor(1) as world.executor:
        yield world.executor


def a_sealed_upload(world: World) -> Upload:
    project = a_project()
    publish_files(project, BEFORE, store=world.store)
    return world.a_sealed_upload(ARRIVES, project)


def seams_of(world: World) -> list[str]:
    seams: list[str] = []
    world.work_until(a_sealed_upload(world), seams.append)
    return seams


def rows_of(upload: Upload) -> list[object]:
    """All that a worker writes for an upload."""
    project = Project.objects.filter(pk=upload.project_id)
    return [
        *project.values_list("head", "register_fence", "registering_revision"),
        *Upload.objects.filter(pk=upload.pk).values_list("state", "held_by", "fence", "beat", "step", "files_done"),
        *ManifestEntry.objects.filter(upload=upload).order_by("pk").values_list(),
        *FileVersion.objects.filter(project=upload.project_id).order_by("pk").values_list(),
        *Revision.objects.filter(project=upload.project_id).order_by("pk").values_list("pk", "state", "number"),
    ]


@pytest.mark.usefixtures("one_at_a_time")
def test_a_worker_whose_lease_was_stolen_between_any_two_steps_writes_nothing_more(world: World) -> None:
    # Twice, because the first of all finds nothing in the store, and meets other seams than all that follow.
    _, seams = seams_of(world), seams_of(world)
    assert seams.count("place: batch ordered") > 3
    assert seams.count("manifest: batch written") > 3
    assert seams.count("register: range written") > 2

    for number, name in enumerate(seams):
        if name == "published":
            continue  # its lease has ended by then
        upload = a_sealed_upload(world)
        found: list[list[object]] = []
        met = 0

        def steal(_: str, at: int = number, upload: Upload = upload, found: list[list[object]] = found) -> None:
            nonlocal met
            met += 1
            if met == at + 1:
                row = Upload.objects.get(pk=upload.pk)
                assert take(row, holder="another|worker|of|1|1", where={"state": UploadState.IMPORTING})
                found.append(rows_of(upload))

        with pytest.raises(LeaseLostError):
            world.work_until(upload, steal)
        assert rows_of(upload) == found[0], f"{number}: {name}"

        # Whoever has it now ends it; the right to register may still be the first one's.
        Upload.objects.filter(pk=upload.pk).update(held_by="")
        world.work(upload)
        assert contents(world, upload.project) == AFTER, f"{number}: {name}"
        assert contents(world, upload.project, 1) == BEFORE
        assert staged(world.store.sealed / str(upload.pk)) == set()


@pytest.mark.usefixtures("one_at_a_time")
def test_two_workers_that_take_turns_at_every_step_end_it_once(world: World) -> None:
    """Each has the lease stolen by the other as soon as it has done a step more than the last one."""
    upload = a_sealed_upload(world)
    for patience in range(1, 200):
        left = patience

        def steal(_: str) -> None:
            nonlocal left
            left -= 1
            if left == 0:
                row = Upload.objects.get(pk=upload.pk)
                take(row, holder="another|worker|of|1|1", where={"state": UploadState.IMPORTING})

        try:
            world.work_until(upload, steal)
        except LeaseLostError:
            Upload.objects.filter(pk=upload.pk).update(held_by="")
        else:
            break

    upload.refresh_from_db()
    assert patience > 3
    assert (upload.current_state, upload.published_revision) == (UploadState.IMPORTED, 2)
    assert contents(world, upload.project) == AFTER


def test_collectors_that_never_rest_while_imports_work_take_nothing_that_these_need(world: World) -> None:
    """In a thread of their own, with a clock a year further on in each round."""
    over, rounds, raised = threading.Event(), [0], list[BaseException]()

    def collect() -> None:
        try:
            while not over.is_set():
                rounds[0] += 1
                at = backends().clock() + timedelta(days=365 * rounds[0])
                look_for_orphans(at)
                collector().collect(at=at)
        except BaseException as error:  # the thread's end is the test's failure
            raised.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=collect)
    thread.start()
    try:
        project = a_project()
        publish_files(project, BEFORE, store=world.store)
        expected = dict(BEFORE)
        for number in range(4):
            # Bytes that are new, bytes that earlier ones had, and bytes that are in use nowhere any more.
            files = {**ARRIVES, f"own {number}": b"of %d" % number, "replaced": b"%d" % (number % 2)}
            upload = world.a_sealed_upload(files, project)
            world.work(upload)
            assert upload.problems == 0
            expected |= files
            assert contents(world, project) == expected
    finally:
        over.set()
        thread.join()

    assert raised == []
    assert rounds[0] > 1
    used = StoredObject.objects.filter(pk__in=FileVersion.objects.values("stored_object"))
    assert not used.exclude(state=ObjectState.LIVE).exists()


def test_five_thousand_and_one_files_of_the_same_bytes_are_one_object_whatever_the_limit_of_links(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ext4 allows 65,000 links of a file; here one."""
    plain, linked = os.link, set[int]()

    def link(source: str, *names: str, **where: Any) -> None:
        inode = os.stat(source).st_ino
        if inode in linked:
            raise OSError(errno.EMLINK, os.strerror(errno.EMLINK))
        plain(source, *names, **where)
        linked.add(inode)

    monkeypatch.setattr(os, "link", link)
    files = {f"folder {number % 3}/{number}": b"the same" for number in range(5001)}
    upload = world.imported({**files, "one more": b"another"})

    assert upload.problems == 0
    assert StoredObject.objects.count() == 2
    assert len([path for path in world.store.objects.rglob("*") if path.is_file()]) == 2
    seen = contents(world, upload.project)
    assert len(seen) == 5002
    assert set(seen.values()) == {b"the same", b"another"}
    assert staged(world.store.sealed / str(upload.pk)) == set()

    again = world.imported({**dict(list(files.items())[:20]), "a new one": b"new"}, upload.project)
    assert again.problems == 0
    assert StoredObject.objects.count() == 3
    assert FileVersion.objects.filter(project=upload.project_id).count() == 5003
