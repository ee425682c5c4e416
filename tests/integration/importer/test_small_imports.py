"""Small imports: which they are, and that none waits until a large one leaves room."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from django.conf import settings

from builders import a_project
from importing import World, contents, fill
from moorage.backends import backends, using
from moorage.importer.asked.previews import ask_preview
from moorage.jobs import previews, small_imports
from moorage.jobs.imports import claim_next
from moorage.jobs.small_imports import SMALL_BYTES, is_small
from moorage.jobs.worker import run_worker
from moorage.leases import LeaseWatch
from moorage.transfers.models import Upload
from moorage.transfers.retrying import retry_upload
from moorage.transfers.states import UploadState

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE_SECONDS = 20.0


@pytest.fixture
def three_are_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small is what holds at most three files."""
    monkeypatch.setattr(small_imports, "SMALL_FILES", 3)


def test_the_thread_for_small_imports_leaves_large_ones_to_the_others(world: World, three_are_small: None) -> None:
    large = world.a_sealed_upload({f"folder/{number}": b"" for number in range(4)})
    small = world.a_sealed_upload({f"folder/{number}": b"" for number in range(3)})

    taken = [claim_next(LeaseWatch(), is_wanted=is_small) for _ in range(2)]

    assert [lease and lease.pk for lease in taken] == [small.pk, None]
    rest = claim_next(LeaseWatch())
    assert rest is not None
    assert rest.pk == large.pk


def test_a_small_import_whose_worker_is_gone_is_taken_over(world: World, three_are_small: None) -> None:
    upload = world.a_sealed_upload({"a": b"a"})
    lease = claim_next(LeaseWatch(), is_wanted=is_small)
    assert lease is not None
    lease.release()

    again = claim_next(LeaseWatch(), is_wanted=is_small)

    assert again is not None
    assert (again.pk, again.fence) == (upload.pk, lease.fence + 1)


def test_what_arrived_after_the_last_look_counts(world: World, three_are_small: None) -> None:
    upload, area = world.an_area()
    fill(area, {"a": b"a"})
    sealed = world.seal(upload)
    fill(sealed, {f"late {number}": b"" for number in range(3)})

    assert upload.files_arrived == 1
    assert not is_small(upload)


def test_a_file_of_more_than_a_gibibyte_is_not_small(world: World) -> None:
    upload, area = world.an_area()
    fill(area, {"a": b"a"})
    with (area / "a").open("r+b") as file:
        file.truncate(SMALL_BYTES + 1)
    sealed = world.seal(upload)
    assert not is_small(upload)

    (sealed / "a").write_bytes(b"")
    # Another state of the upload: it is counted again.
    upload.state_changed_at += timedelta(seconds=1)
    upload.bytes_arrived = 0
    assert is_small(upload)


def test_very_many_folders_are_not_small(world: World, three_are_small: None) -> None:
    assert is_small(world.a_sealed_upload({f"{number}/": b"" for number in range(6)}))
    assert not is_small(world.a_sealed_upload({f"{number}/": b"" for number in range(7)}))


@pytest.mark.parametrize(("files", "expected"), [(3, True), (4, False)])
def test_a_preview_of_an_open_upload_is_small_by_what_its_area_holds(
    world: World, monkeypatch: pytest.MonkeyPatch, three_are_small: None, files: int, expected: bool
) -> None:
    upload, area = world.an_area()
    fill(area, {f"{number}": b"a" for number in range(files)})
    said: list[bool] = []

    class Pool:
        orders_for_one = 2

        def executor_for(self, *_: object, is_small: bool, **__: object) -> object:
            said.append(is_small)
            return world.executor

    monkeypatch.setattr(previews, "shared_pool", Pool)
    ask_preview(upload_id=upload.pk, project_id=upload.project_id, by=upload.owner, at=backends().clock())
    lease = previews.claim_next(LeaseWatch())
    assert lease is not None
    previews.work(lease)

    assert said == [expected]


def test_what_a_large_import_has_left_over_is_small(world: World, three_are_small: None) -> None:
    upload, area = world.an_area()
    fill(area, {f"{number}": b"a" for number in range(4)})
    (area / "link").symlink_to("0")
    world.seal(upload)
    assert not is_small(upload)
    world.work(upload)
    assert upload.current_state is UploadState.IMPORTED

    retry_upload(upload=upload, actor=upload.owner, at=backends().clock())
    upload.refresh_from_db()

    assert is_small(upload)


@pytest.fixture
def worker_for_one(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A worker that does one import at a time, and waits for long for a writer who never closes a file."""
    monkeypatch.setattr(settings, "OPTIONS", settings.OPTIONS.model_copy(update={"imports_at_once": 1}))
    patient = replace(backends().policies, quiet_time=timedelta(hours=1))
    stop = threading.Event()
    with using(replace(backends(), policies=patient)):
        thread = threading.Thread(target=run_worker, args=(stop,))
        thread.start()
        yield
        stop.set()
        thread.join(PATIENCE_SECONDS)
        assert not thread.is_alive()


def test_a_small_upload_is_published_while_a_large_one_keeps_the_only_place(
    world: World, three_are_small: None, worker_for_one: None
) -> None:
    project = a_project()
    large, area = world.an_area(project, name="large")
    fill(area, {f"large {number}": b"" for number in range(4)})
    with (area / "large 0").open("r+b"):
        world.seal(large)
        _wait_for(large, UploadState.IMPORTING)
        other_large = world.a_sealed_upload({f"other {number}": b"" for number in range(4)}, project)

        small = world.a_sealed_upload({"small": b"small"}, project)
        _wait_for(small, UploadState.IMPORTED)

        large.refresh_from_db()
        other_large.refresh_from_db()
        assert (large.current_state, other_large.current_state) == (UploadState.IMPORTING, UploadState.SEALED)
        assert contents(world, project) == {"small": b"small"}


def _wait_for(upload: Upload, state: UploadState) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while upload.current_state is not state:
        assert time.monotonic() < until, f"{upload.state}, not {state}"
        time.sleep(0.05)
        upload.refresh_from_db()
