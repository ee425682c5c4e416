"""An import that dies between any two of its steps, and whoever takes it over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from django.utils import timezone

from builders import a_project, publish_files
from importing import Crash, World, contents, folders, staged
from moorage.files.models import FileVersion, Revision, RevisionState
from moorage.importer.models import ImportProblem, ImportRun
from moorage.importer.plan import again, scan, still_to_place
from moorage.importer.publish import problems
from moorage.importer.shown.entries import entries_page
from moorage.importer.shown.receipts import receipt
from moorage.importer.words.verdicts import EntryState
from moorage.jobs.sweeps.clearing import clear_imported
from moorage.leases import LeaseLostError
from moorage.projects.models import Project
from moorage.storage import walk
from moorage.transfers.models import Upload
from moorage.transfers.states import UploadState
from small_steps import small_steps

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE = {"kept": b"kept", "changes": b"old", "same": b"same", "blocked": b"a file"}
ARRIVES = {
    "new 1": b"new one",
    "new 2": b"new two",
    "changes": b"new bytes",
    "same": b"same",
    "blocked/below": b"has no place",
    "folder/inner/deep": b"deep",
    "folder/twin": b"new one",
    "empty/": b"",
}
AFTER = {
    "kept": b"kept",
    "blocked": b"a file",
    **{path: content for path, content in ARRIVES.items() if path != "blocked/below" and not path.endswith("/")},
}


@pytest.fixture(autouse=True)
def _small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a small tree has several batches of every kind."""
    monkeypatch.setattr(walk, "PART_ENTRIES", 3)
    monkeypatch.setattr(scan, "GROUP_ENTRIES", 4)
    monkeypatch.setattr(scan, "GROUP_NAMES", 4)
    monkeypatch.setattr(still_to_place, "GROUP_ENTRIES", 4)
    monkeypatch.setattr(again, "ROWS_PER_BATCH", 4)
    monkeypatch.setattr(problems, "ROWS_PER_BATCH", 4)
    for module, name, value in small_steps(files=3, rows=4):
        monkeypatch.setattr(module, name, value)


@pytest.fixture
def one_at_a_time() -> Iterator[Executor]:
    """So that each import meets the same seams: two batches at once may each find bytes that the other places."""
    with ThreadPoolExecutor(1) as executor:
        yield executor


def a_world_in_the_middle(world: World) -> Upload:
    """A project with files, and a sealed upload that adds, changes, repeats and collides."""
    project = a_project()
    publish_files(project, BEFORE, store=world.store)
    return world.a_sealed_upload(ARRIVES, project)


SEAMS_BY_BATCH = ("place: batch ordered", "manifest: batch written", "register: range written")
SEAMS_MET_ONCE = {"begun", "scanned", "placed", "right kept", "register: totals written", "registered", "published"}


class CrashAt:
    """Ends the process at the nth seam."""

    def __init__(self, number: int) -> None:
        self.left = number
        self.seen: list[str] = []

    def __call__(self, seam: str) -> None:
        self.seen.append(seam)
        if self.left == 0:
            raise Crash(seam)
        self.left -= 1


def test_an_import_that_dies_at_any_point_ends_like_one_that_was_not_disturbed(
    world: World, one_at_a_time: Executor
) -> None:
    world.executor = one_at_a_time
    # Twice, because the first of all finds nothing in the store, and meets other seams than all that follow.
    for _ in range(2):
        undisturbed = CrashAt(-1)
        expected = what_became_of(world, run_undisturbed(world, undisturbed))
    for seam in SEAMS_BY_BATCH:
        assert undisturbed.seen.count(seam) > 1, seam
    assert set(undisturbed.seen) >= SEAMS_MET_ONCE

    for number, seam in enumerate(undisturbed.seen):
        upload = a_world_in_the_middle(world)
        with pytest.raises(Crash):
            world.work_until(upload, CrashAt(number))
        upload.refresh_from_db()
        check_nothing_is_lost(world, upload)
        if upload.current_state is UploadState.IMPORTING:
            check_nothing_is_seen(world, upload)
            world.work(upload)
        else:
            assert seam == "published"
            clear(upload)
        assert what_became_of(world, upload) == expected, f"after a crash at {number}: {seam}"


def run_undisturbed(world: World, seam: CrashAt) -> Upload:
    upload = a_world_in_the_middle(world)
    world.work_until(upload, seam)
    upload.refresh_from_db()
    return upload


def clear(upload: Upload) -> None:
    clear_imported(upload.state_changed_at)
    upload.refresh_from_db()


def check_nothing_is_lost(world: World, upload: Upload) -> None:
    """Every staged byte is in the sealed area, or in the store and seen by readers of the project."""
    upload.project.refresh_from_db()
    area = world.store.sealed / str(upload.pk)
    seen = contents(world, upload.project)
    for path, content in ARRIVES.items():
        if not path.endswith("/") and not (area / path).exists():
            assert seen[path] == content


def check_nothing_is_seen(world: World, upload: Upload) -> None:
    assert upload.project.head == 1
    assert contents(world, upload.project) == BEFORE


def what_became_of(world: World, upload: Upload) -> dict[str, object]:
    """All that an import leaves behind, without ids and times."""
    project = upload.project
    project.refresh_from_db()
    assert contents(world, project) == AFTER
    entries = entries_page(upload.pk, limit=1000).items
    paper = receipt(upload.pk)
    versions = FileVersion.objects.filter(project=project)
    return {
        "state": (upload.state, upload.problems, upload.published_revision),
        "head": project.head,
        "before": contents(world, project, 1),
        "folders": folders(project),
        "versions": sorted(versions.values_list("name", "size_bytes", "since", "until")),
        "entries": sorted(
            (entry.path, entry.verdict, entry.state, entry.reason, entry.revision or 0) for entry in entries
        ),
        "receipt": (paper.files, paper.bytes, paper.problems, paper.revision, paper.verdicts),
        "problems": sorted(ImportProblem.objects.filter(run__upload=upload).values_list("code", flat=True)),
        "runs": ImportRun.objects.filter(upload=upload).count(),
        "revisions": sorted(Revision.objects.filter(project=project).values_list("number", "state", "files_added")),
        "left": staged(world.store.sealed / str(upload.pk)),
    }


def test_a_second_worker_that_takes_over_leaves_the_first_one_nothing_to_write(world: World) -> None:
    upload = a_world_in_the_middle(world)

    def stolen(seam: str) -> None:
        if seam == "placed":
            Upload.objects.filter(pk=upload.pk).update(fence=99, held_by="another|worker|of|1|1")

    with pytest.raises(LeaseLostError):
        world.work_until(upload, stolen)

    upload.project.refresh_from_db()
    assert upload.project.head == 1
    assert Revision.objects.get(upload_id=upload.pk).state == RevisionState.WAITING


def test_an_interrupted_register_does_not_hold_up_another_upload(world: World) -> None:
    interrupted = a_world_in_the_middle(world)
    with pytest.raises(Crash):
        world.work_until(interrupted, crash_at("register: range written"))
    project = Project.objects.get(pk=interrupted.project_id)
    assert project.registering_revision is not None
    other = world.a_sealed_upload({"other": b"of the other"}, project)

    # The interrupted one is tried again after a while; the other's worker is quicker.
    ImportRun.objects.filter(upload=interrupted).update(not_before=timezone.now() + timedelta(hours=1))
    world.work(other)
    assert contents(world, project) == {**BEFORE, "other": b"of the other"}

    ImportRun.objects.filter(upload=interrupted).update(not_before=None)
    world.work(interrupted)
    assert contents(world, project) == {**AFTER, "other": b"of the other"}
    registered = entries_page(interrupted.pk, state=EntryState.REGISTERED, limit=1000).items
    assert len(registered) > len(ARRIVES)
    assert {entry.revision for entry in registered} == {3}


def crash_at(seam: str) -> Callable[[str], None]:
    def crash(met: str) -> None:
        if met == seam:
            raise Crash(met)

    return crash


def test_a_staged_file_that_was_exchanged_after_publishing_stays_as_a_remnant(world: World) -> None:
    upload = world.a_sealed_upload({"a": b"first", "b": b"second"})
    area = world.store.sealed / str(upload.pk)

    def exchange(seam: str) -> None:
        if seam == "published":
            (area / "a").unlink()
            (area / "a").write_bytes(b"written by somebody who still had the folder open")

    world.work_until(upload, exchange)

    assert staged(area) == {"a"}
    assert contents(world, upload.project) == {"a": b"first", "b": b"second"}


def test_a_name_whose_object_is_gone_is_not_removed(world: World) -> None:
    upload = world.a_sealed_upload({"a": b"first", "b": b"second"})
    area = world.store.sealed / str(upload.pk)
    digest = sha256(b"first").hexdigest()

    def lose(seam: str) -> None:
        if seam == "published":
            Path(world.store.objects / digest[:2] / digest).unlink()

    world.work_until(upload, lose)

    assert staged(area) == {"a"}
