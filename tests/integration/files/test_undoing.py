"""Undo: what a revision did is taken back where it still stands, and what somebody did since is left alone."""

from __future__ import annotations

from collections.abc import Callable, Collection

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from builders import NOON, a_project, publish_files, read_whole, register_files
from moorage.files import undo_plan, undoing
from moorage.files.models import FileVersion, Revision, RevisionKind, RevisionState
from moorage.files.registering import RightLostError, publish
from moorage.files.revisions import ask_revision
from moorage.files.taking import take_right
from moorage.files.undo_plan import CHANGED, FOUND_AGAIN, GONE, PARENT_IS_FILE, FoundAgain
from moorage.files.undoing import UndoEffect, foresee_undo, write_undo
from moorage.projects.models import Project

pytestmark = pytest.mark.django_db

BEFORE = {"kept": b"kept", "changes": b"old", "folder/old": b"old too"}
BROUGHT = {
    "changes": b"new",
    "new": b"new one",
    "folder/new": b"in a folder that was there",
    "deep/inner/a": b"a",
    "deep/b": b"bb",
}


class Crash(BaseException):
    """The process dies here."""


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a small tree has several batches."""
    monkeypatch.setattr(undo_plan, "CHUNK_ROWS", 2)


def nobody(_: Collection[str]) -> set[str]:
    return set()


def asked(project: Project, number: int) -> Revision:
    undone = Revision.objects.get(project=project, number=number)
    return ask_revision(project=project, kind=RevisionKind.UNDO, by=project.created_by, at=NOON, undoes=undone)


def written(
    revision: Revision, *, found_again: FoundAgain = nobody, between: Callable[[], None] = lambda: None
) -> UndoEffect:
    right = take_right(revision=revision, may_take=lambda _: False)
    assert right is not None
    assert revision.undoes is not None
    assert revision.undoes.number is not None
    effect = write_undo(right, revision.undoes.number, found_again=found_again, between=between)
    publish(right, at=NOON, counts=effect.counts)
    return effect


def undo(project: Project, number: int, *, found_again: FoundAgain = nobody) -> UndoEffect:
    """Undo a revision; what the page would have told beforehand is what comes."""
    project.refresh_from_db()
    foreseen = foresee_undo(project, number, found_again=found_again)
    effect = written(asked(project, number), found_again=found_again)
    told = (foreseen.gone, foreseen.back, foreseen.earlier, foreseen.left)
    assert (effect.gone, effect.back, effect.earlier, effect.left) == told
    project.refresh_from_db()
    return effect


def a_project_with_an_import() -> tuple[Project, int]:
    project = a_project()
    publish_files(project, BEFORE)
    return project, publish_files(project, BROUGHT, folders=["empty", "deep/nothing"])


def test_after_import_and_undo_the_project_is_as_it_was() -> None:
    project, number = a_project_with_an_import()

    effect = undo(project, number)

    assert read_whole(project.pk) == read_whole(project.pk, 1)
    assert (effect.gone, effect.back, effect.earlier, effect.left) == (4, 0, 1, 0)
    newest = Revision.objects.get(project=project, number=3)
    assert (newest.kind, newest.files_removed, newest.files_changed) == (RevisionKind.UNDO, 4, 1)


def test_history_keeps_what_was_undone() -> None:
    project, number = a_project_with_an_import()
    with_import = read_whole(project.pk)

    undo(project, number)

    assert read_whole(project.pk, number) == with_import


def test_a_project_whose_only_import_is_undone_is_empty() -> None:
    project = a_project()
    publish_files(project, BROUGHT, folders=["empty"])

    undo(project, 1)

    assert read_whole(project.pk) == {"": (0, 0)}


def test_redo_brings_everything_back_and_can_be_undone_again() -> None:
    project, number = a_project_with_an_import()
    with_import = read_whole(project.pk)

    undo(project, number)
    effect = undo(project, 3)
    assert read_whole(project.pk) == with_import
    assert (effect.gone, effect.back, effect.earlier, effect.left) == (0, 4, 1, 0)
    assert effect.bytes_back == sum(map(len, BROUGHT.values()))

    undo(project, 4)
    assert read_whole(project.pk) == read_whole(project.pk, 1)


def test_what_comes_back_has_its_times_and_its_bytes() -> None:
    project = a_project()
    publish_files(project, {"a": b"old"}, at=NOON.replace(year=2001))
    publish_files(project, {"a": b"new"})
    before = FileVersion.objects.get(project=project, since=1)

    undo(project, 2)

    now = FileVersion.objects.get(project=project, until=None)
    assert (now.since, now.modified_at, now.stored_object_id) == (3, before.modified_at, before.stored_object_id)
    before.refresh_from_db()
    assert (before.since, before.until) == (1, 2)


def test_what_another_import_changed_since_is_left_alone_and_reported() -> None:
    project, number = a_project_with_an_import()
    publish_files(project, {"changes": b"newer", "deep/inner/a": b"better"}, removed=["new"])

    effect = undo(project, number)

    now = read_whole(project.pk)
    before, since = read_whole(project.pk, 1), read_whole(project.pk, 3)
    assert now["changes"] == since["changes"]
    assert now["deep/inner/a"] == since["deep/inner/a"]
    assert {path for path, value in now.items() if isinstance(value, str)} == {*BEFORE, "deep/inner/a"}
    assert now["folder"] == before["folder"]
    assert now["deep"] == (1, len(b"better"))
    assert "empty" not in now
    assert sorted(effect.named) == [("changes", CHANGED), ("deep/inner/a", CHANGED), ("new", GONE)]


def test_a_later_import_that_is_undone_itself_is_not_in_the_way() -> None:
    project, number = a_project_with_an_import()
    publish_files(project, {"changes": b"newer", "new": b"better"}, removed=["deep/b"])
    undo(project, 3)

    effect = undo(project, number)

    assert effect.left == 0
    assert read_whole(project.pk) == read_whole(project.pk, 1)


def test_the_same_bytes_from_another_hand_are_not_what_the_import_left() -> None:
    project = a_project()
    publish_files(project, {"a": b"one"})
    publish_files(project, {"a": b"two"})
    publish_files(project, {"a": b"one"})

    effect = undo(project, 1)

    assert effect.named == [("a", CHANGED)]
    assert "a" in read_whole(project.pk)


def test_what_a_later_import_found_identical_stays_and_is_reported() -> None:
    project, number = a_project_with_an_import()

    effect = undo(project, number, found_again=lambda paths: {"deep/inner/a", "empty"} & set(paths))

    now = read_whole(project.pk)
    assert now["deep/inner/a"] == read_whole(project.pk, number)["deep/inner/a"]
    assert now["empty"] == (0, 0)
    assert "deep/nothing" not in now
    assert effect.named == [("deep/inner/a", FOUND_AGAIN)]


def test_nothing_comes_back_below_what_is_a_file_now() -> None:
    project, number = a_project_with_an_import()
    undo(project, number)
    publish_files(project, {"deep": b"a file where a folder was"})

    effect = undo(project, 3)

    now = read_whole(project.pk)
    assert now["deep"] == read_whole(project.pk, 4)["deep"]
    assert {"new", "folder/new", "empty"} <= set(now)
    assert not [path for path in now if path.startswith("deep/")]
    assert {path for path, code in effect.named if code == PARENT_IS_FILE} == {
        "deep", "deep/b", "deep/inner", "deep/inner/a", "deep/nothing"
    }  # fmt: skip


def test_nothing_comes_back_where_a_folder_is_now() -> None:
    project, number = a_project_with_an_import()
    undo(project, number)
    publish_files(project, {"new/inside": b"a folder where a file was"})

    effect = undo(project, 3)

    assert effect.named == [("new", CHANGED)]
    assert read_whole(project.pk)["new"] == (1, len(b"a folder where a file was"))


@pytest.mark.parametrize("steps", range(1, 8))
def test_an_undo_that_dies_in_the_middle_begins_anew(steps: int) -> None:
    project, number = a_project_with_an_import()
    with_import = read_whole(project.pk)
    revision, done = asked(project, number), []

    def dies() -> None:
        assert read_whole(project.pk) == with_import, "readers see the whole of the old revision until the new one"
        done.append(1)
        if len(done) == steps:
            raise Crash

    with pytest.raises(Crash):
        written(revision, between=dies)
    assert read_whole(project.pk) == with_import
    effect = written(revision)

    revision.refresh_from_db()
    assert (revision.state, revision.number) == (RevisionState.PUBLISHED, 3)
    assert read_whole(project.pk) == read_whole(project.pk, 1)
    assert (effect.gone, effect.earlier) == (4, 1)


def test_an_undo_that_lost_its_right_writes_nothing_more() -> None:
    project, number = a_project_with_an_import()
    revision = asked(project, number)
    another = ask_revision(project=project, kind=RevisionKind.IMPORT, by=None, at=NOON)

    def loses() -> None:
        right = take_right(revision=another, may_take=lambda _: True)
        if right is not None and not FileVersion.objects.filter(project=project, since=right.number).exists():
            register_files(right, {"other": b"other"})

    with pytest.raises(RightLostError):
        written(revision, between=loses)
    assert read_whole(project.pk) == read_whole(project.pk, number)


def test_a_preview_of_very_many_looks_at_the_first_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(undoing, "PREVIEW_PATHS", 4)
    asked_for = []
    for number in (5, 50):
        project = a_project(name=f"of {number}")
        publish_files(project, {f"{name:03}": b"%d" % name for name in range(number)})
        with CaptureQueriesContext(connection) as queries:
            effect = foresee_undo(project, 1, found_again=nobody)
        asked_for.append(len(queries))
        assert (effect.gone, effect.is_whole) == (4, False)
    assert asked_for[0] == asked_for[1]


@pytest.mark.parametrize(("replaced", "removed"), [(4, 1), (3, 2), (0, 5), (2, 3)])
def test_a_preview_is_whole_only_if_nothing_is_beyond_it(
    replaced: int, removed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(undoing, "PREVIEW_PATHS", 4)
    project = a_project()
    names = [f"{name:03}" for name in range(replaced + removed)]
    publish_files(project, dict.fromkeys(names, b"old"))
    publish_files(project, dict.fromkeys(names[:replaced], b"new"), removed=names[replaced:])

    assert not foresee_undo(project, 2, found_again=nobody).is_whole
    monkeypatch.setattr(undoing, "PREVIEW_PATHS", replaced + removed)
    effect = foresee_undo(project, 2, found_again=nobody)

    assert (effect.earlier, effect.back, effect.is_whole) == (replaced, removed, True)
