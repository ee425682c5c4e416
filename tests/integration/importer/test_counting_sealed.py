"""What has arrived in an upload is not said as a sweep saw it in the middle of a copy, once nothing more comes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from importing import World, fill
from moorage.backends import backends
from moorage.importer.ledger.job import ImportJob
from moorage.importer.ledger.runs import begin_run
from moorage.jobs import imports
from moorage.jobs.sweeps.arrivals import look_into_areas
from moorage.storage import areas
from moorage.storage.walk import Found, walk
from moorage.transfers.cancelling import cancel_import
from moorage.transfers.models import Upload
from moorage.transfers.retrying import retry_upload
from moorage.transfers.states import UploadState

pytestmark = pytest.mark.django_db(transaction=True)

LATE = {f"late {number}": b"late" for number in range(3)}


def sealed_in_the_middle_of_a_copy(world: World) -> Upload:
    upload, area = world.an_area()
    fill(area, {"early": b"early"})
    fill(world.seal(upload), LATE)  # as if they had arrived between the last look and the seal
    assert upload.files_arrived == 1
    return upload


def counted(upload: Upload) -> set[tuple[int, int]]:
    upload.refresh_from_db()
    return {(upload.files_arrived, upload.bytes_arrived), (upload.files_total, upload.bytes_total)}


def test_an_import_that_was_cancelled_while_it_listed_says_all_that_had_arrived(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = sealed_in_the_middle_of_a_copy(world)

    def cancelled(job: ImportJob) -> None:
        begin_run(job)
        cancel_import(upload=Upload.objects.get(), actor=upload.owner, at=backends().clock())
        job.check_cancelled()

    with monkeypatch.context() as patch:
        patch.setattr(imports, "run_import", cancelled)
        world.work(upload)
    assert (upload.current_state, upload.reason) == (UploadState.FAILED, "cancelled")

    look_into_areas(backends().clock())

    assert counted(upload) == {(4, 17)}


def test_an_import_that_was_cancelled_before_it_began_says_all_that_had_arrived(world: World) -> None:
    upload = sealed_in_the_middle_of_a_copy(world)
    cancel_import(upload=upload, actor=upload.owner, at=backends().clock())

    look_into_areas(backends().clock())

    assert counted(upload) == {(4, 17)}
    retry_upload(upload=upload, actor=upload.owner, at=backends().clock())
    assert world.work(upload).current_state is UploadState.IMPORTED


def test_the_area_of_a_failed_import_is_counted_once_and_one_that_is_away_not_at_all(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = sealed_in_the_middle_of_a_copy(world)
    digest = upload.arrived_digest
    look_into_areas(backends().clock())
    assert counted(upload) == {(1, 5), (0, 0)}, "its import is to count it"
    cancel_import(upload=upload, actor=upload.owner, at=backends().clock())
    sealed, away = world.store.sealed, world.store.root / "away"
    sealed.rename(away)
    look_into_areas(backends().clock())
    upload.refresh_from_db()
    assert upload.files_arrived == 1
    away.rename(sealed)

    walked = list[Path]()

    def watched(root: Path) -> Iterator[Found]:
        walked.append(root)
        return walk(root)

    monkeypatch.setattr(areas, "walk", watched)
    for _ in range(3):
        look_into_areas(backends().clock())

    assert len(walked) == 1
    assert counted(upload) == {(4, 17)}
    assert upload.arrived_digest == digest
