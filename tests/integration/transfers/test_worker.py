"""The worker, whole: threads, schedule and sweeps against a Globus in memory."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from builders import a_file_arrives, a_globus_member, a_member, a_membership, a_project, an_open_upload, read_whole
from fakes.globus import InMemoryTransferService
from moorage.backends import backends, using
from moorage.globus.service import IdentityId, TaskStatus
from moorage.jobs.models import ScheduledSweep
from moorage.jobs.schedule import make_due
from moorage.jobs.worker import run_worker
from moorage.projects.models import Membership, Project, Role
from moorage.transfers.discarding import start_discarding
from moorage.transfers.models import Upload
from moorage.transfers.naming import area_path
from moorage.transfers.opening import open_upload
from moorage.transfers.sealing import start_sealing
from moorage.transfers.states import UploadState
from moorage.transfers.undoing import redo_import, undo_import
from moorage.transfers.wishing import wish_quiet

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE_SECONDS = 15.0


@pytest.fixture
def worker(globus: InMemoryTransferService) -> Iterator[threading.Event]:
    """A worker that works by the real clock, and is stopped afterwards."""
    quick = replace(
        backends().policies,
        quiet_time=timedelta(seconds=1.5),
        digest_min_age=timedelta(0),
        watched_interval=timedelta(seconds=1),
    )
    stop = threading.Event()
    with using(replace(backends(), clock=timezone.now, policies=quick)):
        thread = threading.Thread(target=run_worker, args=(stop,))
        thread.start()
        yield stop
        stop.set()
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


def test_done_becomes_an_import_by_itself(globus: InMemoryTransferService, worker: threading.Event) -> None:
    upload = an_open_upload(globus)
    a_file_arrives(upload, "run/data.bin", b"abc")

    begun = time.monotonic()
    start_sealing(upload=upload, actor=upload.owner, at=timezone.now())
    _wait(lambda: _state(upload) not in {UploadState.OPEN, UploadState.SEALING})
    assert time.monotonic() - begun < 5
    _wait(lambda: _state(upload) is UploadState.IMPORTED)

    upload.refresh_from_db()
    assert upload.published_revision == 1
    assert not globus.rules


def test_an_import_is_undone_and_redone_by_itself(globus: InMemoryTransferService, worker: threading.Event) -> None:
    upload = an_open_upload(globus)
    a_file_arrives(upload, "run/data.bin", b"abc")
    start_sealing(upload=upload, actor=upload.owner, at=timezone.now())
    _wait(lambda: _state(upload) is UploadState.IMPORTED)

    undo_import(upload=upload, actor=upload.owner, at=timezone.now())
    _wait(lambda: Project.objects.get(pk=upload.project_id).head == 2)
    assert read_whole(upload.project_id) == {"": (0, 0)}
    redo_import(upload=upload, actor=upload.owner, at=timezone.now())
    _wait(lambda: Project.objects.get(pk=upload.project_id).head == 3)
    assert read_whole(upload.project_id) == read_whole(upload.project_id, 1)


def test_import_when_transfers_finish_follows_the_transfer_without_a_person(
    globus: InMemoryTransferService, worker: threading.Event
) -> None:
    upload = an_open_upload(globus)
    a_file_arrives(upload, "run/data.bin", b"abc")
    identity = IdentityId(str(upload.owner.globus_identities.get().identity_id))
    task = globus.add_task(identity, area_path(upload.area_name))

    wish_quiet(upload=upload, actor=upload.owner, at=timezone.now())
    time.sleep(4)
    assert _state(upload) is UploadState.OPEN
    assert globus.fake_tasks[task].task.status is TaskStatus.ACTIVE
    globus.finish_task(task, delivered=[f"{area_path(upload.area_name)}run/data.bin"])  # type: ignore[list-item]

    _wait(lambda: _state(upload) is UploadState.IMPORTED)


def test_a_removed_member_has_no_rule_within_two_seconds(
    globus: InMemoryTransferService, worker: threading.Event
) -> None:
    project, uploader = a_project(a_member()), a_globus_member(globus)
    a_membership(project, uploader, Role.EDITOR)
    an_open_upload(globus, project=project, owner=uploader)
    _wait(lambda: ScheduledSweep.objects.filter(name="grants", held_by="").exists())

    begun = time.monotonic()
    Membership.objects.get(project=project, member=uploader).delete()
    _wait(lambda: not globus.rules)

    assert time.monotonic() - begun < 4  # two seconds, on a machine that does other things too


def test_requests_and_discardings_are_taken_on_too(globus: InMemoryTransferService, worker: threading.Event) -> None:
    owner = a_globus_member(globus)
    upload = open_upload(project=a_project(owner), actor=owner, name="Scan", at=timezone.now())
    _wait(lambda: _state(upload) is UploadState.OPEN)

    start_discarding(upload=Upload.objects.get(pk=upload.pk), actor=owner, at=timezone.now())

    _wait(lambda: _state(upload) is UploadState.DISCARDED)
    assert not globus.rules


def test_a_sweep_that_fails_is_recorded_and_runs_again(
    globus: InMemoryTransferService, worker: threading.Event
) -> None:
    _wait(lambda: ScheduledSweep.objects.filter(name="grants", held_by="").exclude(last_run_at=None).exists())
    globus.fail_next("list_access", error=ZeroDivisionError("a bug"))

    make_due("grants", at=timezone.now())
    _wait(lambda: "ZeroDivisionError" in ScheduledSweep.objects.get(name="grants").last_error)
    make_due("grants", at=timezone.now())

    _wait(lambda: ScheduledSweep.objects.get(name="grants").last_error == "")


def _state(upload: Upload) -> UploadState:
    return Upload.objects.get(pk=upload.pk).current_state


def _wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not until():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.05)
