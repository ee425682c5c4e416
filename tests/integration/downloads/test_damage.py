"""Damage does not leave the house: what is doubtful is read before it is given out, and what is damaged is named."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from builders import a_globus_member, a_membership
from downloading import Harbour
from kill_matrix import Inline
from moorage.backends import backends
from moorage.files.models import ObjectState, StoredObject
from moorage.jobs.sweeps.downloads import end_damaged
from moorage.notices.models import Notice
from moorage.projects.models import Role
from moorage.transfers.downloads import building
from moorage.transfers.downloads.asking import ask_again
from moorage.transfers.downloads.linking import Linked, LinkOrder, link_batch
from moorage.transfers.models import Download
from storekeeping import file_of, flip_a_byte

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("small_batches")]

BAD = b"bytes that will be damaged"
FILES = {**{f"sound/{number}": f"counts {number}".encode() for number in range(9)}, "raw/bad.tif": BAD}


def touch(path: Path) -> None:
    os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns + 1_000_000_000))


def damage(path: Path) -> None:
    """Other bytes, as a program leaves them that writes to the file: its time tells."""
    flip_a_byte(path)
    touch(path)


def cut(path: Path) -> None:
    path.chmod(0o644)
    os.truncate(path, 3)


def replaced_by_a_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/etc/hostname")


def replaced_by_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def row() -> StoredObject:
    return StoredObject.objects.get(size_bytes=len(BAD))


def check_it_failed(harbour: Harbour, download: Download, *, names: str = "raw/bad.tif") -> None:
    """It says which file it is, serves nothing, tells its owner, and leaves nothing."""
    while harbour.work():
        pass
    harbour.reconcile()
    download.refresh_from_db()
    assert (download.state, download.reason) == ("failed", "download.damaged")
    assert download.damaged_paths == [names]
    assert f"1 stored file is damaged: “{names}”" in download.reason_text
    told = Notice.objects.get(kind="download.failed", member=download.owner, subject__contains=download.name)
    assert names in told.text
    assert harbour.globus.list_access() == []
    assert [*harbour.store.collection.iterdir(), *harbour.store.trees.iterdir()] == []


def check_it_is_right(harbour: Harbour, download: Download) -> None:
    download.refresh_from_db()
    assert download.state == "ready", download.reason_text
    served = harbour.served(download)
    assert {path: (served / path).read_bytes() for path in FILES} == FILES


def test_a_touched_object_with_the_right_bytes_is_given_out_and_its_row_follows(harbour: Harbour) -> None:
    project = harbour.a_project(FILES)
    path = file_of(harbour.store, BAD)
    touch(path)
    download = harbour.ready(project)
    check_it_is_right(harbour, download)
    assert row().modified_ns == path.stat().st_mtime_ns
    assert (harbour.served(download) / "raw/bad.tif").stat().st_ino == path.stat().st_ino


@pytest.mark.parametrize("how", [damage, cut, Path.unlink, replaced_by_a_link, replaced_by_a_folder])
def test_a_damaged_object_stops_it(harbour: Harbour, how: Callable[[Path], None]) -> None:
    project = harbour.a_project(FILES)
    how(file_of(harbour.store, BAD))
    check_it_failed(harbour, harbour.asked(project))
    assert row().state == ObjectState.DAMAGED
    harbour.ready(project, paths=["sound"], name="The sound ones")


@pytest.mark.parametrize("how", [damage, cut, Path.unlink])
def test_damage_since_it_was_ready_ends_both_before_a_second_is_ready(
    harbour: Harbour, how: Callable[[Path], None]
) -> None:
    project = harbour.a_project(FILES)
    viewer = a_globus_member(harbour.globus)
    a_membership(project, viewer, Role.VIEWER)
    first = harbour.ready(project)
    if how is Path.unlink:
        # The tree's links keep the bytes; only where somebody has been at the tree are objects looked at again.
        (harbour.served(first) / "raw/bad.tif").unlink()
    how(file_of(harbour.store, BAD))
    second = harbour.asked(project, viewer, name="Another's")
    check_it_failed(harbour, second)
    check_it_failed(harbour, first)


def test_silent_damage_is_noticed_only_by_who_wants_everything_read(harbour: Harbour) -> None:
    project = harbour.a_project(FILES)
    flip_a_byte(file_of(harbour.store, BAD))
    harbour.ready(project, name="Believes")
    check_it_failed(harbour, harbour.asked(project, name="Asks", verify_first=True))
    assert Download.objects.get(name="Believes").state == "failed"


def test_silent_damage_is_noticed_when_its_reading_is_overdue(harbour: Harbour) -> None:
    project = harbour.a_project(FILES)
    flip_a_byte(file_of(harbour.store, BAD))
    overdue = backends().clock() - backends().policies.fixity_within - timedelta(minutes=1)
    StoredObject.objects.filter(pk=row().pk).update(verified_at=overdue)
    check_it_failed(harbour, harbour.asked(project))


def test_what_joins_a_tree_that_is_being_made_and_wants_everything_read_is_ready_only_then(
    harbour: Harbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = harbour.a_project(FILES)
    flip_a_byte(file_of(harbour.store, BAD))
    joined: list[Download] = []

    def linked(order: LinkOrder) -> Linked:
        if not joined:
            joined.append(harbour.asked(project, name="Joins", verify_first=True))
        return link_batch(order)

    harbour.asked(project)
    harbour.executor = Inline()
    monkeypatch.setattr(building, "link_batch", linked)
    assert harbour.work()
    joined[0].refresh_from_db()
    assert joined[0].state == "requested"
    check_it_failed(harbour, joined[0])


def test_everything_read_of_a_sound_tree_that_is_there_already(harbour: Harbour) -> None:
    project = harbour.a_project(FILES)
    first = harbour.ready(project)
    second = harbour.ready(project, name="Asks", verify_first=True)
    assert second.tree_id == first.tree_id
    assert not StoredObject.objects.filter(verified_at__lt=second.requested_at).exists()


def test_what_a_fixity_round_found_damaged_stops_it_until_it_is_whole_again(harbour: Harbour) -> None:
    project = harbour.a_project(FILES)
    path = file_of(harbour.store, BAD)
    flip_a_byte(path)
    StoredObject.objects.filter(pk=row().pk).update(state=ObjectState.DAMAGED, verified_at=None)
    download = harbour.asked(project)
    check_it_failed(harbour, download)
    flip_a_byte(path)
    ask_again(download=download, actor=download.owner, at=backends().clock())
    assert harbour.work()
    check_it_is_right(harbour, download)
    assert row().state == ObjectState.LIVE


def test_the_sweep_ends_what_serves_an_object_that_was_found_damaged(harbour: Harbour) -> None:
    project = harbour.a_project(FILES)
    whole, part = harbour.ready(project), harbour.ready(project, paths=["sound"], name="A part")
    filtered = harbour.ready(project, filter_text="[0-9]", name="Numbers")
    StoredObject.objects.filter(pk=row().pk).update(state=ObjectState.DAMAGED, verified_at=None)
    end_damaged(backends().clock())
    whole.refresh_from_db()
    assert (whole.state, whole.damaged_paths) == ("failed", ["raw/bad.tif"])
    for other in (part, filtered):
        other.refresh_from_db()
        assert other.state == "ready"
    while harbour.work():
        pass
    harbour.reconcile()
    assert not harbour.served(whole).exists()
    assert len(harbour.globus.list_access()) == 2


@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_tree_that_somebody_touched_is_made_anew_and_its_rule_comes_back(harbour: Harbour, is_replaced: bool) -> None:
    project = harbour.a_project(FILES)
    first = harbour.ready(project)
    inside = harbour.served(first) / "raw/bad.tif"
    inside.unlink()
    if is_replaced:
        inside.write_bytes(b"what nobody has sent")
    second = harbour.asked(project, name="Second")
    assert harbour.work(should_stop=lambda: True)
    first.refresh_from_db()
    assert first.state == "preparing"
    harbour.reconcile()
    assert harbour.globus.list_access() == []
    while harbour.work():
        pass
    harbour.reconcile()
    for download in (first, second):
        check_it_is_right(harbour, download)
    assert len(harbour.globus.list_access()) == 1


@pytest.mark.parametrize("how", [touch, damage, Path.unlink])
def test_what_happens_to_an_object_between_its_row_and_its_link_is_noticed(
    harbour: Harbour, monkeypatch: pytest.MonkeyPatch, how: Callable[[Path], None]
) -> None:
    project = harbour.a_project(FILES)
    path = file_of(harbour.store, BAD)
    done: list[Path] = []

    def linked(order: LinkOrder) -> Linked:
        if not done:
            done.append(path)
            how(path)
        return link_batch(order)

    monkeypatch.setattr(building, "link_batch", linked)
    download = harbour.asked(project)
    assert harbour.work()
    if how is touch:
        check_it_is_right(harbour, download)
    else:
        check_it_failed(harbour, download)
