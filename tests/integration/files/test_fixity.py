"""Fixity checks: a mark that no crash can fake, damage that is told once and never given out."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection

from builders import NOON, a_member, a_membership, a_project, a_stored_object, publish_files, register_files
from importing import Crash
from moorage.audit.models import AuditRecord
from moorage.files import fixity_together
from moorage.files.browsing import find_file, list_folder
from moorage.files.content import ObjectTouchedError, open_content
from moorage.files.fixity import Checked, FixityChecks
from moorage.files.fixity_rounds import asked_for, due, each, run, run_slice
from moorage.files.history import versions_of
from moorage.files.models import FileVersion, ObjectState, RevisionKind, StoredObject
from moorage.files.revisions import ask_revision
from moorage.files.taking import take_right
from moorage.jobs.damage import tell_of_damage
from moorage.notices.models import Mail, Notice
from moorage.projects.models import Role
from moorage.storage.fixity import Finding, Throttle
from moorage.storage.layout import StoreAwayError, StoreLayout
from moorage.storage.trash import Trash
from storekeeping import MovedClock, checks_of, file_of, flip_a_byte

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("globus")]


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def checks(store: StoreLayout, clock: MovedClock) -> FixityChecks:
    return checks_of(store, clock)


def crashing_at(checks: FixityChecks, seam: str) -> FixityChecks:
    def crash(met: str) -> None:
        if met == seam:
            raise Crash(met)

    return FixityChecks(checks.store, checks.clock, checks.throttle, crash)


def verified(store: StoreLayout, content: bytes) -> StoredObject:
    stored = a_stored_object(content, store=store)
    stored.verified_at = NOON - timedelta(days=100)
    stored.save()
    return stored


def test_an_object_that_is_whole_has_the_time_of_its_last_check(
    store: StoreLayout, checks: FixityChecks, clock: MovedClock
) -> None:
    stored = verified(store, b"bytes")

    assert checks.check(stored).checked is Checked.WHOLE

    stored.refresh_from_db()
    assert (stored.state, stored.verified_at) == (ObjectState.LIVE, clock())


@pytest.mark.parametrize("seam", ["mark cleared", "read"])
def test_a_check_that_dies_does_not_look_like_a_pass(store: StoreLayout, checks: FixityChecks, seam: str) -> None:
    stored = verified(store, b"bytes")

    with pytest.raises(Crash):
        crashing_at(checks, seam).check(stored)

    stored.refresh_from_db()
    assert stored.verified_at is None
    assert [one.pk for one in due(within=timedelta(days=90), at=NOON)] == [stored.pk]


def test_a_byte_that_rotted_makes_its_object_damaged_and_nothing_of_it_is_given_out(
    store: StoreLayout, checks: FixityChecks, clock: MovedClock, caplog: pytest.LogCaptureFixture
) -> None:
    project = a_project()
    publish_files(project, {"a": b"bytes"}, store=store)
    flip_a_byte(file_of(store, b"bytes"))
    with open_content(find_file(project, "a"), store=store):
        pass  # neither size nor time tells

    check = checks.check(StoredObject.objects.get())

    assert (check.checked, check.finding) == (Checked.DAMAGED, Finding.OTHER_BYTES)
    stored = StoredObject.objects.get()
    assert (stored.state, stored.state_changed_at, stored.verified_at) == (ObjectState.DAMAGED, clock(), None)
    assert [record.levelname for record in caplog.records if stored.digest in record.getMessage()] == ["ERROR"]
    assert AuditRecord.objects.get(act="object.damaged").data == {"digest": stored.digest, "finding": "other_bytes"}
    with pytest.raises(ObjectTouchedError):
        open_content(find_file(project, "a"), store=store)
    assert list_folder(project).items[0].damaged  # type: ignore[union-attr]
    assert versions_of(project, "a").items[0].damaged


def test_a_missing_file_makes_its_object_damaged(store: StoreLayout, checks: FixityChecks) -> None:
    stored = verified(store, b"bytes")
    verified(store, b"others")
    file_of(store, b"bytes").unlink()

    assert checks.check(stored).finding is Finding.MISSING

    stored.refresh_from_db()
    assert stored.state == ObjectState.DAMAGED


def test_a_missing_file_that_lies_in_the_trash_comes_back(store: StoreLayout, checks: FixityChecks) -> None:
    stored = verified(store, b"bytes")
    Trash(store.trash).take_object(file_of(store, b"bytes"), row_id=1, until=NOON)

    assert checks.check(stored).checked is Checked.HEALED

    stored.refresh_from_db()
    assert (stored.state, stored.verified_at) == (ObjectState.LIVE, NOON)
    assert file_of(store, b"bytes").read_bytes() == b"bytes"


def test_what_comes_back_from_the_trash_is_read_before_it_counts(store: StoreLayout, checks: FixityChecks) -> None:
    stored = verified(store, b"bytes")
    flip_a_byte(file_of(store, b"bytes"))
    Trash(store.trash).take_object(file_of(store, b"bytes"), row_id=1, until=NOON)

    with pytest.raises(Crash):
        crashing_at(checks, "brought back").check(stored)
    stored.refresh_from_db()
    assert stored.verified_at is None

    assert checks.check(stored).checked is Checked.DAMAGED


@pytest.mark.parametrize("is_mounted", ["no folder", "an empty folder"])
def test_a_disk_that_is_away_damages_nothing(store: StoreLayout, checks: FixityChecks, is_mounted: str) -> None:
    stored = verified(store, b"bytes")
    store.objects.rename(store.root / "elsewhere")
    if is_mounted == "an empty folder":
        store.objects.mkdir()

    with pytest.raises(StoreAwayError):
        run(checks, each(asked_for()))

    stored.refresh_from_db()
    assert stored.state == ObjectState.LIVE


def test_a_disk_that_is_pulled_out_while_it_is_read_damages_nothing(
    store: StoreLayout, checks: FixityChecks, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = verified(store, b"bytes")

    def pulled_out(*_: object) -> bytes:
        store.root.rename(store.root.parent / "its disk")
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "pread", pulled_out)
    with pytest.raises(StoreAwayError):
        checks.check(stored)

    stored.refresh_from_db()
    assert stored.state == ObjectState.LIVE


def test_an_object_that_is_placed_anew_while_it_is_read_is_not_called_damaged(
    store: StoreLayout, checks: FixityChecks, clock: MovedClock
) -> None:
    stored = verified(store, b"bytes")
    flip_a_byte(file_of(store, b"bytes"))

    def meanwhile(seam: str) -> None:
        if seam == "read":
            # As importer.register.object_rows does when good bytes have taken the object's place.
            StoredObject.objects.update(verified_at=clock.moves(hours=1), state=ObjectState.LIVE)

    check = FixityChecks(store, clock, Throttle(0), meanwhile).check(stored)

    assert check.checked is Checked.OVERTAKEN
    stored.refresh_from_db()
    assert (stored.state, stored.verified_at) == (ObjectState.LIVE, clock())


def test_two_checks_of_one_object_do_not_both_count(store: StoreLayout, checks: FixityChecks) -> None:
    stored = verified(store, b"bytes")
    again = StoredObject.objects.get()

    assert checks.check(stored).checked is Checked.WHOLE
    assert checks.check(again).checked is Checked.OVERTAKEN


def test_an_object_that_is_leaving_is_left_alone(store: StoreLayout, checks: FixityChecks) -> None:
    stored = verified(store, b"bytes")
    StoredObject.objects.update(state=ObjectState.LEAVING)
    file_of(store, b"bytes").unlink()

    assert checks.check(stored).checked is Checked.OVERTAKEN
    stored.refresh_from_db()
    assert checks.check(stored).checked is Checked.OVERTAKEN

    stored.refresh_from_db()
    assert stored.state == ObjectState.LEAVING


def test_a_damaged_object_that_the_operator_mended_counts_again(store: StoreLayout, checks: FixityChecks) -> None:
    project = a_project()
    publish_files(project, {"a": b"bytes"}, store=store)
    flip_a_byte(file_of(store, b"bytes"))
    run(checks, each(asked_for()))
    mended = store.root / "from the backup"
    mended.write_bytes(b"bytes")
    os.utime(mended, ns=(1, 1))
    mended.rename(file_of(store, b"bytes"))

    tally = run(checks, each(asked_for(only_damaged=True)))

    assert (tally.objects, tally.healed, tally.damaged) == (1, 1, 0)
    assert StoredObject.objects.get().state == ObjectState.LIVE
    assert file_of(store, b"bytes").stat().st_mode & 0o777 == 0o444
    with open_content(find_file(project, "a"), store=store) as content:
        assert os.pread(content.descriptor, 10, 0) == b"bytes"


def test_a_damaged_object_stays_damaged_when_it_is_read_again(store: StoreLayout, checks: FixityChecks) -> None:
    verified(store, b"bytes")
    flip_a_byte(file_of(store, b"bytes"))

    assert run(checks, each(asked_for())).damaged == 1
    assert run(checks, each(asked_for())).damaged == 1
    assert AuditRecord.objects.filter(act="object.damaged").count() == 1


def test_the_rolling_round_reads_what_was_read_longest_ago_and_each_once(
    store: StoreLayout, checks: FixityChecks, clock: MovedClock
) -> None:
    ages = {b"young": 10, b"old": 80, b"older": 200, b"older too": 200}
    for content, age in ages.items():
        verified(store, content)
        StoredObject.objects.filter(pk=a_stored_object(content).pk).update(verified_at=NOON - timedelta(days=age))
    interrupted = verified(store, b"interrupted")
    StoredObject.objects.filter(pk=interrupted.pk).update(verified_at=None)

    order = [stored.size_bytes for stored in due(within=timedelta(days=90), at=NOON)]
    tally, is_more_due = run_slice(checks, within=timedelta(days=90))

    assert order == [len(name) for name in (b"interrupted", b"older", b"older too", b"old")]
    assert (tally.objects, is_more_due) == (4, False)
    assert list(due(within=timedelta(days=90), at=clock())) == []


def test_a_slice_ends_when_its_time_is_up_and_the_next_one_goes_on(
    store: StoreLayout, checks: FixityChecks, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fixity_together, "MOST_OBJECTS", 1)
    for number in range(5):
        verified(store, f"bytes {number}".encode())
    ticks = iter(range(1000))

    first, is_more_due = run_slice(checks, within=timedelta(days=90), seconds=3, monotonic=lambda: next(ticks))
    second, is_still_more_due = run_slice(checks, within=timedelta(days=90))

    assert is_more_due
    assert not is_still_more_due
    assert (first.objects, first.objects + second.objects) == (2, 5)


def test_a_slice_ends_when_its_bytes_are_read(store: StoreLayout, clock: MovedClock) -> None:
    for number in range(5):
        verified(store, f"bytes {number}".encode())

    tally, is_more_due = run_slice(checks_of(store, clock), within=timedelta(days=90), most_bytes=10)

    assert (tally.objects, is_more_due) == (2, True)


def test_a_file_that_cannot_be_opened_is_neither_whole_nor_damaged(
    store: StoreLayout, checks: FixityChecks, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified(store, b"bytes")
    verified(store, b"others")
    locked = str(file_of(store, b"bytes"))
    plain = os.open

    def refuse(path: Any, *arguments: Any, **named: Any) -> int:
        if str(path) == locked:
            raise PermissionError(13, "Permission denied")
        return plain(path, *arguments, **named)

    monkeypatch.setattr(os, "open", refuse)

    tally = run(checks, each(asked_for()))

    assert (tally.objects, tally.unreadable, tally.damaged) == (1, 1, 0)
    row = StoredObject.objects.get(size_bytes=5)
    assert (row.state, row.verified_at) == (ObjectState.LIVE, None)


def test_a_round_of_one_project_reads_what_any_of_its_revisions_holds(store: StoreLayout, checks: FixityChecks) -> None:
    project = a_project()
    publish_files(project, {"a": b"first"}, store=store)
    publish_files(project, {"a": b"second!"}, store=store)
    publish_files(a_project(), {"b": b"of another project"}, store=store)

    tally = run(checks, each(asked_for(project_id=project.pk)))

    assert (tally.objects, tally.bytes) == (2, 12)


def test_owners_are_told_once_of_the_files_that_are_damaged(store: StoreLayout, checks: FixityChecks) -> None:
    project = a_project(name="Beamline 7")
    second_owner, editor = a_member(), a_member()
    a_membership(project, second_owner, Role.OWNER)
    a_membership(project, editor, Role.EDITOR)
    publish_files(project, {"scans/a": b"bytes", "copy of a": b"bytes", "b": b"whole", "c": b"as it was"}, store=store)
    publish_files(project, {"c": b"as it is"}, store=store)
    publish_files(a_project(), {"whole": b"whole"}, store=store)
    for content in (b"bytes", b"as it was"):
        flip_a_byte(file_of(store, content))
    run(checks, each(asked_for()))

    assert tell_of_damage(at=NOON) == 2
    assert tell_of_damage(at=NOON + timedelta(hours=2)) == 0

    notices = Notice.objects.filter(kind="object.damaged")
    assert {notice.member for notice in notices} == {project.created_by, second_owner}
    assert notices.count() == Mail.objects.count() == 2
    told = notices[0]
    assert told.subject == "Damaged in Beamline 7: 2 files and 1 earlier version"
    assert "\n- copy of a" in told.text
    assert "\n- scans/a" in told.text
    assert "\n- c\n" not in f"{told.text}\n"
    assert told.path == f"/projects/{project.pk}/files/"


def test_damage_that_follows_within_the_hour_is_told_together(store: StoreLayout, checks: FixityChecks) -> None:
    project = a_project()
    names = {f"file {number}": f"bytes {number}".encode() for number in range(4)}
    publish_files(project, names, store=store)

    for minutes, content in enumerate(names.values()):
        flip_a_byte(file_of(store, content))
        run(checks, each(asked_for()))
        tell_of_damage(at=NOON + timedelta(minutes=minutes))
    assert Notice.objects.count() == 1

    assert tell_of_damage(at=NOON + timedelta(minutes=61)) == 3
    subjects = Notice.objects.order_by("created_at").values_list("subject", flat=True)
    assert [subject.rpartition(": ")[2] for subject in subjects] == ["1 file", "3 files"]


def test_a_clock_that_was_set_back_does_not_keep_damage_from_being_told(
    store: StoreLayout, checks: FixityChecks
) -> None:
    project = a_project()
    publish_files(project, {"a": b"one", "b": b"other"}, store=store)
    flip_a_byte(file_of(store, b"one"))
    run(checks, each(asked_for()))
    tell_of_damage(at=NOON + timedelta(days=365))

    flip_a_byte(file_of(store, b"other"))
    run(checks, each(asked_for()))

    assert tell_of_damage(at=NOON) == 1


def test_what_is_not_published_is_nobodys_damage(store: StoreLayout, checks: FixityChecks) -> None:
    project = a_project()
    right = take_right(
        revision=ask_revision(project=project, kind=RevisionKind.IMPORT, by=None, at=NOON), may_take=lambda _: False
    )
    assert right is not None
    register_files(right, {"a": b"bytes"}, store=store)
    flip_a_byte(file_of(store, b"bytes"))
    run(checks, each(asked_for()))

    assert tell_of_damage(at=NOON) == 1

    assert FileVersion.objects.count() == 1
    assert not Notice.objects.exists()


def test_two_that_tell_at_once_tell_once(
    store: StoreLayout, checks: FixityChecks, in_thread: Callable[..., object]
) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("One writer at a time.")
    project = a_project()
    publish_files(project, {"a": b"bytes"}, store=store)
    flip_a_byte(file_of(store, b"bytes"))
    run(checks, each(asked_for()))

    told = [in_thread(lambda: tell_of_damage(at=NOON)) for _ in range(4)]

    assert sum(one.result() for one in told) == 1  # type: ignore[attr-defined]
    assert Notice.objects.count() == 1
