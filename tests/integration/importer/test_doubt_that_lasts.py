"""Doubt is about what others did to a file: no death, retry or look of ours makes a file doubtful, or clears it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from hashlib import sha256
from itertools import count
from pathlib import Path

import pytest
from django.utils import timezone

from builders import a_project, publish_files
from importing import Crash, World, contents, fill, reasons
from kill_matrix import Inline
from moorage.files.models import ObjectState, StoredObject
from moorage.importer.asked.previews import ask_preview
from moorage.importer.models import ImportProblem, ManifestEntry
from moorage.importer.words.verdicts import EntryState
from moorage.importer.write.manifest_writer import ManifestWriter
from moorage.jobs import previews
from moorage.leases import LeaseWatch
from moorage.projects.choices import ImportChoices
from moorage.projects.models import Project
from moorage.storage import walk
from moorage.storage.folders import OpenFolders
from moorage.storage.walk import Found, FoundKind
from moorage.transfers import doubt
from moorage.transfers.models import GlobusTask, Upload, UploadTask
from moorage.transfers.retrying import retry_upload
from moorage.transfers.states import UploadState
from small_steps import small_steps
from suspects import TICK_SECONDS, a_task_fails

pytestmark = pytest.mark.django_db(transaction=True)

WHOLE = {f"whole {number}": b"%d" % number for number in range(4)} | {"folder/whole": b"whole"}
LATE = {"half": b"trunc", "folder/delivered": b"delivered"}
GOOD = WHOLE | {"folder/delivered": b"delivered"}
HALF = {b"half": "entry.doubtful"}
INCLUDED = "entry.included_although_doubtful"


@pytest.fixture(autouse=True)
def _in_small_steps(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.executor = Inline()
    monkeypatch.setattr(doubt, "SUSPECTED_AROUND", timedelta(0))
    monkeypatch.setattr(doubt, "CLEARED_AROUND", timedelta(0))
    for module, name, value in small_steps(files=2, rows=2):
        monkeypatch.setattr(module, name, value)


def a_suspected_upload(
    world: World, project: Project | None = None, *, choices: ImportChoices | None = None, seal: bool = True
) -> tuple[Upload, Path]:
    """Some files had arrived before a task began that failed; of those that came then another delivered one."""
    upload, area = world.an_area(project)
    fill(area, WHOLE)
    with a_task_fails(upload, delivered=["folder/delivered"]):
        fill(area, LATE)
    if seal:
        area = world.seal(upload)
        Upload.objects.filter(pk=upload.pk).update(choices=(choices or ImportChoices()).as_json())
    return upload, area


def stopped_by_a_conflict(world: World, *include: str) -> tuple[Upload, Path]:
    """All that is good has been placed, and nothing was published."""
    project = a_project()
    publish_files(project, {"whole 0": b"old"}, store=world.store)
    upload, area = a_suspected_upload(world, project, choices=ImportChoices(on_conflict="fail", include=include))
    world.work(upload)
    assert upload.reason == "import.conflict"
    return upload, area


def try_again(world: World, upload: Upload) -> None:
    retry_upload(upload=upload, actor=upload.owner, at=timezone.now(), choices=ImportChoices())
    world.work(upload)


def look_at(upload: Upload, *, with_digests: bool = False) -> None:
    ask_preview(
        upload_id=upload.pk, project_id=upload.project_id, by=upload.owner, at=timezone.now(), with_digests=with_digests
    )
    lease = previews.claim_next(LeaseWatch())
    assert lease is not None
    previews.work(lease)


def told(upload: Upload) -> dict[bytes, str]:
    """Why paths were not imported, as the newest run says."""
    problems = ImportProblem.objects.filter(run=upload.runs.order_by("-number")[0])
    return {bytes(one.path): one.code for one in problems}


def only_half_is_missing(world: World, upload: Upload) -> None:
    assert upload.current_state is UploadState.IMPORTED
    assert reasons(upload) == HALF
    assert contents(world, upload.project) == GOOD


def test_what_a_conflict_stopped_is_as_doubtful_in_the_retry(world: World) -> None:
    upload, _ = stopped_by_a_conflict(world)

    try_again(world, upload)

    only_half_is_missing(world, upload)


@pytest.mark.parametrize("with_digests", [False, True])
def test_a_look_between_two_runs_changes_nothing(world: World, *, with_digests: bool) -> None:
    upload, area = stopped_by_a_conflict(world)
    for path in GOOD:
        # As a download of another project's file does that has the same bytes.
        os.link(area / path, world.store.root / "tree")
        (world.store.root / "tree").unlink()

    look_at(upload, with_digests=with_digests)
    assert reasons(upload) == HALF
    try_again(world, upload)

    only_half_is_missing(world, upload)


def test_wherever_a_worker_dies_the_next_finds_the_same(world: World) -> None:
    for at in count():
        seams: list[str] = []

        def seam(name: str, seams: list[str] = seams, at: int = at) -> None:
            seams.append(name)
            if len(seams) > at:
                raise Crash

        upload, _ = a_suspected_upload(world)
        with suppress(Crash):
            world.work_until(upload, seam)
        if len(seams) <= at:
            break
        if seams[-1] != "published":
            world.work(upload)
        upload.refresh_from_db()
        only_half_is_missing(world, upload)
    assert "manifest: batch written" in seams[seams.index("scanned") :]


def test_a_worker_that_dies_between_link_and_row_changes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    upload, area = a_suspected_upload(world)

    def dies(_: ManifestWriter) -> None:
        if any((area / path).stat().st_nlink > 1 for path in WHOLE):
            raise Crash
        write(_)

    write = ManifestWriter._write
    with monkeypatch.context() as patch:
        patch.setattr(ManifestWriter, "_write", dies)
        with pytest.raises(Crash):
            world.work_until(upload, lambda _: None)

    world.work(upload)

    only_half_is_missing(world, upload)


def test_what_is_planned_again_because_of_another_revision_is_no_more_doubtful(world: World) -> None:
    upload, _ = a_suspected_upload(world)

    def another_publishes() -> None:
        publish_files(upload.project, {"whole 1": b"other"}, store=world.store)

    world.work_until(upload, _when("placed", another_publishes))

    upload.refresh_from_db()
    only_half_is_missing(world, upload)


def test_what_was_taken_although_doubtful_is_doubtful_again_after_other_looks(world: World) -> None:
    upload, _ = stopped_by_a_conflict(world, "doubtful")
    assert ManifestEntry.objects.get(upload_id=upload.pk, path=b"half").warning == INCLUDED
    _the_task_ended_when_the_files_had_arrived()

    look_at(upload)
    try_again(world, upload)

    only_half_is_missing(world, upload)


def test_a_doubtful_file_that_is_put_off_keeps_its_warning(world: World) -> None:
    digest = sha256(LATE["half"]).hexdigest()
    leaving = StoredObject.objects.filter(digest=digest, state=ObjectState.LEAVING)
    nothing = {"crc32": 0, "modified_ns": 0, "changed_ns": 0}
    StoredObject.objects.create(digest=digest, size_bytes=5, state=ObjectState.LEAVING, **nothing)
    upload, _ = a_suspected_upload(world, choices=ImportChoices(include=("doubtful",)))
    _the_task_ended_when_the_files_had_arrived()

    put_off = ManifestEntry.objects.filter(upload_id=upload.pk, path=b"half", state=EntryState.DIGESTED)
    met: list[str] = []

    def the_collector_ends(name: str) -> None:
        if name == "manifest: batch written" and put_off.exists():
            met.append(name)
            leaving.delete()

    world.work_until(upload, the_collector_ends)

    assert met
    upload.refresh_from_db()
    assert contents(world, upload.project) == WHOLE | LATE
    assert ManifestEntry.objects.get(upload_id=upload.pk, path=b"half").warning == INCLUDED


@pytest.mark.parametrize("how", ["replaced", "written to"])
def test_a_file_that_is_another_since_is_judged_anew(world: World, how: str) -> None:
    upload, area = stopped_by_a_conflict(world)
    if how == "replaced":
        (area / "whole 2").unlink()
    else:
        (area / "whole 2").chmod(0o600)
    (area / "whole 2").write_bytes(b"something else")

    try_again(world, upload)

    assert reasons(upload) == HALF | {b"whole 2": "entry.doubtful"}
    assert b"something else" not in contents(world, upload.project).values()


def test_a_file_that_is_written_to_after_it_was_listed_is_judged_anew(world: World) -> None:
    upload, area = a_suspected_upload(world)

    world.work_until(upload, _when("scanned", lambda: (area / "whole 2").write_bytes(b"something else")))

    upload.refresh_from_db()
    assert reasons(upload) == HALF | {b"whole 2": "entry.doubtful"}
    assert b"something else" not in contents(world, upload.project).values()


def test_what_was_looked_at_before_the_task_began_is_not_known_to_be_whole(world: World) -> None:
    upload, area = world.an_area()
    fill(area, {"a": b"whole", "b": b"whole"})
    look_at(upload, with_digests=True)
    before = (area / "a").stat()
    with a_task_fails(upload):
        with (area / "a").open("r+b") as file:
            file.write(b"w")
        os.utime(area / "a", ns=(before.st_atime_ns, before.st_mtime_ns))
    look_at(upload, with_digests=True)
    world.seal(upload)

    world.work(upload)

    assert reasons(upload) == {b"a": "entry.doubtful"}


def test_what_a_folder_held_that_a_retry_cannot_read_is_not_forgotten(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload, _ = stopped_by_a_conflict(world)
    real = walk._entered

    def closed(folders: OpenFolders, path: bytes) -> Found:
        return Found(path, FoundKind.DIRECTORY, trouble="unreadable") if path == b"folder" else real(folders, path)

    with monkeypatch.context() as patch:
        patch.setattr(walk, "_entered", closed)
        try_again(world, upload)
    assert told(upload) == HALF | {b"folder": "entry.unreadable_folder"}
    assert set(ManifestEntry.objects.filter(upload_id=upload.pk).values_list("path", flat=True)) > {
        b"folder/whole",
        b"folder/delivered",
    }

    try_again(world, upload)

    only_half_is_missing(world, upload)


@pytest.mark.parametrize("with_digests", [False, True])
def test_a_file_that_was_placed_before_its_task_was_known_is_a_question(world: World, *, with_digests: bool) -> None:
    project = a_project()
    publish_files(project, {"whole 0": b"old"}, store=world.store)
    upload, _ = a_suspected_upload(world, project, choices=ImportChoices(on_conflict="fail"))
    links = list(UploadTask.objects.all())
    UploadTask.objects.all().delete()
    world.work(upload)
    assert (upload.reason, reasons(upload)) == ("import.conflict", {})
    _the_task_ended_when_the_files_had_arrived()
    # "Not mine", it was said; where its files went says otherwise.
    UploadTask.objects.bulk_create(links)
    all_placed = {path.encode(): "entry.doubtful" for path in WHOLE | LATE}

    look_at(upload, with_digests=with_digests)
    assert reasons(upload) == all_placed
    try_again(world, upload)

    assert reasons(upload) == all_placed
    assert contents(world, upload.project) == {"whole 0": b"old"}
    retry_upload(upload=upload, actor=upload.owner, at=timezone.now(), choices=ImportChoices(include=("doubtful",)))
    world.work(upload)
    assert contents(world, upload.project) == WHOLE | LATE


def test_a_file_of_a_far_future_is_not_judged_anew(world: World) -> None:
    upload, area = world.an_area()
    far = 2**63 + 10**18
    fill(area, WHOLE)
    os.utime(area / "whole 2", ns=(far, far))
    if (area / "whole 2").stat().st_mtime_ns != far:
        pytest.skip("this file system knows no such time")
    with a_task_fails(upload):
        fill(area, {"half": b"trunc"})
    world.seal(upload)

    world.work(upload)

    assert reasons(upload) == HALF
    assert contents(world, upload.project) == WHOLE


def _when(seam: str, act: Callable[[], object]) -> Callable[[str], None]:
    return lambda name: None if name != seam else (act(), None)[1]


def _the_task_ended_when_the_files_had_arrived() -> None:
    """So that what moves a file's time now clears it."""
    good = GlobusTask.objects.get(status="SUCCEEDED")
    GlobusTask.objects.filter(status="FAILED").update(completed_at=good.completed_at)
    time.sleep(TICK_SECONDS)
