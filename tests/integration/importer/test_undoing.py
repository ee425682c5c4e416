"""Undo this import: asked for by a member, carried out by a worker, told to everyone whom it concerns."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from importlib import import_module
from pkgutil import iter_modules

import pytest
from django.apps import apps
from django.db import IntegrityError, transaction

from builders import a_member, a_membership, a_project, publish_files, read_whole
from importing import Crash, World, contents, folders
from moorage.audit.models import AuditRecord
from moorage.backends import backends
from moorage.files import migrations, undo_plan
from moorage.files.models import Revision, RevisionKind, RevisionState
from moorage.files.revisions import ask_revision
from moorage.files.taking import take_right
from moorage.jobs import revisions
from moorage.jobs.imports import claim_next
from moorage.jobs.setbacks import Setbacks
from moorage.leases import LeaseWatch
from moorage.notices.models import Notice
from moorage.projects.models import Project, Role
from moorage.transfers.models import Upload
from moorage.transfers.overview import overview
from moorage.transfers.rules import UploadNotFoundError, UploadRoleError
from moorage.transfers.undoing import (
    NothingToUndoError,
    NotPublishedHereError,
    UndoTooLateError,
    redo_import,
    undo_import,
    undo_standings,
)

pytestmark = pytest.mark.django_db(transaction=True)

BEFORE = {"kept": b"kept", "changes": b"old"}
ARRIVES = {"changes": b"new bytes", "kept": b"kept", "new": b"new", "deep/inner/file": b"deep", "empty/": b""}


def a_project_with_files(world: World) -> Project:
    project = a_project()
    publish_files(project, BEFORE, store=world.store)
    return project


def undone(upload: Upload, *, redo: bool = False, revision: int | None = None) -> Revision:
    """Asked for by the upload's owner, and carried out by a worker."""
    ask = redo_import if redo else undo_import
    asked = ask(upload=upload, actor=upload.owner, at=backends().clock(), revision=revision)
    carry_out()
    asked.refresh_from_db()
    return asked


def carry_out(between: Callable[[], None] = lambda: None) -> None:
    """A worker that finds an undo and does it."""
    setbacks = Setbacks()
    lease = revisions.claim_next(LeaseWatch(), setbacks)
    assert lease is not None
    revisions.work(lease, setbacks, between=between)


def test_an_import_is_undone_and_redone(world: World) -> None:
    project = a_project_with_files(world)
    before = contents(world, project)
    upload = world.imported(ARRIVES, project)
    imported, imported_folders = contents(world, project), folders(project)

    first = undone(upload)
    assert (first.state, first.number) == (RevisionState.PUBLISHED, 3)
    assert contents(world, project) == before
    assert folders(project) == folders(project, 1)
    again = undone(upload, redo=True)
    assert (again.state, again.number) == (RevisionState.PUBLISHED, 4)
    assert contents(world, project) == imported
    assert folders(project) == imported_folders


def test_the_same_upload_can_be_sent_again_after_its_undo(world: World) -> None:
    project = a_project_with_files(world)
    upload = world.imported(ARRIVES, project)
    imported = contents(world, project)
    undone(upload)

    world.imported(ARRIVES, project)

    assert contents(world, project) == imported


def test_what_a_later_import_found_identical_is_kept_for_it(world: World) -> None:
    project = a_project_with_files(world)
    upload = world.imported(ARRIVES, project)
    other = world.imported({"new": b"new", "empty/": b"", "deep/other": b"other"}, project)

    undone(upload)

    now = read_whole(project.pk)
    assert {"new", "empty", "deep/other"} <= set(now)
    assert "deep/inner" not in now
    notice = Notice.objects.get(member=upload.owner, kind="upload.undone")
    assert "1 path is left alone" in notice.text
    assert "- new (a later import brought the same file)" in notice.text

    undone(other)
    assert "deep/other" not in read_whole(project.pk)


def test_an_import_that_only_an_undone_import_repeated_is_undone_wholly(world: World) -> None:
    project = a_project_with_files(world)
    before = contents(world, project)
    upload = world.imported(ARRIVES, project)
    undone(world.imported({"new": b"new"}, project))

    undone(upload)

    assert contents(world, project) == before


def test_where_everything_has_changed_nothing_is_published_and_it_can_be_asked_again(world: World) -> None:
    project = a_project_with_files(world)
    upload = world.imported({"new": b"new"}, project)
    publish_files(project, {"new": b"newer"}, store=world.store)

    failed = undone(upload)

    assert (failed.state, failed.reason) == (RevisionState.FAILED, "undo.nothing_left")
    assert contents(world, project)["new"] == b"newer"
    notice = Notice.objects.get(member=upload.owner, kind="upload.not_undone")
    assert "nothing was changed" in notice.text
    assert "- new (something else stands there now)" in notice.text
    asked = undo_import(upload=upload, actor=upload.owner, at=backends().clock())
    assert asked.pk != failed.pk


def test_the_asker_and_the_uploader_are_told_and_it_is_recorded(world: World) -> None:
    project = a_project_with_files(world)
    upload = world.imported(ARRIVES, project)
    owner = a_member("Olga")
    a_membership(project, owner, Role.OWNER)

    undo_import(upload=upload, actor=owner, at=backends().clock())
    carry_out()

    for member in (owner, upload.owner):
        notice = Notice.objects.get(member=member, kind="upload.undone")
        assert "2 files are gone, and 1 file has its earlier content again." in notice.text
    acts = AuditRecord.objects.filter(object_id=str(upload.pk), act__contains="undo").order_by("pk")
    assert [(act.act, act.actor_id) for act in acts] == [("upload.undo_asked", owner.pk), ("upload.undone", owner.pk)]


def test_asking_twice_is_asking_once(world: World) -> None:
    upload = world.imported(ARRIVES, a_project_with_files(world))
    at = backends().clock()

    waiting = undo_import(upload=upload, actor=upload.owner, at=at)
    assert undo_import(upload=upload, actor=upload.owner, at=at) == waiting
    carry_out()
    assert undo_import(upload=upload, actor=upload.owner, at=at) == waiting
    redone = redo_import(upload=upload, actor=upload.owner, at=at)
    assert redo_import(upload=upload, actor=upload.owner, at=at) == redone
    carry_out()
    assert redo_import(upload=upload, actor=upload.owner, at=at) == redone
    assert Revision.objects.filter(kind=RevisionKind.UNDO).count() == 2


def test_no_revision_is_undone_twice_at_once(world: World) -> None:
    upload = world.imported(ARRIVES, a_project_with_files(world))
    waiting = undo_import(upload=upload, actor=upload.owner, at=backends().clock())

    with pytest.raises(IntegrityError), transaction.atomic():
        ask_revision(
            project=upload.project, kind=RevisionKind.UNDO, by=None, at=backends().clock(), undoes=waiting.undoes
        )


def test_who_may_not_finish_the_upload_may_not_undo_it(world: World) -> None:
    upload = world.imported(ARRIVES, a_project_with_files(world))
    editor, stranger = a_member(), a_member()
    a_membership(upload.project, editor, Role.EDITOR)

    with pytest.raises(UploadRoleError):
        undo_import(upload=upload, actor=editor, at=backends().clock())
    with pytest.raises(UploadNotFoundError):
        redo_import(upload=upload, actor=stranger, at=backends().clock())
    assert not Revision.objects.filter(kind=RevisionKind.UNDO).exists()


def test_what_cannot_be_undone_is_refused_with_its_reason(world: World) -> None:
    upload = world.imported(ARRIVES, a_project_with_files(world))
    unpublished, _ = world.an_area(upload.project)
    at = backends().clock()

    with pytest.raises(NothingToUndoError):
        undo_import(upload=unpublished, actor=unpublished.owner, at=at)
    with pytest.raises(NotPublishedHereError):
        undo_import(upload=upload, actor=upload.owner, at=at, revision=1)
    with pytest.raises(NothingToUndoError):
        redo_import(upload=upload, actor=upload.owner, at=at)
    with pytest.raises(UndoTooLateError):
        undo_import(upload=upload, actor=upload.owner, at=at + timedelta(days=91))
    waiting = undo_import(upload=upload, actor=upload.owner, at=at)
    with pytest.raises(NothingToUndoError):
        redo_import(upload=upload, actor=upload.owner, at=at)
    assert waiting.state == RevisionState.WAITING


@pytest.mark.parametrize("steps", [1, 2, 4, 6])
def test_a_worker_that_dies_in_the_middle_is_followed_by_one_that_begins_anew(
    world: World, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undo_plan, "CHUNK_ROWS", 1)
    project = a_project_with_files(world)
    before = contents(world, project)
    upload = world.imported(ARRIVES, project)
    imported, done = contents(world, project), []
    asked = undo_import(upload=upload, actor=upload.owner, at=backends().clock())

    def dies() -> None:
        assert contents(world, project) == imported
        done.append(1)
        if len(done) == steps:
            raise Crash

    with pytest.raises(Crash):
        carry_out(dies)
    assert revisions.claim_next(LeaseWatch(), Setbacks()) is None, "its worker may still live"
    # Its process is gone, and everyone may see that.
    Revision.objects.filter(pk=asked.pk).update(held_by="")
    carry_out()

    asked.refresh_from_db()
    assert (asked.state, asked.number, asked.held_by) == (RevisionState.PUBLISHED, 3, "")
    assert contents(world, project) == before
    assert Notice.objects.filter(kind="upload.undone").count() == 1


def test_a_worker_that_lost_its_lease_publishes_nothing(world: World) -> None:
    project = a_project_with_files(world)
    upload = world.imported(ARRIVES, project)
    imported = contents(world, project)
    asked = undo_import(upload=upload, actor=upload.owner, at=backends().clock())

    def taken() -> None:
        Revision.objects.filter(pk=asked.pk).update(held_by="", fence=99)

    carry_out(taken)

    assert contents(world, project) == imported
    carry_out()
    asked.refresh_from_db()
    assert asked.state == RevisionState.PUBLISHED


def test_an_import_takes_the_right_of_an_undo_whose_worker_is_gone_and_the_undo_follows(world: World) -> None:
    project = a_project_with_files(world)
    upload = world.imported(ARRIVES, project)
    asked = undo_import(upload=upload, actor=upload.owner, at=backends().clock())
    assert take_right(revision=asked, may_take=lambda _: False) is not None

    world.imported({"other": b"other"}, project)
    carry_out()

    asked.refresh_from_db()
    assert asked.number == 4
    assert contents(world, project) == {**BEFORE, "other": b"other"}


def test_a_bug_makes_an_undo_rest_and_then_fail_with_a_reference(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = world.imported(ARRIVES, a_project_with_files(world))
    asked = undo_import(upload=upload, actor=upload.owner, at=backends().clock())
    now = [0.0]
    setbacks = Setbacks(monotonic=lambda: now[0])

    def breaks() -> None:
        raise ZeroDivisionError

    for _ in range(revisions.TRIES):
        lease = revisions.claim_next(LeaseWatch(), setbacks)
        assert lease is not None
        revisions.work(lease, setbacks, between=breaks)
        assert revisions.claim_next(LeaseWatch(), setbacks) is None
        now[0] += 1000

    asked.refresh_from_db()
    assert (asked.state, asked.reason) == (RevisionState.FAILED, "bug")
    assert "Tell the operator this reference" in Notice.objects.get(kind="upload.not_undone").text


def test_the_upload_says_what_becomes_of_it(world: World) -> None:
    upload = world.imported(ARRIVES, a_project_with_files(world))
    at = backends().clock()

    undo_import(upload=upload, actor=upload.owner, at=at)
    assert overview(upload, viewer=upload.owner).label.label == "Undoing"
    carry_out()
    assert overview(upload, viewer=upload.owner).label.label == "Undone"
    assert undo_standings(upload, at=at)[0].may_be_redone
    redo_import(upload=upload, actor=upload.owner, at=at)
    assert overview(upload, viewer=upload.owner).label.label == "Redoing"
    carry_out()
    assert overview(upload, viewer=upload.owner).label.label == "Imported"
    assert claim_next(LeaseWatch()) is None


def partly_undone(world: World) -> Upload:
    upload = world.imported(ARRIVES, a_project_with_files(world))
    publish_files(upload.project, {"deep/inner/file": b"newer"}, removed=["new"], store=world.store)
    undone(upload)
    return upload


def test_what_an_undo_left_alone_stays_to_be_told(world: World) -> None:
    upload = partly_undone(world)

    [standing] = undo_standings(upload, at=backends().clock())
    assert (standing.is_undone, standing.left_alone, standing.more_left) == (True, 2, 0)
    assert dict(standing.left_named) == {
        "new": "it has been moved or removed since",
        "deep/inner/file": "something else stands there now",
    }
    shown = overview(upload, viewer=upload.owner)
    assert shown.label.label == "Partly undone"
    assert "2 paths were left alone" in shown.state_text
    assert "what it did to the project has been taken back" not in shown.state_text


def test_a_redo_that_leaves_paths_alone_is_told_as_one(world: World) -> None:
    project = a_project_with_files(world)
    upload = world.imported(ARRIVES, project)
    undone(upload)
    publish_files(project, {"changes": b"somebody's"}, store=world.store)

    undone(upload, redo=True)

    shown = overview(upload, viewer=upload.owner)
    assert (shown.label.label, "1 path was left alone" in shown.state_text) == ("Partly redone", True)


def test_what_earlier_undos_left_alone_is_taken_from_their_records(world: World) -> None:
    upload = partly_undone(world)
    other = world.imported({"other": b"other"}, upload.project)
    undone(other)
    tips = {one.pk: undo_standings(one, at=backends().clock())[0].chain.tip for one in (upload, other)}
    Revision.objects.update(left_alone=0, left_named=[])

    [name] = [one.name for one in iter_modules(migrations.__path__) if one.name.endswith("what_undos_left_alone")]
    import_module(f"{migrations.__name__}.{name}").from_audit(apps, None)

    for upload_id, left in ((upload.pk, 2), (other.pk, 0)):
        now = Revision.objects.get(pk=tips[upload_id].pk)
        assert (now.left_alone, now.left_named) == (left, tips[upload_id].left_named)
