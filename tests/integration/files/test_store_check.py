"""The store check: files and rows side by side, what disagrees, and what --mend makes of it."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from builders import NOON, a_project, a_stored_object, publish_files
from moorage.config import store_commands
from moorage.config.command import main
from moorage.files.browsing import find_file
from moorage.files.content import open_content
from moorage.files.models import FileVersion, ObjectState, StoredObject
from moorage.files.orphans import Orphans
from moorage.files.store_check import StoreCheck, StoreReport, Trouble
from moorage.notices.models import Notice
from moorage.storage import inventory
from moorage.storage.fixity import Throttle
from moorage.storage.layout import StoreAwayError, StoreLayout
from moorage.storage.trash import Trash
from storekeeping import MovedClock, checks_of, file_of, flip_a_byte

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("globus")]


def look(store: StoreLayout, *, mend: bool = False) -> StoreReport:
    clock = MovedClock()
    orphans = Orphans(store, clock, Throttle(0)) if mend else None
    return StoreCheck(checks_of(store, clock), orphans).run()


def found(report: StoreReport) -> dict[str, tuple[int, int]]:
    return {one.name: (was.count, was.mended) for one, was in report.troubles.items() if was.count}


@pytest.fixture
def old(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two hours later: no import can be about to write a row."""
    plain = time.time
    monkeypatch.setattr(time, "time", lambda: plain() + 7200)


def digest_of(content: bytes) -> str:
    return sha256(content).hexdigest()


def an_orphan(store: StoreLayout, content: bytes, *, named: bytes | None = None) -> Path:
    path = file_of(store, content if named is None else named)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o444)
    return path


def test_a_sound_store_is_said_to_be_sound(store: StoreLayout) -> None:
    for number in range(300):
        a_stored_object(f"bytes {number}".encode(), store=store)

    report = look(store)

    assert report.is_sound
    assert (report.files, report.rows, found(report)) == (300, 300, {})


@pytest.mark.usefixtures("old")
def test_each_way_in_which_they_can_disagree_is_counted_and_named(store: StoreLayout) -> None:
    for name in (b"sound", b"missing", b"longer", b"touched", b"writable", b"damaged", b"leaving"):
        a_stored_object(name, store=store)
    an_orphan(store, b"orphan")
    file_of(store, b"missing").unlink()
    file_of(store, b"longer").chmod(0o644)
    file_of(store, b"longer").write_bytes(b"longer than it was")
    os.utime(file_of(store, b"touched"), ns=(1, 1))
    file_of(store, b"writable").chmod(0o644)
    StoredObject.objects.filter(digest=digest_of(b"damaged")).update(state=ObjectState.DAMAGED)
    StoredObject.objects.filter(digest=digest_of(b"leaving")).update(state=ObjectState.LEAVING)
    (store.objects / "notes.txt").write_text("?")
    (file_of(store, b"sound").parent / "core").write_text("?")
    (store.objects / ".new-0123456789abcdef").write_text("being placed")

    report = look(store)

    assert found(report) == {
        "ORPHAN": (1, 0),
        "MISSING": (1, 0),
        "OTHER_SIZE": (1, 0),
        "TOUCHED": (1, 0),
        "WRITABLE": (1, 0),
        "DAMAGED": (1, 0),
        "STRANGER": (2, 0),
    }
    assert report.troubles[Trouble.MISSING].named == [digest_of(b"missing")]
    assert set(report.troubles[Trouble.STRANGER].named) == {"notes.txt", f"{digest_of(b'sound')[:2]}/core"}
    assert (report.leaving, report.in_work) == (1, 0)
    assert not report.is_sound
    states = dict(StoredObject.objects.values_list("digest", "state"))
    assert list(states.values()).count(ObjectState.LIVE) == 5


@pytest.mark.usefixtures("old")
def test_what_can_be_mended_is(store: StoreLayout) -> None:
    project = a_project()
    names = {name: name.encode() for name in ("trashed", "touched", "writable", "restored", "lost", "rotten")}
    publish_files(project, names, store=store)
    an_orphan(store, b"orphan")
    an_orphan(store, b"cut", named=b"cut off")
    Trash(store.trash).take_object(file_of(store, b"trashed"), row_id=1, until=NOON)
    os.utime(file_of(store, b"touched"), ns=(1, 1))
    file_of(store, b"writable").chmod(0o644)
    StoredObject.objects.filter(digest=digest_of(b"restored")).update(state=ObjectState.DAMAGED)
    file_of(store, b"lost").unlink()
    flip_a_byte(file_of(store, b"rotten"))
    os.utime(file_of(store, b"rotten"), ns=(1, 1))

    report = look(store, mend=True)

    assert found(report) == {
        "ORPHAN": (2, 2),
        "MISSING": (2, 1),
        "TOUCHED": (2, 1),
        "WRITABLE": (1, 1),
        "DAMAGED": (1, 1),
    }
    for name in ("trashed", "touched", "writable", "restored"):
        with open_content(find_file(project, name), store=store) as content:
            assert os.pread(content.descriptor, 20, 0) == name.encode()
        assert file_of(store, name.encode()).stat().st_mode & 0o777 == 0o444
    states = dict(StoredObject.objects.values_list("digest", "state"))
    assert states[digest_of(b"orphan")] == ObjectState.DOOMED
    damaged = {digest_of(content) for content in (b"lost", b"rotten", b"cut off")}
    assert {digest for digest, state in states.items() if state == ObjectState.DAMAGED} == damaged

    again = look(store, mend=True)
    assert found(again) == {"DAMAGED": (3, 0)}


def test_a_file_that_an_import_has_just_placed_is_no_trouble(store: StoreLayout) -> None:
    a_stored_object(b"sound", store=store)
    an_orphan(store, b"orphan")

    report = look(store, mend=True)

    assert (report.is_sound, report.in_work) == (True, 1)
    assert StoredObject.objects.count() == 1


@pytest.mark.usefixtures("old")
def test_what_an_import_and_the_collector_do_meanwhile_is_no_trouble(
    store: StoreLayout, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        a_stored_object(f"bytes {number}".encode(), store=store)
    plain = inventory.read_prefix
    going, coming = b"bytes 3", b"just placed"

    def meanwhile(objects: Path, prefix: str) -> object:
        listed = plain(objects, prefix)
        if prefix == digest_of(coming)[:2]:
            a_stored_object(coming, store=store)
        if prefix == digest_of(going)[:2]:
            StoredObject.objects.filter(digest=digest_of(going)).delete()
            file_of(store, going).unlink()
        return listed

    monkeypatch.setattr("moorage.files.store_check.read_prefix", meanwhile)

    assert found(look(store)) == {}


def test_a_version_whose_object_has_no_row_is_found(store: StoreLayout) -> None:
    publish_files(a_project(), {"a": b"bytes", "b": b"others"}, store=store)
    version = FileVersion.objects.get(name="a")
    FileVersion.objects.filter(pk=version.pk).update(stored_object=10**6)

    report = look(store)

    assert found(report) == {"UNTIED": (1, 0)}
    assert report.troubles[Trouble.UNTIED].named == [str(version.pk)]


def test_an_installation_without_objects_is_sound(store: StoreLayout) -> None:
    report = look(store)

    assert (report.files, report.rows, report.is_sound) == (0, 0, True)


def test_a_store_that_is_away_is_not_called_empty(store: StoreLayout) -> None:
    a_stored_object(b"bytes", store=store)
    store.objects.rename(store.root / "elsewhere")
    store.objects.mkdir()

    with pytest.raises(StoreAwayError):
        look(store, mend=True)

    assert StoredObject.objects.get().state == ObjectState.LIVE


def run(*words: str, expected: int) -> Result:
    result = CliRunner().invoke(main, list(words), catch_exceptions=False)
    assert result.exit_code == expected, result.output
    return result


@pytest.mark.usefixtures("old")
def test_the_command_says_what_it_found_and_mended(store: StoreLayout) -> None:
    publish_files(a_project(), {"a": b"bytes", "b": b"others"}, store=store)
    assert "They agree." in run("check-store", expected=0).stdout

    an_orphan(store, b"orphan")
    told = run("check-store", expected=1).stdout
    assert f"files without a row: 1 ({digest_of(b'orphan')})" in told
    assert "--mend" in told

    told = run("check-store", "--mend", expected=0).stdout
    assert "files without a row: 1, of them mended: 1" in told
    assert "They agree." in run("check-store", expected=0).stdout


def test_the_command_fixity_says_what_is_damaged_and_tells_the_owners(store: StoreLayout) -> None:
    project = a_project()
    publish_files(project, {"a": b"bytes", "b": b"others"}, store=store)
    publish_files(a_project(), {"c": b"of another project"}, store=store)
    assert run("fixity", "--all", expected=0).stdout == "3 objects read (29 bytes): 0 damaged.\n"
    assert run("fixity", expected=0).stdout == "0 objects read (0 bytes): 0 damaged.\n"

    flip_a_byte(file_of(store, b"bytes"))
    result = run("fixity", "--project", str(project.pk), "--bytes-per-second", "0", expected=1)

    assert result.stdout.startswith("2 objects read (11 bytes): 1 damaged.\n")
    assert f"DAMAGED {digest_of(b'bytes')}: its bytes have changed" in result.stderr
    assert Notice.objects.get().member == project.created_by

    flip_a_byte(file_of(store, b"bytes"))
    assert run("fixity", "--damaged", expected=0).stdout == "1 object read (5 bytes): 0 damaged, 1 whole again.\n"
    StoredObject.objects.filter(size_bytes=6).update(verified_at=NOON - timedelta(days=3))
    assert run("fixity", "--older-than", "2", expected=0).stdout.startswith("1 object read (6 bytes)")


def test_the_command_fixity_says_what_it_does_not_understand(store: StoreLayout) -> None:
    assert "leave out" in run("fixity", "--all", "--damaged", expected=2).stderr
    unknown = run("fixity", "--project", "00000000-0000-0000-0000-000000000000", expected=1)
    assert "There is no project" in unknown.stderr


@pytest.mark.parametrize("pause", ["SAY_SECONDS", "SAY_SECONDS_IN_A_FILE"])
def test_how_far_a_command_has_come_is_seldom_said_where_nobody_looks_on(
    store: StoreLayout, monkeypatch: pytest.MonkeyPatch, pause: str
) -> None:
    a_stored_object(b"bytes", store=store)
    monkeypatch.setattr(store_commands, pause, 0)

    says = "1 of 1 objects" in run("fixity", "--all", expected=0).stderr

    assert says == (pause == "SAY_SECONDS_IN_A_FILE")
