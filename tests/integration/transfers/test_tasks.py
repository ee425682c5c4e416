"""Globus tasks: whose they are, what they delivered, which files they leave in doubt."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from builders import a_file_arrives, a_globus_member, a_project, an_open_upload
from fakes.globus import InMemoryTransferService
from moorage.backends import Policies
from moorage.files.paths import path_key
from moorage.globus.service import (
    CollectionPath,
    GlobusUnavailableError,
    IdentityId,
    TaskNotFoundError,
    TaskStatus,
    TransferTask,
)
from moorage.jobs.sweeps.closing import seal
from moorage.jobs.sweeps.tasks import fetch_outcomes, read_tasks
from moorage.transfers import doubt
from moorage.transfers.doubt import suspicions
from moorage.transfers.models import Belonging, CollectionWatch, DeliveredFile, GlobusTask, Upload, UploadTask
from moorage.transfers.naming import area_path
from moorage.transfers.overview import overview
from moorage.transfers.sealing import start_sealing
from moorage.transfers.task_reading import read_all_tasks
from moorage.transfers.tasks import TaskBelongsElsewhereError, TaskIsHereError, claim_task, sorted_tasks
from moorage.transfers.watching import note_watched
from moorage.transfers.wishing import wish_quiet

from .conftest import Clock

pytestmark = pytest.mark.django_db


def test_a_hidden_task_of_someone_with_one_open_upload_is_that_uploads(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    upload = an_open_upload(globus)
    task = globus.add_task(_principal(upload), area_path(upload.area_name), label="scan")

    _read(upload, clock)

    [running] = sorted_tasks(upload).running
    assert str(running.task_id) == task
    assert running.label == "scan"
    assert UploadTask.objects.get(upload=upload).belonging == Belonging.ONLY


def test_a_task_of_a_linked_identity_is_seen_too(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = an_open_upload(globus)
    university = globus.add_identity("ada@university.example")
    globus.link(_principal(upload), university.id)
    globus.add_task(university.id, area_path(upload.area_name))

    _read(upload, clock)

    assert len(sorted_tasks(upload).running) == 1


def test_where_globus_shows_the_path_only_it_decides(globus: InMemoryTransferService, clock: Clock) -> None:
    globus.shows_paths = True
    one, two = _two_uploads(globus)
    globus.add_task(_principal(one), CollectionPath(f"{area_path(two.area_name)}deep/"))
    globus.add_task(_principal(one), CollectionPath("/elsewhere/"))

    _read(one, clock)

    assert not sorted_tasks(one).running
    assert len(sorted_tasks(two).running) == 1
    assert GlobusTask.objects.count() == 1


def test_a_hidden_task_of_someone_with_two_open_uploads_is_perhaps_both_until_she_answers(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    one, two = _two_uploads(globus)
    task = globus.add_task(_principal(one), area_path(two.area_name), label="tuesday")
    _read(one, clock)
    assert [t.label for t in sorted_tasks(one).perhaps] == ["tuesday"]
    assert [t.label for t in sorted_tasks(two).perhaps] == ["tuesday"]

    claim_task(upload=two, task_id=UUID(task), mine=True, actor=two.owner, at=clock())
    _read(one, clock)

    assert not sorted_tasks(one).perhaps
    assert not sorted_tasks(one).running
    assert [t.label for t in sorted_tasks(two).running] == ["tuesday"]
    with pytest.raises(TaskBelongsElsewhereError):
        claim_task(upload=one, task_id=UUID(task), mine=True, actor=one.owner, at=clock())


def test_a_no_for_one_of_two_uploads_leaves_the_other(globus: InMemoryTransferService, clock: Clock) -> None:
    one, two = _two_uploads(globus)
    task = globus.add_task(_principal(one), area_path(two.area_name))
    _read(one, clock)

    claim_task(upload=one, task_id=UUID(task), mine=False, actor=one.owner, at=clock())
    claim_task(upload=one, task_id=UUID(task), mine=False, actor=one.owner, at=clock())
    _read(one, clock)

    assert len(sorted_tasks(two).running) == 1
    assert not sorted_tasks(one).running
    assert not sorted_tasks(one).perhaps


def test_an_upload_that_is_opened_later_takes_no_task_from_the_first(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    owner = a_globus_member(globus)
    project = a_project(owner)
    one = an_open_upload(globus, project=project, owner=owner)
    globus.add_task(_principal(one), area_path(one.area_name), requested_at=clock())
    _read(one, clock)

    two = an_open_upload(globus, project=project, owner=owner)
    _read(one, clock)

    assert len(sorted_tasks(one).running) == 1
    assert not sorted_tasks(two).perhaps


def test_a_task_can_be_claimed_before_any_sweep_has_seen_it(globus: InMemoryTransferService, clock: Clock) -> None:
    one, two = _two_uploads(globus)
    task = globus.add_task(_principal(one), area_path(two.area_name))

    claim_task(upload=two, task_id=UUID(task), mine=True, actor=two.owner, at=clock())
    _read(one, clock)

    assert len(sorted_tasks(two).running) == 1
    assert not sorted_tasks(one).perhaps


def test_nobody_claims_another_members_task(globus: InMemoryTransferService, clock: Clock) -> None:
    mine, theirs = an_open_upload(globus), an_open_upload(globus)
    task = globus.add_task(_principal(theirs), area_path(theirs.area_name))
    _read(theirs, clock)

    with pytest.raises(TaskNotFoundError):
        claim_task(upload=mine, task_id=UUID(task), mine=True, actor=mine.owner, at=clock())
    with pytest.raises(TaskNotFoundError):
        claim_task(upload=mine, task_id=uuid4(), mine=True, actor=mine.owner, at=clock())


def test_a_task_whose_path_lies_in_the_area_cannot_be_denied(globus: InMemoryTransferService, clock: Clock) -> None:
    globus.shows_paths = True
    upload = an_open_upload(globus)
    task = globus.add_task(_principal(upload), area_path(upload.area_name))
    _read(upload, clock)

    with pytest.raises(TaskIsHereError):
        claim_task(upload=upload, task_id=UUID(task), mine=False, actor=upload.owner, at=clock())


def test_what_a_task_delivered_is_stored_when_it_ends_and_tells_whose_it_was(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    one, two = _two_uploads(globus)
    task = globus.add_task(_principal(one), area_path(two.area_name))
    _read(one, clock)
    delivered = [CollectionPath(f"{area_path(two.area_name)}run {n}/ä.bin") for n in range(1200)]
    globus.finish_task(task, delivered=delivered)

    _read(one, clock)
    fetch_outcomes(clock())

    assert DeliveredFile.objects.count() == 1200
    assert bytes(DeliveredFile.objects.order_by("id")[0].path) == "run 0/ä.bin".encode()
    assert UploadTask.objects.get(upload=two).belonging == Belonging.PATH
    assert UploadTask.objects.get(upload=one).belonging == Belonging.DENIED
    assert GlobusTask.objects.get().outcome_fetched_at is not None


def test_an_outcome_whose_reply_was_lost_is_fetched_again(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = an_open_upload(globus)
    task = globus.add_task(_principal(upload), area_path(upload.area_name))
    globus.finish_task(task, delivered=[CollectionPath(f"{area_path(upload.area_name)}a")])
    _read(upload, clock)
    globus.fail_next("delivered_files")

    fetch_outcomes(clock())
    assert not DeliveredFile.objects.exists()
    fetch_outcomes(clock())

    assert DeliveredFile.objects.count() == 1


def test_a_running_task_is_followed_to_its_end_after_the_seal(globus: InMemoryTransferService, clock: Clock) -> None:
    one, _two = _two_uploads(globus)
    a_file_arrives(one, "a")
    task = globus.add_task(_principal(one), CollectionPath("/"))
    _read(one, clock)
    start_sealing(upload=one, actor=one.owner, at=clock())
    seal(clock())
    seal(clock.advance(minutes=11))
    one.refresh_from_db()
    assert one.state == "sealed"

    globus.finish_task(task)
    _read(one, clock)

    assert GlobusTask.objects.get(task_id=task).is_final


def test_a_task_that_globus_has_forgotten_counts_as_failed(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = an_open_upload(globus)
    globus.add_task(_principal(upload), area_path(upload.area_name))
    _read(upload, clock)
    globus.fake_tasks.clear()

    _read(upload, clock)

    [task] = sorted_tasks(upload).failed
    assert task.completed_at == clock()


def test_globus_down_is_said_on_the_page_and_ends_by_itself(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = an_open_upload(globus)
    globus.fail_next("tasks_of", error=GlobusUnavailableError("Globus does not answer."))

    again = read_tasks(clock())
    assert again is not None
    assert again <= timedelta(seconds=10)
    assert overview(upload, viewer=upload.owner).globus_trouble == "Globus does not answer."
    read_tasks(clock.advance(seconds=5))

    shown = overview(upload, viewer=upload.owner)
    assert shown.globus_trouble == ""
    assert shown.tasks_as_of == clock()


def test_task_lists_are_read_every_ten_seconds_while_somebody_watches_and_else_every_minute(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    upload = an_open_upload(globus)
    read_tasks(clock())

    for _ in range(5):
        read_tasks(clock.advance(seconds=10))
    assert globus.calls.count("tasks_of") == 1
    note_watched(upload.collection_id, at=clock())
    read_tasks(clock.advance(seconds=1))

    assert globus.calls.count("tasks_of") == 2
    assert CollectionWatch.objects.get().tasks_as_of == clock()


def test_while_nobody_watches_a_quiet_upload_is_read_once_in_ten_minutes_and_a_busy_one_each_time(
    globus: InMemoryTransferService, clock: Clock, policies: Policies
) -> None:
    quiet, busy = an_open_upload(globus), an_open_upload(globus)
    clock.advance(hours=1)
    read_tasks(clock())
    wish_quiet(upload=busy, actor=busy.owner, at=clock.advance(seconds=1))
    asked: list[IdentityId] = []
    tasks_of = globus.tasks_of

    def noting(identity: IdentityId, *, since: datetime) -> Iterator[TransferTask]:
        asked.append(identity)
        return tasks_of(identity, since=since)

    globus.tasks_of = noting  # type: ignore[method-assign]
    for _ in range(10):
        read_tasks(clock.advance(seconds=60))

    assert asked.count(_principal(quiet)) == 1
    assert asked.count(_principal(busy)) == 10


def test_a_transfer_that_failed_while_no_worker_ran_is_seen_when_one_runs_again(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    uploads = [an_open_upload(globus) for _ in range(12)]
    clock.advance(minutes=30)
    read_tasks(clock())
    clock.advance(minutes=5)
    for upload in uploads:
        task = globus.add_task(_principal(upload), area_path(upload.area_name), requested_at=clock())
        globus.finish_task(task, status=TaskStatus.FAILED, at=clock())

    clock.advance(hours=5)
    for _ in range(25):
        read_tasks(clock.advance(minutes=1))

    assert [len(sorted_tasks(upload).failed) for upload in uploads] == [1] * 12


# Doubt


def test_files_of_a_cancelled_transfer_are_doubtful_unless_it_delivered_them(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    upload = an_open_upload(globus)
    a_file_arrives(upload, "whole.bin")
    a_file_arrives(upload, "half.bin")
    task = globus.add_task(_principal(upload), area_path(upload.area_name), requested_at=clock())
    globus.fake_tasks[task].delivered = [CollectionPath(f"{area_path(upload.area_name)}whole.bin")]

    start_sealing(upload=upload, actor=upload.owner, at=clock())
    seal(clock())
    upload.refresh_from_db()

    assert upload.state == "sealed"
    during = int(clock().timestamp() * 1e9)
    half, whole = path_key(b"half.bin"), path_key(b"whole.bin")
    assert suspicions(upload).doubtful({half: during, whole: during}) == {half}
    assert not suspicions(upload).doubtful({half: during - int(3600e9)})


def test_where_every_transfer_ended_well_nothing_is_doubtful(globus: InMemoryTransferService, clock: Clock) -> None:
    upload = an_open_upload(globus)
    task = globus.add_task(_principal(upload), area_path(upload.area_name))
    globus.finish_task(task)
    _read(upload, clock)

    assert not suspicions(upload).traces


def test_a_task_that_failed_is_not_forgiven_because_its_files_went_to_an_unknown_place(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    upload = an_open_upload(globus)
    task = globus.add_task(_principal(upload), area_path(upload.area_name))
    globus.finish_task(task, status=TaskStatus.FAILED, delivered=[CollectionPath("/~/other form/a.bin")])
    _read(upload, clock)
    fetch_outcomes(clock())

    assert UploadTask.objects.get(upload=upload).belonging == Belonging.ONLY
    assert suspicions(upload).traces


def test_a_task_that_wrote_into_two_areas_clears_in_each_only_what_it_delivered_there(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    one, two = _two_uploads(globus)
    task = globus.add_task(_principal(one), CollectionPath("/"), requested_at=clock())
    _read(one, clock)
    into_one, into_two = (CollectionPath(f"{area_path(upload.area_name)}") for upload in (one, two))
    globus.finish_task(
        task,
        status=TaskStatus.FAILED,
        at=clock.advance(seconds=1),
        delivered=[
            CollectionPath(f"{into_one}same"),
            CollectionPath(f"{into_two}same"),
            CollectionPath(f"{into_two}b"),
        ],
    )
    _read(one, clock)
    fetch_outcomes(clock())

    during = int(clock().timestamp() * 1e9)
    assert suspicions(one).doubtful({path_key(b"b"): during}), "whole in the other upload, and not here"
    assert not suspicions(two).doubtful({path_key(b"b"): during})
    for upload in (one, two):
        assert not suspicions(upload).doubtful({path_key(b"same"): during})


def test_what_a_later_transfer_delivered_whole_is_not_doubtful_at_the_seal(
    globus: InMemoryTransferService, clock: Clock
) -> None:
    upload = an_open_upload(globus)
    area = area_path(upload.area_name)
    cancelled = globus.add_task(_principal(upload), area, requested_at=clock())
    globus.finish_task(cancelled, status=TaskStatus.FAILED, was_cancelled=True, at=clock.advance(seconds=1))
    again = globus.add_task(_principal(upload), area, requested_at=clock())
    a_file_arrives(upload, "a")
    globus.finish_task(again, at=clock.advance(seconds=1), delivered=[CollectionPath(f"{area}a")])
    during = int(clock().timestamp() * 1e9)

    start_sealing(upload=upload, actor=upload.owner, at=clock.advance(seconds=1))
    seal(clock())

    assert not suspicions(Upload.objects.get(pk=upload.pk)).doubtful({path_key(b"a"): during})


def test_who_delivered_many_files_is_asked_in_pieces(
    globus: InMemoryTransferService, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = an_open_upload(globus)
    area = area_path(upload.area_name)
    names = [f"{number}" for number in range(12)]
    task = globus.add_task(_principal(upload), area, requested_at=clock())
    delivered = [CollectionPath(f"{area}{name}") for name in names if int(name) % 3]
    globus.finish_task(task, status=TaskStatus.FAILED, at=clock.advance(seconds=1), delivered=delivered)
    _read(upload, clock)
    fetch_outcomes(clock())
    during = int(clock().timestamp() * 1e9)
    monkeypatch.setattr(doubt, "KEYS_PER_QUERY", 5)
    told = suspicions(upload)

    with CaptureQueriesContext(connection) as queries:
        found = told.doubtful({path_key(name.encode()): during for name in names})

    assert found == {path_key(name.encode()) for name in names if not int(name) % 3}
    assert len(queries) == 3


def _read(upload: Upload, clock: Clock) -> None:
    read_all_tasks(upload.collection_id, at=clock())


def _two_uploads(globus: InMemoryTransferService) -> tuple[Upload, Upload]:
    owner = a_globus_member(globus)
    project = a_project(owner)
    return (
        an_open_upload(globus, project=project, owner=owner, name="one"),
        an_open_upload(globus, project=project, owner=owner, name="two"),
    )


def _principal(upload: Upload) -> IdentityId:
    return IdentityId(str(upload.owner.globus_identities.order_by("linked_at")[0].identity_id))
