"""Remove, move and restore: revisions like every other, and nothing is ever overwritten."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from builders import NOON, a_member, a_membership, a_project, publish_files, read_whole, register_files
from moorage.audit.models import AuditRecord
from moorage.files import change_effects, restoring, subtrees, undo_plan
from moorage.files.change_effects import ChangeEffect
from moorage.files.change_refusals import (
    InTheWayError,
    NothingToRestoreError,
    OtherKindError,
    ParentIsFileError,
    PathTooLongError,
)
from moorage.files.change_requests import ChangeRequest, read_request
from moorage.files.changing import ask_change, foresee_change, write_change
from moorage.files.items import RevisionNotFoundError
from moorage.files.models import FileVersion, Revision, RevisionKind, RevisionState
from moorage.files.paths import PathNotFoundError
from moorage.files.registering import RegisterRight, RightLostError, fail_revision, publish
from moorage.files.revisions import ask_revision
from moorage.files.taking import take_right
from moorage.files.undoing import write_undo
from moorage.projects.models import Project, Role
from moorage.projects.rules import ProjectNotFoundError, ProjectRoleError

pytestmark = pytest.mark.django_db

TREE = {
    "top": b"top",
    "scans/day 1/a": b"a",
    "scans/day 1/b": b"bb",
    "scans/day 1/c": b"ccc",
    "scans/day 2/raw/a": b"another a",
    "scans/notes": b"notes",
    "other/kept": b"kept",
}


class Crash(BaseException):
    """The process dies here."""


@pytest.fixture(autouse=True)
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a small tree has several batches."""
    monkeypatch.setattr(undo_plan, "CHUNK_ROWS", 2)
    monkeypatch.setattr(change_effects, "BATCH_ROWS", 2)
    monkeypatch.setattr(subtrees, "FILES_PER_PIECE", 2)
    monkeypatch.setattr(subtrees, "FOLDERS_PER_PIECE", 2)


@pytest.fixture
def project() -> Project:
    project = a_project()
    publish_files(project, TREE, folders=["scans/empty/inner"])
    return project


def remove(*paths: str) -> ChangeRequest:
    return read_request(RevisionKind.REMOVE, paths)


def move(*paths: str, to: str) -> ChangeRequest:
    return read_request(RevisionKind.MOVE, paths, target=to)


def restore(*paths: str, revision: int) -> ChangeRequest:
    return read_request(RevisionKind.RESTORE, paths, revision=revision)


def asked(project: Project, request: ChangeRequest) -> Revision:
    project.refresh_from_db()
    return ask_change(project=project, actor=project.created_by, request=request, at=NOON)


def written(revision: Revision, *, between: Callable[[], None] = lambda: None) -> ChangeEffect:
    right = take_right(revision=revision, may_take=lambda _: False)
    assert right is not None
    effect = write_change(right, revision, between=between)
    publish(right, at=NOON, counts=effect.counts)
    return effect


def change(project: Project, request: ChangeRequest) -> ChangeEffect:
    """Ask for it and write it; what the page would have told beforehand is what comes."""
    project.refresh_from_db()
    foreseen = foresee_change(project, request)
    effect = written(asked(project, request))
    foreseen.stays = effect.stays
    assert effect == foreseen
    project.refresh_from_db()
    return effect


def files_of(project: Project, revision: int | None = None) -> dict[str, str]:
    return {path: what for path, what in read_whole(project.pk, revision).items() if isinstance(what, str)}


def test_removed_files_and_folders_are_gone_and_stay_in_earlier_revisions(project: Project) -> None:
    before = read_whole(project.pk)

    effect = change(project, remove("scans/day 1", "top", "scans/notes"))

    now = read_whole(project.pk)
    assert set(now) == {
        "", "scans", "scans/day 2", "scans/day 2/raw", "scans/day 2/raw/a", "scans/empty", "scans/empty/inner",
        "other", "other/kept",
    }  # fmt: skip
    assert now["scans"] == (1, 9)
    assert now[""] == (2, 13)
    assert read_whole(project.pk, 1) == before
    assert (effect.removed, effect.bytes) == (5, 14)
    newest = Revision.objects.get(project=project, number=2)
    assert (newest.files_added, newest.files_changed, newest.files_removed, newest.bytes_added) == (0, 0, 5, 0)


def test_a_project_can_be_emptied_and_filled_again(project: Project) -> None:
    before = read_whole(project.pk)
    change(project, remove("scans", "top", "other"))
    assert read_whole(project.pk) == {"": (0, 0)}

    change(project, restore("", revision=1))

    assert read_whole(project.pk) == before


def test_a_folder_is_renamed_with_all_that_is_in_it(project: Project) -> None:
    before = read_whole(project.pk)
    versions = set(FileVersion.objects.filter(name="a").values_list("stored_object", "modified_at"))

    effect = change(project, move("scans", to="runs"))

    expected = {
        ("runs" + path[5:] if path == "scans" or path.startswith("scans/") else path): what
        for path, what in before.items()
    }
    assert read_whole(project.pk) == expected
    assert read_whole(project.pk, 1) == before
    assert (effect.added, effect.removed, effect.bytes) == (5, 5, 20)
    assert set(FileVersion.objects.filter(name="a").values_list("stored_object", "modified_at")) == versions


def test_a_file_is_renamed_into_a_folder_that_is_made_for_it(project: Project) -> None:
    change(project, move("top", to="new/folder/name"))

    now, before = read_whole(project.pk), read_whole(project.pk, 1)
    assert "top" not in now
    assert now["new/folder/name"] == before["top"]
    assert now["new"] == now["new/folder"] == (1, 3)
    assert now[""] == before[""]


def test_several_go_into_one_folder(project: Project) -> None:
    change(project, move("top", "scans/day 1", "scans/empty", to="other"))

    now = read_whole(project.pk)
    assert {"other/top", "other/day 1/a", "other/day 1/c", "other/empty/inner", "other/kept"} <= set(now)
    assert now["other"] == (5, 13)
    assert now["other/empty"] == (0, 0)
    assert not {"top", "scans/day 1", "scans/empty"} & set(now)


def test_what_was_moved_can_be_moved_back_and_its_old_place_taken_again(project: Project) -> None:
    before = read_whole(project.pk)
    change(project, move("scans", to="runs"))
    change(project, move("runs/day 2/raw", to="/"))
    change(project, move("raw", to="runs/day 2/"))
    change(project, move("runs", to="scans"))

    assert read_whole(project.pk) == before


def test_a_move_into_a_place_below_where_it_was_empties_nothing_else(project: Project) -> None:
    change(project, move("scans/day 1", to="scans/old/day 1"))

    now = read_whole(project.pk)
    assert now["scans/old/day 1"] == (3, 6)
    assert now["scans"] == (5, 20)


@pytest.mark.parametrize(
    ("paths", "target", "error", "path"),
    [
        (["top"], "scans", InTheWayError, "scans"),
        (["top"], "other/kept", InTheWayError, "other/kept"),
        (["scans/day 1", "scans/notes"], "other/kept", ParentIsFileError, "other/kept/day 1"),
        (["scans"], "top/scans", ParentIsFileError, "top/scans"),
        (["scans"], "top/x/scans", ParentIsFileError, "top/x/scans"),
        (["scans/day 1/a"], "scans/day 2/raw/", InTheWayError, "scans/day 2/raw/a"),
    ],
)
def test_nothing_is_overwritten_by_a_move(
    project: Project, paths: list[str], target: str, error: type[InTheWayError], path: str
) -> None:
    with pytest.raises(error) as caught:
        asked(project, move(*paths, to=target))

    assert caught.value.path == path
    assert f"“{path}”" in str(caught.value)
    assert not Revision.objects.filter(state=RevisionState.WAITING).exists()


def test_a_path_that_would_become_too_long_refuses_the_whole_move() -> None:
    project = a_project()
    deep = "/".join(["d" * 200] * 10)
    publish_files(project, {f"a/{deep}/file": b"1", "a/b": b"2"})
    before = read_whole(project.pk)
    revision = asked(project, move("a", to="/".join(["e" * 200] * 11)))

    with pytest.raises(PathTooLongError) as caught:
        written(revision)

    assert caught.value.path.startswith("a/")
    assert read_whole(project.pk) == before


def test_what_is_not_there_is_neither_removed_nor_moved_nor_restored(project: Project) -> None:
    for request in (remove("top", "gone"), move("gone", to="x"), restore("gone", revision=1)):
        with pytest.raises(PathNotFoundError) as caught:
            asked(project, request)
        assert caught.value.path == "gone"
    with pytest.raises(RevisionNotFoundError):
        asked(project, restore("top", revision=2))


def test_a_file_is_restored_with_its_earlier_bytes_and_times(project: Project) -> None:
    publish_files(project, {"top": b"newer", "scans/notes": b"newer"}, at=NOON.replace(year=2027))
    first = FileVersion.objects.get(name="top", since=1)

    effect = change(project, restore("top", revision=1))

    now = FileVersion.objects.get(name="top", until=None)
    assert (now.since, now.stored_object_id, now.modified_at) == (3, first.stored_object_id, first.modified_at)
    assert (effect.added, effect.changed, effect.same) == (0, 1, 0)
    assert files_of(project)["scans/notes"] == files_of(project, 2)["scans/notes"]
    first.refresh_from_db()
    assert (first.since, first.until) == (1, 2)


def test_a_folder_is_restored_and_what_has_come_since_stays(project: Project) -> None:
    before = read_whole(project.pk)
    publish_files(
        project,
        {"scans/day 1/a": b"newer", "scans/day 1/new": b"new", "scans/day 3/x": b"x"},
        removed=["scans/day 1/b", "scans/notes"],
    )
    change(project, remove("scans/day 2", "scans/empty"))
    project.refresh_from_db()
    assert foresee_change(project, restore("scans", revision=1)).stays == 2

    effect = change(project, restore("scans", revision=1))

    now = read_whole(project.pk)
    assert (effect.added, effect.changed, effect.same, effect.folders) == (3, 1, 1, 4)
    assert {path: what for path, what in now.items() if isinstance(what, str) and path in before} == {
        path: what for path, what in before.items() if isinstance(what, str)
    }
    assert now["scans/empty/inner"] == (0, 0)
    assert {"scans/day 1/new", "scans/day 3/x"} <= set(now)
    assert now["scans"] == (7, 20 + 3 + 1)


def test_a_restore_writes_nothing_where_the_bytes_are_the_same(project: Project) -> None:
    publish_files(project, {"scans/day 1/a": b"newer"})
    versions = FileVersion.objects.count()

    change(project, restore("scans", "top", revision=1))

    assert FileVersion.objects.count() == versions + 1


def test_a_restore_that_would_change_nothing_is_refused(project: Project) -> None:
    for request in (restore("scans", revision=1), restore("top", revision=1), restore("", revision=1)):
        with pytest.raises(NothingToRestoreError):
            asked(project, request)


def test_a_folder_alone_can_be_restored(project: Project) -> None:
    change(project, remove("scans/empty"))

    effect = change(project, restore("scans/empty", revision=1))

    assert read_whole(project.pk) == read_whole(project.pk, 1)
    assert (effect.added, effect.folders) == (0, 2)


def test_a_file_is_not_restored_over_a_folder_nor_a_folder_over_a_file(project: Project) -> None:
    change(project, remove("top", "scans"))
    publish_files(project, {"top/inside": b"a folder now", "scans": b"a file now"})

    for path, says in (("top", "“top” was a file and is a folder"), ("scans", "“scans” was a folder and is a file")):
        with pytest.raises(OtherKindError, match=says):
            asked(project, restore(path, revision=1))
    with pytest.raises(OtherKindError):
        asked(project, restore("", revision=1))
    with pytest.raises(OtherKindError):
        asked(project, restore("scans/day 1", revision=1))
    with pytest.raises(ParentIsFileError):
        asked(project, restore("scans/notes", revision=1))
    foreseen = foresee_change(project, restore("", revision=1))
    assert {refusal.path for refusal in foreseen.refusals} >= {"top", "scans", "scans/day 1"}


def test_a_large_restore_tells_that_only_the_first_files_were_counted(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(project, remove("scans"))
    monkeypatch.setattr(restoring, "PREVIEW_FILES", 2)

    foreseen = foresee_change(project, restore("scans", revision=1))

    assert not foreseen.is_whole
    assert 2 <= foreseen.added < 5


def test_only_editors_and_owners_change_files(project: Project) -> None:
    viewer, editor, stranger = a_member(), a_member(), a_member()
    a_membership(project, viewer, Role.VIEWER)
    a_membership(project, editor, Role.EDITOR)
    for actor, error in ((viewer, ProjectRoleError), (stranger, ProjectNotFoundError)):
        with pytest.raises(error):
            ask_change(project=project, actor=actor, request=remove("top"), at=NOON)
    assert not Revision.objects.filter(kind=RevisionKind.REMOVE).exists()

    revision = ask_change(project=project, actor=editor, request=remove("top"), at=NOON)

    record = AuditRecord.objects.get(act="revision.asked", object_id=str(revision.pk))
    assert (record.actor_id, record.data) == (editor.pk, {"kind": "remove", "paths": ["top"]})


REQUESTS = [
    remove("scans", "top"),
    move("scans", "top", to="other/"),
    move("scans", to="x/y"),
]


@pytest.mark.parametrize("request_", REQUESTS)
@pytest.mark.parametrize("steps", [1, 2, 4, 9])
def test_a_change_that_dies_in_the_middle_begins_anew(project: Project, request_: ChangeRequest, steps: int) -> None:
    before = read_whole(project.pk)
    undisturbed = a_project()
    publish_files(undisturbed, TREE, folders=["scans/empty/inner"])
    change(undisturbed, request_)
    revision, done = asked(project, request_), []

    def dies() -> None:
        assert read_whole(project.pk) == before, "readers see the whole of the old revision until the new one"
        done.append(1)
        if len(done) == steps:
            raise Crash

    try:
        written(revision, between=dies)
    except Crash:
        assert read_whole(project.pk) == before
        written(revision)
    else:
        assert len(done) < steps

    assert read_whole(project.pk) == read_whole(undisturbed.pk)
    assert read_whole(project.pk, 1) == before


@pytest.mark.parametrize("steps", [1, 3, 7])
def test_a_restore_that_dies_in_the_middle_begins_anew(project: Project, steps: int) -> None:
    before = read_whole(project.pk)
    change(project, remove("scans"))
    publish_files(project, {"top": b"newer"})
    revision, done = asked(project, restore("", revision=1)), []

    def dies() -> None:
        done.append(1)
        if len(done) == steps:
            raise Crash

    with pytest.raises(Crash):
        written(revision, between=dies)
    assert read_whole(project.pk) == read_whole(project.pk, 3)
    written(revision)

    assert read_whole(project.pk) == before
    assert "scans" not in read_whole(project.pk, 3)


def test_a_change_that_lost_its_right_writes_nothing_more(project: Project) -> None:
    revision = asked(project, move("scans", to="runs"))
    another = ask_revision(project=project, kind=RevisionKind.IMPORT, by=None, at=NOON)
    stolen: list[RegisterRight] = []

    def loses() -> None:
        if not stolen:
            right = take_right(revision=another, may_take=lambda _: True)
            assert right is not None
            register_files(right, {"other/new": b"new"})
            stolen.append(right)

    with pytest.raises(RightLostError):
        written(revision, between=loses)
    assert read_whole(project.pk) == read_whole(project.pk, 1)
    publish(stolen[0], at=NOON, counts=ChangeEffect().counts)
    written(revision)

    assert {"other/new", "runs/notes"} <= set(read_whole(project.pk))


def test_what_an_import_brought_meanwhile_is_in_the_way(project: Project) -> None:
    moving, removing = asked(project, move("scans", to="runs")), asked(project, remove("scans/notes"))
    publish_files(project, {"runs": b"came first"}, removed=["scans/notes"])
    before = read_whole(project.pk)

    with pytest.raises(InTheWayError) as caught:
        written(moving)
    assert caught.value.path == "runs"
    fail_revision(moving, caught.value.code, at=NOON)
    with pytest.raises(PathNotFoundError) as gone:
        written(removing)
    assert gone.value.path == "scans/notes"

    assert read_whole(project.pk) == before


@pytest.mark.parametrize(
    "request_", [remove("scans", "top"), move("scans", to="x/y"), move("top", "scans", to="other")]
)
def test_a_change_can_be_undone(project: Project, request_: ChangeRequest) -> None:
    before = read_whole(project.pk)
    change(project, request_)
    changed = read_whole(project.pk)
    for expected in (before, changed):
        project.refresh_from_db()
        undone = Revision.objects.get(project=project, number=project.head)
        undo = ask_revision(project=project, kind=RevisionKind.UNDO, by=None, at=NOON, undoes=undone)
        right = take_right(revision=undo, may_take=lambda _: False)
        assert right is not None
        effect = write_undo(right, project.head, found_again=lambda _: set())
        publish(right, at=NOON, counts=effect.counts)
        assert effect.left == 0
        assert read_whole(project.pk) == expected
