"""The right to register: who has it, what a writer without it can do, and what readers see meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection, transaction

from builders import NOON, a_member, a_project, publish_files, read_whole, register_files
from moorage.audit.models import AuditRecord
from moorage.errors import ConflictError
from moorage.files.models import DirectoryVersion, FileVersion, Revision, RevisionKind, RevisionState
from moorage.files.registering import (
    RegisterRight,
    RevisionCounts,
    RevisionEndedError,
    RightLostError,
    fail_revision,
    give_back,
    publish,
)
from moorage.files.revisions import ask_revision
from moorage.files.taking import take_right
from moorage.projects.models import Project

pytestmark = pytest.mark.django_db


def an_import(project: Project) -> Revision:
    return ask_revision(project=project, kind=RevisionKind.IMPORT, by=project.created_by, at=NOON)


def has_gone(_: Revision) -> bool:
    return True


def still_works(_: Revision) -> bool:
    return False


def the_right(revision: Revision) -> RegisterRight:
    right = take_right(revision=revision, may_take=still_works)
    assert right is not None
    return right


def rows_above_the_head(project: Project) -> int:
    project.refresh_from_db()
    head = project.head
    return sum(
        rows.filter(project=project, since__gt=head).count() + rows.filter(project=project, until__gt=head).count()
        for rows in (FileVersion.objects, DirectoryVersion.objects)
    )


def test_a_revision_is_numbered_when_it_is_published_and_not_before() -> None:
    project = a_project()
    revision = an_import(project)
    assert (revision.state, revision.number) == (RevisionState.WAITING, None)

    right = the_right(revision)
    revision.refresh_from_db()
    assert (revision.state, revision.number) == (RevisionState.REGISTERING, None)

    publish(right, at=NOON, counts=RevisionCounts(files_added=2, bytes_added=7))

    revision.refresh_from_db()
    project.refresh_from_db()
    assert (revision.state, revision.number, revision.published_at) == (RevisionState.PUBLISHED, 1, NOON)
    assert (revision.files_added, revision.bytes_added) == (2, 7)
    assert (project.head, project.registering_revision) == (1, None)


def test_readers_see_the_old_revision_until_the_new_one_is_published() -> None:
    project = a_project()
    publish_files(project, {"scans/a.tif": b"old", "scans/b.tif": b"kept"}, folders=["empty"])
    before = read_whole(project.pk)

    right = the_right(an_import(project))
    assert read_whole(project.pk) == before
    register_files(right, {"scans/a.tif": b"new!", "more/c.tif": b"c"}, removed=["scans/b.tif"], folders=["also"])
    assert rows_above_the_head(project) > 0
    assert read_whole(project.pk) == before
    publish(right, at=NOON, counts=RevisionCounts())

    after = read_whole(project.pk)
    assert after != before
    assert after[""] == (2, 5)
    assert set(after) == {"", "scans", "scans/a.tif", "more", "more/c.tif", "empty", "also"}
    assert read_whole(project.pk, 1) == before


def test_after_every_single_statement_readers_see_the_old_revision_or_the_new_one() -> None:
    project = a_project()
    publish_files(project, {"scans/a.tif": b"old", "scans/b.tif": b"kept"}, folders=["empty"])
    seen = [read_whole(project.pk)]
    register_files(the_right(an_import(project)), {"scans/a.tif": b"half", "half/x.tif": b"x"})
    is_reading = False

    def then_read(execute: Callable[..., Any], *statement: Any) -> Any:
        nonlocal is_reading
        result = execute(*statement)
        if not is_reading:
            is_reading = True
            seen.append(read_whole(project.pk))
            is_reading = False
        return result

    with connection.execute_wrapper(then_read):
        right = take_right(revision=an_import(project), may_take=has_gone)
        assert right is not None
        register_files(right, {"scans/a.tif": b"new!", "more/c.tif": b"c"}, removed=["scans/b.tif"], folders=["also"])
        publish(right, at=NOON, counts=RevisionCounts())

    changes = [after for before, after in pairwise(seen) if before != after]
    assert len(seen) > 40
    assert changes == [read_whole(project.pk)]
    assert changes[0]["more/c.tif"]


def test_the_right_is_not_taken_from_a_holder_that_still_works() -> None:
    project = a_project()
    the_right(an_import(project))

    assert take_right(revision=an_import(project), may_take=still_works) is None


def test_a_writer_that_lost_the_right_writes_nothing_more() -> None:
    project = a_project()
    late = the_right(an_import(project))
    taken = take_right(revision=an_import(project), may_take=has_gone)
    assert taken is not None

    with pytest.raises(RightLostError):
        register_files(late, {"late.txt": b"late"})
    with pytest.raises(RightLostError):
        publish(late, at=NOON, counts=RevisionCounts())
    with pytest.raises(RightLostError):
        fail_revision(late, "import.no_room", at=NOON)
    give_back(late)

    project.refresh_from_db()
    assert project.head == 0
    assert project.registering_revision == taken.revision_id
    assert not FileVersion.objects.filter(project=project).exists()
    register_files(taken, {"mine.txt": b"mine"})
    assert publish(taken, at=NOON, counts=RevisionCounts()) == 1


def test_a_right_ends_with_its_publishing() -> None:
    project = a_project()
    right = the_right(an_import(project))
    publish(right, at=NOON, counts=RevisionCounts())

    with pytest.raises(RightLostError), right.batch():
        pass
    with pytest.raises(RightLostError):
        publish(right, at=NOON, counts=RevisionCounts())


def test_whoever_takes_the_right_clears_what_an_interrupted_register_left() -> None:
    project = a_project()
    publish_files(project, {"scans/a.tif": b"old", "scans/b.tif": b"kept"})
    before = read_whole(project.pk)
    interrupted = an_import(project)
    register_files(the_right(interrupted), {"scans/a.tif": b"half", "x/y.tif": b"y"}, removed=["scans/b.tif"])

    right = take_right(revision=an_import(project), may_take=has_gone)

    assert right is not None
    assert rows_above_the_head(project) == 0
    assert read_whole(project.pk) == before
    publish(right, at=NOON, counts=RevisionCounts())
    assert read_whole(project.pk) == before


def test_a_revision_that_was_interrupted_registers_from_its_beginning() -> None:
    project = a_project()
    interrupted = an_import(project)
    files = {"a.txt": b"a", "b/c.txt": b"c"}
    register_files(the_right(interrupted), {"a.txt": b"a"})

    again = take_right(revision=interrupted, may_take=still_works)

    assert again is not None
    assert rows_above_the_head(project) == 0
    register_files(again, files)
    publish(again, at=NOON, counts=RevisionCounts())
    assert read_whole(project.pk)[""] == (2, 2)


def test_a_revision_that_lost_the_right_waits_again_and_comes_later() -> None:
    project = a_project()
    slow = an_import(project)
    the_right(slow)
    quick = take_right(revision=an_import(project), may_take=has_gone)
    assert quick is not None
    slow.refresh_from_db()
    assert slow.state == RevisionState.WAITING

    publish(quick, at=NOON, counts=RevisionCounts())

    assert publish(the_right(slow), at=NOON, counts=RevisionCounts()) == 2


def test_the_holder_of_a_lost_lease_does_not_get_the_right() -> None:
    project = a_project()
    mine = the_right(an_import(project))

    def lease_is_lost() -> None:
        raise ConflictError("lost")

    with pytest.raises(ConflictError, match="lost"):
        take_right(revision=an_import(project), may_take=has_gone, also=lease_is_lost)

    with mine.batch():
        pass


def test_what_cannot_be_done_with_publishing_undoes_the_publishing() -> None:
    project = a_project()
    revision = an_import(project)
    right = the_right(revision)
    register_files(right, {"a.txt": b"a"})

    def upload_has_moved() -> None:
        raise ConflictError("moved")

    with pytest.raises(ConflictError, match="moved"):
        publish(right, at=NOON, counts=RevisionCounts(), also=upload_has_moved)

    revision.refresh_from_db()
    assert revision.state == RevisionState.REGISTERING
    assert read_whole(project.pk) == {"": (0, 0)}
    assert publish(right, at=NOON, counts=RevisionCounts()) == 1


def test_a_failed_revision_gives_its_right_back_and_leaves_nothing_to_see() -> None:
    project = a_project()
    revision = an_import(project)
    right = the_right(revision)
    register_files(right, {"a.txt": b"a"})

    fail_revision(right, "import.nothing_good", at=NOON)
    fail_revision(revision, "import.nothing_good", at=NOON)

    revision.refresh_from_db()
    assert (revision.state, revision.reason) == (RevisionState.FAILED, "import.nothing_good")
    assert read_whole(project.pk) == {"": (0, 0)}
    following = the_right(an_import(project))
    assert (following.number, rows_above_the_head(project)) == (1, 0)


def test_a_revision_that_has_ended_registers_nothing_more() -> None:
    project = a_project()
    published, failed = an_import(project), an_import(project)
    publish(the_right(published), at=NOON, counts=RevisionCounts())
    fail_revision(failed, "import.cancelled", at=NOON)

    for ended in (published, failed):
        with pytest.raises(RevisionEndedError):
            take_right(revision=ended, may_take=has_gone)
    with pytest.raises(RevisionEndedError):
        fail_revision(published, "import.cancelled", at=NOON)

    project.refresh_from_db()
    assert project.registering_revision is None


def test_a_right_that_is_given_back_can_be_had_by_the_next() -> None:
    project = a_project()
    revision = an_import(project)
    give_back(the_right(revision))

    the_right(an_import(project))
    revision.refresh_from_db()
    assert revision.state == RevisionState.WAITING


def test_a_batch_that_fails_leaves_none_of_its_rows() -> None:
    project = a_project()
    publish_files(project, {"a.txt": b"a"})
    right = the_right(an_import(project))

    def fail_in_the_middle() -> None:
        with transaction.atomic(), right.batch():
            FileVersion.objects.filter(project=project).update(until=right.number)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_in_the_middle()

    assert rows_above_the_head(project) == 0


def test_asking_publishing_and_failing_leave_audit_records() -> None:
    member = a_member()
    project = a_project(member)
    publish(the_right(an_import(project)), at=NOON, counts=RevisionCounts())
    fail_revision(an_import(project), "import.cancelled", at=NOON)

    acts = AuditRecord.objects.filter(actor=member, project_id=project.pk).order_by("id").values_list("act", flat=True)

    assert list(acts) == ["revision.asked", "revision.published", "revision.asked", "revision.failed"]
