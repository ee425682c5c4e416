"""Registering early: what is placed goes above the head while other files still are placed, as long as nobody minds."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from builders import a_project, publish_files
from importing import Crash, World, contents, fill
from moorage.backends import backends
from moorage.files.fixity import FixityChecks
from moorage.files.leftovers import clear_leftovers
from moorage.files.models import FileVersion, ObjectState, Revision, RevisionState, StoredObject
from moorage.files.registering import RevisionEndedError
from moorage.files.taking import keep_right, take_early, take_right
from moorage.importer.models import ImportRun, ManifestEntry
from moorage.importer.register import early, ranges
from moorage.importer.register.object_rows import revive
from moorage.projects.models import Project
from moorage.storage.fixity import Throttle
from moorage.transfers.models import Upload
from small_steps import small_steps

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE = {"folder/changes": b"old", "stays": b"stays"}
LARGE = {f"folder/{number}": b"%d" % number for number in range(20)} | {
    "folder/changes": b"new",
    "new folder/file": b"f",
}
SMALL = {"folder/small": b"small"}


@pytest.fixture(autouse=True)
def _small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name, value in small_steps(files=3, rows=4):
        monkeypatch.setattr(module, name, value)
    monkeypatch.setattr(early, "MOST_ROWS", 1000)


@pytest.fixture
def project(world: World) -> Project:
    made = a_project()
    publish_files(made, BEFORE, store=world.store)
    return made


def above(project: Project) -> int:
    """How many file versions stand above the head."""
    project.refresh_from_db()
    return FileVersion.objects.filter(project=project, since__gt=project.head).count()


def at_last_batch(act: Callable[[], None]) -> Callable[[str], None]:
    """A seam at which everything is placed and nothing is published."""

    def seam(met: str) -> None:
        if met == "scanned":
            act()

    return seam


def test_all_is_registered_when_all_is_placed_and_nobody_sees_it_before_it_is_published(
    world: World, project: Project
) -> None:
    upload = world.a_sealed_upload(LARGE, project)
    seams: list[str] = []
    found: list[int] = []

    def seam(met: str) -> None:
        seams.append(met)
        if met == "scanned":
            found.append(above(project))
            assert contents(world, project) == BEFORE

    world.work_until(upload, seam)

    assert found == [len(LARGE)]
    assert "right kept" in seams
    assert "register: range written" not in seams
    assert contents(world, project) == BEFORE | LARGE
    assert contents(world, project, 1) == BEFORE


def test_what_is_more_than_others_should_have_to_clear_is_registered_in_the_end(
    world: World, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(early, "MOST_ROWS", 8)
    seams: list[str] = []
    upload = world.a_sealed_upload(LARGE, project)

    world.work_until(upload, seams.append)

    assert "right kept" in seams
    assert "register: range written" in seams
    assert contents(world, project) == BEFORE | LARGE


def test_a_small_import_is_published_while_a_large_one_registers_early(world: World, project: Project) -> None:
    upload = world.a_sealed_upload(LARGE, project)
    seams: list[str] = []

    def small_one() -> None:
        assert above(project)
        world.imported(SMALL, project)
        assert contents(world, project) == BEFORE | SMALL

    act = at_last_batch(small_one)

    def seam(met: str) -> None:
        seams.append(met)
        act(met)

    world.work_until(upload, seam)

    assert "right taken" in seams
    assert contents(world, project) == BEFORE | SMALL | LARGE
    assert contents(world, project, 2) == BEFORE | SMALL
    assert contents(world, project, 1) == BEFORE


def test_a_folder_that_another_import_made_a_file_meanwhile_is_planned_again(world: World, project: Project) -> None:
    upload = world.a_sealed_upload(LARGE, project)

    def a_file_there() -> None:
        world.imported({"new folder": b"a file"}, project)

    world.work_until(upload, at_last_batch(a_file_there))

    upload.refresh_from_db()
    rest = {path: content for path, content in LARGE.items() if path != "new folder/file"}
    assert contents(world, project) == BEFORE | rest | {"new folder": b"a file"}
    assert upload.problems > 0


def test_a_file_that_has_to_wait_ends_it_and_is_imported_all_the_same(world: World, project: Project) -> None:
    upload, area = world.an_area(project)
    fill(area, LARGE)
    sealed = world.seal(upload)
    held = (sealed / "folder/3").open("ab")
    seams: list[str] = []

    def seam(met: str) -> None:
        seams.append(met)
        if met == "scanned":
            held.close()

    world.work_until(upload, seam)

    assert "right kept" not in seams
    assert contents(world, project) == BEFORE | LARGE


def test_an_object_that_is_doomed_meanwhile_ends_it_and_is_set_live_by_the_real_register_step(
    world: World, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = world.a_sealed_upload(LARGE, project)
    seams: list[str] = []
    revived: list[int] = []

    def revive_noted(object_ids: list[int]) -> None:
        revived.extend(object_ids if "scanned" not in seams else [])
        revive(object_ids)

    def seam(met: str) -> None:
        if met == "manifest: objects written" and met not in seams:
            StoredObject.objects.update(state=ObjectState.DOOMED)
        seams.append(met)

    monkeypatch.setattr(ranges, "revive", revive_noted)
    world.work_until(upload, seam)

    assert revived == []
    assert "right kept" not in seams
    assert contents(world, project) == BEFORE | LARGE
    objects = ManifestEntry.objects.filter(upload_id=upload.pk, kind="file").values("stored_object__state")
    assert {one["stored_object__state"] for one in objects} == {ObjectState.LIVE}


def test_what_a_failed_import_left_above_the_head_is_cleared_although_nothing_else_comes(
    world: World, project: Project
) -> None:
    upload = world.a_sealed_upload(LARGE, project)

    def crash() -> None:
        raise Crash

    with pytest.raises(Crash):
        world.work_until(upload, at_last_batch(crash))
    assert above(project) == len(LARGE)
    assert clear_leftovers() == 0, "its worker may still come back"

    Revision.objects.filter(upload_id=upload.pk).update(state=RevisionState.FAILED)
    assert clear_leftovers() == 1

    assert above(project) == 0
    assert contents(world, project) == BEFORE
    assert clear_leftovers() == 0


def test_an_object_that_is_damaged_after_it_was_registered_early_is_placed_anew(world: World, project: Project) -> None:
    upload = world.a_sealed_upload({"again": BEFORE["stays"], "other": b"1", "more": b"2"}, project)

    def damage() -> None:
        stored = FileVersion.objects.get(project=project, name="stays").stored_object
        path = world.store.objects / stored.digest[:2] / stored.digest
        path.chmod(0o644)
        path.write_bytes(b"STAYS")
        FixityChecks(world.store, backends().clock, Throttle(0)).check(stored)
        stored.refresh_from_db()
        assert stored.state == ObjectState.DAMAGED

    world.work_until(upload, at_last_batch(damage))

    assert FileVersion.objects.get(project=project, name="again").stored_object.state == ObjectState.LIVE
    assert contents(world, project)["again"] == contents(world, project)["stays"] == b"stays"


def test_a_second_try_that_has_listed_nothing_before_plans_against_the_newest_head(
    world: World, project: Project
) -> None:
    upload = world.a_sealed_upload(LARGE, project)

    def die(met: str) -> None:
        if met == "place: batch ordered":
            raise Crash

    with pytest.raises(Crash):
        world.work_until(upload, die)
    assert not ManifestEntry.objects.filter(upload_id=upload.pk, kind="file").exists()
    publish_files(project, {"folder/changes": b"of others"}, store=world.store)

    world.work_until(upload, at_last_batch(lambda: None))

    run = ImportRun.objects.get(upload=upload)
    entry = ManifestEntry.objects.get(upload_id=upload.pk, name="changes")
    assert (run.planned_revision, entry.verdict) == (2, "new_version")
    assert contents(world, project)["folder/changes"] == b"new"
    assert contents(world, project, 2)["folder/changes"] == b"of others"


def test_the_right_is_anybodys_until_it_is_kept(world: World, project: Project) -> None:
    project.refresh_from_db()
    ours, theirs = (_waiting_revision(world, project) for _ in range(2))
    assert take_early(revision=ours, head=project.head + 1) is None, "of another revision than the plan's"
    held = take_early(revision=ours, head=project.head)
    assert held is not None
    assert take_early(revision=theirs, head=project.head) is None, "early is not a reason to take it"

    assert take_right(revision=theirs, may_take=lambda _: False) is not None

    assert not held.hold()
    assert keep_right(held, ours) is None
    ours.refresh_from_db()
    assert ours.state == RevisionState.WAITING


def test_a_right_that_is_kept_is_nobody_elses(world: World, project: Project) -> None:
    project.refresh_from_db()
    ours, theirs = (_waiting_revision(world, project) for _ in range(2))
    held = take_early(revision=ours, head=project.head)
    assert held is not None

    kept = keep_right(held, ours)

    assert kept is not None
    assert kept.hold()
    assert not held.hold(), "whoever has seen that it was early must see that it is not any more"
    assert take_right(revision=theirs, may_take=lambda _: False) is None
    Revision.objects.filter(pk=ours.pk).update(state=RevisionState.FAILED)
    with pytest.raises(RevisionEndedError):
        keep_right(kept, ours)


def _waiting_revision(world: World, project: Project) -> Revision:
    upload: Upload = world.a_sealed_upload({"a": b"a"}, project)
    return Revision.objects.create(project=project, kind="import", upload_id=upload.pk)
