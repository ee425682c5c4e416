"""Removes, moves and restores as workers carry them out: taken by a lease, begun anew, published once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import OperationalError, connection, transaction

from builders import NOON, a_project, publish_files, read_whole
from fakes.globus import InMemoryTransferService
from losing import lose_the_connection, needs_postgresql
from moorage.audit.models import AuditRecord
from moorage.files import change_effects, registering, subtrees
from moorage.files.change_requests import read_request
from moorage.files.changing import ask_change, failure_of
from moorage.files.models import DirectoryVersion, FileVersion, Revision, RevisionKind, RevisionState
from moorage.files.revisions import ask_revision
from moorage.files.taking import take_right
from moorage.jobs import revisions
from moorage.jobs.setbacks import Setbacks
from moorage.leases import LeaseWatch
from moorage.notices.models import Notice
from moorage.projects.models import Project

pytestmark = pytest.mark.django_db(transaction=True)

TREE = {"a/one": b"1", "a/two": b"22", "a/in/three": b"333", "b": b"4444", "keeps": b"."}
REMOVE, MOVE, RESTORE = RevisionKind.REMOVE, RevisionKind.MOVE, RevisionKind.RESTORE


class Killed(BaseException):
    """The worker dies here."""


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else writes here."""
    monkeypatch.setattr(registering, "PAUSE_SECONDS", 0)


@pytest.fixture
def project(globus: InMemoryTransferService) -> Project:
    project = a_project()
    publish_files(project, TREE)
    return project


@pytest.fixture
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(change_effects, "BATCH_ROWS", 2)
    monkeypatch.setattr(subtrees, "FILES_PER_PIECE", 2)
    monkeypatch.setattr(subtrees, "FOLDERS_PER_PIECE", 1)


def asked(project: Project, kind: RevisionKind, *paths: str, **options: Any) -> Revision:
    project.refresh_from_db()
    request = read_request(kind, paths, **options)
    return ask_change(project=project, actor=project.created_by, request=request, at=NOON)


def carry_out(between: Callable[[], None] = lambda: None) -> bool:
    """A worker that takes what waits, and does it. False: there is nothing to take."""
    setbacks = Setbacks()
    lease = revisions.claim_next(LeaseWatch(), setbacks)
    if lease is None:
        return False
    revisions.work(lease, setbacks, between=between)
    return True


@contextmanager
def killed_at(point: int) -> Iterator[Callable[[str], None]]:
    """Dies behind one of the statements that write, inside their transactions, or between two of these."""
    passed: list[str] = []

    def passes(what: str) -> None:
        passed.append(what)
        if len(passed) == point:
            raise Killed(what)

    def count(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        result = execute(sql, parameters, many, context)
        if sql.lstrip().startswith(("INSERT", "UPDATE", "DELETE")):
            passes(sql)
        return result

    with connection.execute_wrapper(count):
        yield passes


def test_a_worker_moves_what_an_editor_asked_for(project: Project) -> None:
    revision = asked(project, MOVE, "a", target="c")

    assert carry_out()

    revision.refresh_from_db()
    assert (revision.state, revision.number, revision.held_by) == (RevisionState.PUBLISHED, 2, "")
    assert (revision.files_added, revision.files_removed) == (3, 3)
    assert {"c/one", "c/in/three"} <= set(read_whole(project.pk))
    record = AuditRecord.objects.get(act="revision.published", object_id=str(revision.pk))
    assert (record.actor_id, record.data) == (project.created_by_id, {"kind": "move", "number": 2})
    assert not Notice.objects.exists()


def test_what_came_into_the_way_meanwhile_fails_the_move_and_is_named(project: Project) -> None:
    revision = asked(project, MOVE, "a", target="c")
    publish_files(project, {"c/new": b"an import was quicker"})
    before = read_whole(project.pk)

    assert carry_out()

    revision.refresh_from_db()
    assert (revision.state, revision.reason, revision.held_by) == (RevisionState.FAILED, "change.in_the_way", "")
    sentence, path = failure_of(revision)
    assert path == "c"
    assert "There is a folder at “c” already" in sentence
    notice = Notice.objects.get(member=project.created_by)
    assert notice.kind == "files.not_moved"
    assert "to move “a” to “c”. It could not be done, and nothing was changed. There is a folder" in notice.text
    assert read_whole(project.pk) == before
    asked(project, MOVE, "a", target="d")
    assert carry_out()
    assert "d/one" in read_whole(project.pk)


def test_in_one_project_what_was_asked_first_is_done_first(project: Project) -> None:
    other = a_project()
    publish_files(other, {"x": b"x"})
    asked(project, REMOVE, "a")
    asked(project, MOVE, "b", target="c")
    elsewhere = asked(other, REMOVE, "x")

    watch, setbacks = LeaseWatch(), Setbacks()
    first = revisions.claim_next(watch, setbacks)
    second = revisions.claim_next(watch, setbacks)
    assert first is not None
    assert second is not None
    kinds = [Revision.objects.get(pk=lease.pk).project_id for lease in (first, second)]
    assert sorted(kinds) == sorted([project.pk, other.pk]), "the second of the one project waits"
    assert revisions.claim_next(watch, setbacks) is None
    revisions.work(first, setbacks)
    revisions.work(second, setbacks)
    while carry_out():
        pass

    elsewhere.refresh_from_db()
    assert elsewhere.number == 2
    rows = Revision.objects.filter(project=project, kind__in=(REMOVE, MOVE)).order_by("number")
    assert [row.number for row in rows] == [2, 3]


@pytest.mark.usefixtures("small_pieces")
@pytest.mark.parametrize(
    ("kind", "paths", "options"),
    [(REMOVE, ["a", "b"], {}), (MOVE, ["a", "b"], {"target": "d/"}), (RESTORE, [""], {"revision": 1})],
)
def test_killed_at_any_write_it_is_begun_anew_and_nothing_is_torn(
    globus: InMemoryTransferService, kind: RevisionKind, paths: list[str], options: dict[str, Any]
) -> None:
    undisturbed, points = None, 0
    while True:
        points += 1
        project = a_project()
        publish_files(project, TREE)
        publish_files(project, {"a/one": b"newer"}, removed=["a/in/three"])
        before, first = read_whole(project.pk), read_whole(project.pk, 1)
        revision = asked(project, kind, *paths, **options)
        try:
            with killed_at(points) as passes:
                carry_out(lambda: passes("between two transactions"))
        except Killed:
            revision.refresh_from_db()
            is_published = revision.state == RevisionState.PUBLISHED
            assert is_published or read_whole(project.pk) == before, "torn"
            # Its process is gone, and everyone may see that.
            Revision.objects.filter(pk=revision.pk).update(held_by="")
            assert carry_out() is not is_published
            is_last = False
        else:
            is_last = True
        revision.refresh_from_db()
        assert (revision.state, revision.number, revision.held_by) == (RevisionState.PUBLISHED, 3, "")
        assert (read_whole(project.pk, 1), read_whole(project.pk, 2)) == (first, before)
        undisturbed = undisturbed or read_whole(project.pk)
        assert read_whole(project.pk) == undisturbed
        assert AuditRecord.objects.filter(act="revision.published", object_id=str(revision.pk)).count() == 1
        if is_last:
            break
    assert points > 20, "what was counted is not the work"


@pytest.mark.usefixtures("small_pieces")
def test_a_worker_whose_right_was_stolen_begins_anew_over_what_the_thief_published(project: Project) -> None:
    revision = asked(project, REMOVE, "a", "b")
    thief = ask_revision(project=project, kind=RevisionKind.IMPORT, by=None, at=NOON)
    steps: list[int] = []

    def steals() -> None:
        steps.append(1)
        if len(steps) == 4:
            assert take_right(revision=thief, may_take=lambda _: True) is not None
            Revision.objects.filter(pk=thief.pk).update(state=RevisionState.FAILED)

    assert carry_out(steals)

    revision.refresh_from_db()
    assert revision.number == 2
    assert set(read_whole(project.pk)) == {"", "keeps"}


def test_a_worker_that_lost_its_lease_publishes_nothing(project: Project) -> None:
    revision, before = asked(project, REMOVE, "a"), read_whole(project.pk)

    def taken() -> None:
        Revision.objects.filter(pk=revision.pk).update(held_by="", fence=99)

    carry_out(taken)

    assert read_whole(project.pk) == before
    assert carry_out()
    revision.refresh_from_db()
    assert revision.state == RevisionState.PUBLISHED


def test_a_bug_is_tried_again_and_then_told(project: Project, caplog: pytest.LogCaptureFixture) -> None:
    revision = asked(project, REMOVE, "a")
    setbacks = Setbacks(monotonic=iter(range(0, 10**6, 10**4)).__next__)

    def breaks() -> None:
        raise ZeroDivisionError

    for _ in range(revisions.TRIES):
        lease = revisions.claim_next(LeaseWatch(), setbacks)
        assert lease is not None
        revisions.work(lease, setbacks, between=breaks)

    revision.refresh_from_db()
    assert (revision.state, revision.reason) == (RevisionState.FAILED, "bug")
    assert "Tell the operator this reference" in failure_of(revision)[0]
    assert "ZeroDivisionError" in caplog.text


def test_trouble_with_the_database_is_no_bug_and_makes_no_change_rest_for_long(project: Project) -> None:
    revision = asked(project, REMOVE, "a")
    now = [0.0]
    setbacks = Setbacks(monotonic=lambda: now[0])

    def a_try(error: type[Exception]) -> None:
        lease = revisions.claim_next(LeaseWatch(), setbacks)
        assert lease is not None, now[0]

        def breaks() -> None:
            raise error

        revisions.work(lease, setbacks, between=breaks)
        assert revisions.claim_next(LeaseWatch(), setbacks) is None, "a hot loop"

    for _ in range(12):
        a_try(OperationalError)
        now[0] += 6
    for _ in range(revisions.TRIES - 1):
        a_try(ZeroDivisionError)
        now[0] += 41

    revision.refresh_from_db()
    assert (revision.state, revision.held_by) == (RevisionState.WAITING, "")
    lease = revisions.claim_next(LeaseWatch(), setbacks)
    assert lease is not None
    revisions.work(lease, setbacks)
    revision.refresh_from_db()
    assert revision.state == RevisionState.PUBLISHED


@needs_postgresql
def test_a_change_whose_connection_is_lost_gives_its_lease_back(project: Project) -> None:
    revision = asked(project, REMOVE, "a")
    setbacks = Setbacks(monotonic=iter(range(0, 10**6, 1000)).__next__)

    def loses() -> None:
        lose_the_connection()
        revision.refresh_from_db()

    for between in (loses, lambda: None):
        lease = revisions.claim_next(LeaseWatch(), setbacks)
        assert lease is not None
        revisions.work(lease, setbacks, between=between)
        revision.refresh_from_db()
        assert revision.held_by == ""
    assert revision.state == RevisionState.PUBLISHED


def test_no_transaction_grows_with_the_number_of_files(project: Project) -> None:
    publish_files(project, {f"many/{number % 7}/file {number}": b"x" for number in range(700)})
    writes: list[int] = []
    now: list[int] = []

    def end() -> None:
        writes.append(sum(now))
        now.clear()

    def count(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        if connection.in_atomic_block and not sql.lstrip().startswith(("SELECT", "SAVEPOINT", "RELEASE")):
            if not now:
                transaction.on_commit(end)
            now.append(len(parameters) if many or " IN (" in sql else 1)
        return execute(sql, parameters, many, context)

    asked(project, MOVE, "many", target="more")
    with connection.execute_wrapper(count):
        assert carry_out()

    assert "more/3/file 3" in read_whole(project.pk, limit=1000)
    assert max(writes) <= 2 * change_effects.BATCH_ROWS + 10
    assert sum(writes) >= 1400, "what was counted is not the move"


@pytest.mark.parametrize("steps", [1, 2])
def test_a_worker_that_wakes_up_after_another_has_published_its_change_leaves_it_at_that(
    project: Project, steps: int
) -> None:
    revision = asked(project, REMOVE, "a")
    seconds = [0.0]
    watch = LeaseWatch(monotonic=lambda: seconds[0])
    done: list[int] = []

    def sleeps_too_long() -> None:
        done.append(1)
        if len(done) != steps:
            return
        assert revisions.claim_next(watch, Setbacks()) is None
        seconds[0] += 31
        other = revisions.claim_next(watch, Setbacks())
        assert other is not None
        revisions.work(other, Setbacks())

    carry_out(sleeps_too_long)

    revision.refresh_from_db()
    assert (revision.state, revision.number, revision.held_by) == (RevisionState.PUBLISHED, 2, "")
    assert set(read_whole(project.pk)) == {"", "b", "keeps"}
    assert not Notice.objects.exists()


@pytest.mark.usefixtures("small_pieces")
def test_a_worker_whose_change_was_taken_over_writes_nothing_while_the_other_begins(project: Project) -> None:
    revision = asked(project, REMOVE, "a", "b")
    steps, written = list[int](), list[Any]()

    def rows() -> Any:
        versions = FileVersion.objects.filter(directory__project=project)
        return sorted(versions.values_list("pk", "until")), sorted(DirectoryVersion.objects.values_list("pk", "until"))

    def is_taken_over() -> None:
        steps.append(1)
        if len(steps) == 4:
            # The other has the change, and has not come to take the right yet.
            Revision.objects.filter(pk=revision.pk).update(held_by="another", fence=99)
            written.append(rows())

    carry_out(is_taken_over)

    assert [rows()] == written
