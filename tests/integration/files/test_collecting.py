"""The collector: what nothing refers to goes after its time, what anything refers to never does, whatever dies when."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction

from builders import NOON, a_project, a_stored_object, publish_files, read_whole, register_files
from importing import Crash
from moorage.files import collecting
from moorage.files.collecting import Collector, DoomWatch
from moorage.files.damage import untold_damage
from moorage.files.fixity_rounds import asked_for, each, run
from moorage.files.ids import new_version_ids
from moorage.files.models import Directory, FileVersion, ObjectState, RevisionKind, StoredObject
from moorage.files.orphans import Adopted, Orphans, give_back_needed
from moorage.files.revisions import ask_revision
from moorage.files.taking import take_right
from moorage.projects.models import Project
from moorage.storage.fixity import Throttle
from moorage.storage.layout import StoreAwayError, StoreLayout
from moorage.storage.trash import Trash
from storekeeping import MovedClock, checks_of, file_of, flip_a_byte

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("globus")]


@dataclass
class Others:
    """What relies on objects besides file versions, and the imports at work."""

    ids: set[int]
    imports: frozenset[str] = frozenset()

    def __call__(self, ids: Collection[int]) -> set[int]:
        return self.ids & set(ids)


@pytest.fixture
def others() -> Others:
    return Others(set())


@pytest.fixture
def clock() -> MovedClock:
    return MovedClock()


@pytest.fixture
def collector(store: StoreLayout, others: Others) -> Collector:
    return Collector(
        store=store,
        relied_on=others,
        running=lambda: others.imports,
        watch=DoomWatch(),
        kept=timedelta(days=30),
        trash_kept=timedelta(days=30),
    )


def orphans_of(store: StoreLayout, clock: MovedClock) -> Orphans:
    return Orphans(store, clock, Throttle(0))


def state_of(content: bytes) -> str | None:
    row = StoredObject.objects.filter(digest=sha256(content).hexdigest()).first()
    return None if row is None else row.state


def in_trash(store: StoreLayout, content: bytes) -> list[Path]:
    return list(store.trash.rglob(f"{sha256(content).hexdigest()}*"))


def rounds(collector: Collector, clock: MovedClock, count: int = 3, *, days: float = 31) -> None:
    for _ in range(count):
        collector.collect(at=clock.moves(days=days))


def test_what_nothing_refers_to_goes_to_the_trash_after_its_time(
    store: StoreLayout, collector: Collector, clock: MovedClock
) -> None:
    a_stored_object(b"bytes", store=store)

    assert collector.collect(at=clock()) == 0
    assert state_of(b"bytes") == ObjectState.DOOMED
    assert collector.collect(at=clock.moves(days=29)) == 0
    assert file_of(store, b"bytes").exists()
    assert collector.collect(at=clock.moves(days=1)) == 1

    assert state_of(b"bytes") is None
    assert not file_of(store, b"bytes").exists()
    [kept] = in_trash(store, b"bytes")
    assert kept.read_bytes() == b"bytes"
    trash = Trash(store.trash)
    trash.empty(at=clock.moves(days=30))
    assert kept.exists()
    trash.empty(at=clock.moves(days=1))
    assert not kept.exists()


def test_every_revision_keeps_its_objects(store: StoreLayout, collector: Collector, clock: MovedClock) -> None:
    project = a_project()
    publish_files(project, {"a": b"first", "b": b"stays"}, store=store)
    publish_files(project, {"a": b"second"}, removed=["b"], store=store)
    before = {number: read_whole(project.pk, number) for number in (1, 2)}

    rounds(collector, clock)

    assert {number: read_whole(project.pk, number) for number in (1, 2)} == before
    for content in (b"first", b"second", b"stays"):
        assert state_of(content) == ObjectState.LIVE
        assert file_of(store, content).read_bytes() == content


def test_what_is_registered_and_not_published_keeps_its_objects(
    store: StoreLayout, collector: Collector, clock: MovedClock
) -> None:
    revision = ask_revision(project=a_project(), kind=RevisionKind.IMPORT, by=None, at=NOON)
    right = take_right(revision=revision, may_take=lambda _: False)
    assert right is not None
    register_files(right, {"a": b"bytes"}, store=store)

    rounds(collector, clock)

    assert state_of(b"bytes") == ObjectState.LIVE


def test_what_others_rely_on_stays_and_goes_once_they_do_not(
    store: StoreLayout, collector: Collector, clock: MovedClock, others: Others
) -> None:
    others.ids.add(a_stored_object(b"bytes", store=store).pk)
    rounds(collector, clock)
    assert state_of(b"bytes") == ObjectState.LIVE

    others.ids.clear()
    rounds(collector, clock)

    assert state_of(b"bytes") is None


def test_an_object_that_is_used_again_is_live_and_its_time_begins_anew(
    store: StoreLayout, collector: Collector, clock: MovedClock, others: Others
) -> None:
    stored = a_stored_object(b"bytes", store=store)
    collector.collect(at=clock())
    others.ids.add(stored.pk)
    collector.collect(at=clock.moves(days=20))
    assert state_of(b"bytes") == ObjectState.LIVE

    others.ids.clear()
    collector.collect(at=clock.moves(days=1))
    collector.collect(at=clock.moves(days=29))

    assert state_of(b"bytes") == ObjectState.DOOMED


def test_no_object_goes_within_an_hour_of_being_doomed(
    store: StoreLayout, collector: Collector, clock: MovedClock
) -> None:
    at_once = replace(collector, kept=timedelta(0))
    a_stored_object(b"bytes", store=store)

    at_once.collect(at=clock())
    at_once.collect(at=clock.moves(hours=0.9))
    assert state_of(b"bytes") == ObjectState.DOOMED

    at_once.collect(at=clock.moves(hours=0.2))
    assert state_of(b"bytes") is None


def test_a_round_that_dies_anywhere_is_finished_by_the_next(
    store: StoreLayout, collector: Collector, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "BATCH_ROWS", 2)
    project = a_project()
    publish_files(project, {"a": b"needed"}, store=store)
    met: list[str] = []
    number = 0
    while True:
        contents = [f"{number} {name}".encode() for name in "abcde"]
        for content in contents:
            a_stored_object(content, store=store)
        left = number

        def crash(seam: str) -> None:
            nonlocal left
            met.append(seam)
            left -= 1
            if left < 0:
                raise Crash(seam)

        dying = replace(collector, seam=crash)
        try:
            rounds(dying, clock, 2)
        except Crash:
            dies = True
        else:
            dies = False
        rounds(collector, clock)
        for content in contents:
            assert state_of(content) is None, met[-1]
            assert not file_of(store, content).exists()
            assert [path.read_bytes() for path in in_trash(store, content)] == [content]
        assert state_of(b"needed") == ObjectState.LIVE
        if not dies:
            break
        number += 1

    assert number > 10
    assert set(met) == {
        "doomed: batch written",
        "leaving: batch written",
        "leaving: file moved",
        "leaving: rows deleted",
        "leaving: batch gone",
    }


@pytest.mark.parametrize("seam", ["leaving: batch written", "leaving: file moved", "leaving: rows deleted"])
def test_an_object_that_turns_out_to_be_needed_while_it_leaves_gets_its_file_back(
    store: StoreLayout, collector: Collector, clock: MovedClock, others: Others, seam: str
) -> None:
    stored = a_stored_object(b"bytes", store=store)

    def crash(met: str) -> None:
        if met == seam:
            raise Crash(met)

    with pytest.raises(Crash):
        rounds(replace(collector, seam=crash), clock)
    assert state_of(b"bytes") == ObjectState.LEAVING
    others.ids.add(stored.pk)

    collector.finish(at=clock())

    assert state_of(b"bytes") == ObjectState.LIVE
    assert file_of(store, b"bytes").read_bytes() == b"bytes"
    assert in_trash(store, b"bytes") == []
    run(checks_of(store, clock), each(asked_for()))
    assert StoredObject.objects.get().verified_at == clock()


def test_a_file_that_was_placed_anew_while_its_row_was_leaving_is_not_lost(
    store: StoreLayout, collector: Collector, clock: MovedClock
) -> None:
    a_stored_object(b"bytes", store=store)

    def crash(met: str) -> None:
        if met == "leaving: file moved":
            raise Crash(met)

    with pytest.raises(Crash):
        rounds(replace(collector, seam=crash), clock)
    # An import finds no file and links its staged one; before it writes the row, the collector finishes.
    file_of(store, b"bytes").write_bytes(b"bytes")
    collector.finish(at=clock())
    assert state_of(b"bytes") is None
    publish_files(a_project(), {"a": b"bytes"})
    rounds(collector, clock)

    assert state_of(b"bytes") == ObjectState.LIVE
    assert file_of(store, b"bytes").read_bytes() == b"bytes"
    assert len(in_trash(store, b"bytes")) == 1


def test_an_object_stays_doomed_while_an_import_works_that_may_have_placed_it_before_it_had_a_row(
    store: StoreLayout, collector: Collector, clock: MovedClock, others: Others
) -> None:
    an_orphan(store, b"bytes")
    others.imports = frozenset({"one 1", "another 1"})
    orphans_of(store, clock).adopt(sha256(b"bytes").hexdigest())
    rounds(collector, clock, days=365)
    assert state_of(b"bytes") == ObjectState.DOOMED

    others.imports = frozenset({"one 1", "a later one 1"})
    rounds(collector, clock, days=365)
    assert state_of(b"bytes") == ObjectState.DOOMED

    others.imports = frozenset({"one 2", "a later one 1"})
    rounds(collector, clock, 1, days=365)

    assert state_of(b"bytes") is None


def test_a_collector_that_begins_knows_nothing_and_waits_for_every_import(
    store: StoreLayout, collector: Collector, clock: MovedClock, others: Others
) -> None:
    a_stored_object(b"bytes", store=store)
    others.imports = frozenset({"one 1"})
    rounds(collector, clock, 2)
    others.imports = frozenset({"a later one 1"})

    rounds(replace(collector, watch=DoomWatch()), clock)
    assert state_of(b"bytes") == ObjectState.DOOMED

    rounds(collector, clock, 1)
    assert state_of(b"bytes") is None


def test_of_many_objects_that_wait_for_an_import_some_are_remembered_and_all_go_in_time(
    store: StoreLayout,
    collector: Collector,
    clock: MovedClock,
    others: Others,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(collecting, "MOST_WAITING", 2)
    contents = [b"%d" % number for number in range(5)]
    for content in contents:
        a_stored_object(content, store=store)
    others.imports = frozenset({"import 0"})
    rounds(collector, clock, 3)
    left, memory = [], []
    for number in range(1, 4):
        others.imports = frozenset({f"import {number}"})
        rounds(collector, clock, 1)
        left.append(sum(state_of(content) is not None for content in contents))
        memory.append(len(collector.watch._seen))

    assert left == [3, 1, 0]
    assert memory == [2, 1, 0]


def test_a_transaction_that_saw_the_object_live_is_waited_for_whatever_the_clocks_say(
    store: StoreLayout,
    collector: Collector,
    clock: MovedClock,
    in_thread: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if connection.vendor == "sqlite":
        pytest.skip("One writer at a time: nobody can have seen it.")
    monkeypatch.setattr(collecting, "LONGEST_WAIT_SECONDS", 0.3)
    stored = a_stored_object(b"bytes", store=store)
    project = a_project()
    publish_files(project, {"other": b"other"}, store=store)
    has_seen, may_end = threading.Event(), threading.Event()

    def register() -> None:
        with transaction.atomic():
            Project.objects.filter(pk=project.pk).update(register_fence=77)
            assert StoredObject.objects.get(pk=stored.pk).state == ObjectState.LIVE
            has_seen.set()
            assert may_end.wait(20)
            FileVersion.objects.create(
                id=new_version_ids(1)[0],
                project=project,
                directory=Directory.objects.get(project=project, parent=None),
                name="a",
                stored_object=stored,
                size_bytes=5,
                modified_at=NOON,
                since=2,
            )

    registering = in_thread(register)
    assert has_seen.wait(20)
    # The clock jumps a year between two rounds that follow at once.
    rounds(collector, clock, days=365)
    assert state_of(b"bytes") == ObjectState.LEAVING
    assert file_of(store, b"bytes").exists()

    may_end.set()
    registering.result()
    rounds(collector, clock, days=365)

    assert state_of(b"bytes") == ObjectState.LIVE
    assert file_of(store, b"bytes").read_bytes() == b"bytes"


def test_collectors_at_work_together_take_each_object_once(
    store: StoreLayout,
    collector: Collector,
    clock: MovedClock,
    in_thread: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(collecting, "BATCH_ROWS", 3)
    contents = [f"bytes {number}".encode() for number in range(20)]
    for content in contents:
        a_stored_object(content, store=store)
    publish_files(a_project(), {"a": b"needed"}, store=store)

    for _ in range(2):
        at = clock.moves(days=31)
        for one in [in_thread(lambda now=at: collector.collect(at=now)) for _ in range(3)]:
            one.result()

    assert list(StoredObject.objects.values_list("state", flat=True)) == [ObjectState.LIVE]
    for content in contents:
        assert [path.read_bytes() for path in in_trash(store, content)] == [content]


def test_damaged_bytes_that_nothing_refers_to_go_too_and_others_stay(
    store: StoreLayout, collector: Collector, clock: MovedClock
) -> None:
    a_stored_object(b"nobody's", store=store)
    publish_files(a_project(), {"a": b"somebody's"}, store=store)
    for content in (b"nobody's", b"somebody's"):
        flip_a_byte(file_of(store, content))
    assert run(checks_of(store, clock), each(asked_for())).damaged == 2

    rounds(collector, clock)

    assert state_of(b"nobody's") is None
    assert state_of(b"somebody's") == ObjectState.DAMAGED
    assert len(in_trash(store, b"nobody's")) == 1


def test_a_disk_that_refuses_keeps_the_rest_for_the_next_round(
    store: StoreLayout, collector: Collector, clock: MovedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        a_stored_object(f"bytes {number}".encode(), store=store)
    plain, times = Trash.take_object, iter(range(100))

    def refuse(trash: Trash, file: Path, **named: Any) -> bool:
        if next(times) == 2:
            raise OSError(28, "No space left on device")
        return plain(trash, file, **named)

    with monkeypatch.context() as patch:
        patch.setattr(Trash, "take_object", refuse)
        rounds(collector, clock, 2)
    assert list(StoredObject.objects.values_list("state", flat=True)) == [ObjectState.LEAVING] * 2

    rounds(collector, clock, 1)

    assert not StoredObject.objects.exists()
    assert sum(len(in_trash(store, f"bytes {number}".encode())) for number in range(4)) == 4


def test_a_store_that_is_away_loses_no_row(store: StoreLayout, collector: Collector, clock: MovedClock) -> None:
    a_stored_object(b"bytes", store=store)
    rounds(collector, clock, 1)
    store.objects.rename(store.root / "elsewhere")

    with pytest.raises(StoreAwayError):
        rounds(collector, clock, 1)
    (store.root / "elsewhere").rename(store.objects)
    rounds(collector, clock, 1)

    assert len(in_trash(store, b"bytes")) == 1


def test_a_store_that_goes_away_in_the_middle_of_a_round_loses_no_row(
    store: StoreLayout, collector: Collector, clock: MovedClock
) -> None:
    for number in range(3):
        a_stored_object(f"bytes {number}".encode(), store=store)
    rounds(collector, clock, 1)
    disk, wait = store.root.parent / "its disk", collecting.wait_for_others

    def goes_away() -> bool:
        store.root.rename(disk)
        for name in ("collection", "sealed", "objects", "trees", "trash"):
            (store.root / name).mkdir(parents=True)
        return wait()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(collecting, "wait_for_others", goes_away)
        with pytest.raises(StoreAwayError):
            rounds(collector, clock, 1)
    assert list(StoredObject.objects.values_list("state", flat=True)) == [ObjectState.LEAVING] * 3

    shutil.rmtree(store.root)
    disk.rename(store.root)
    rounds(collector, clock, 1)
    assert sum(len(in_trash(store, f"bytes {number}".encode())) for number in range(3)) == 3


def an_orphan(store: StoreLayout, content: bytes, *, named: bytes | None = None) -> str:
    """A file without a row, as a process leaves it that dies between the link and the row, or a power cut."""
    path = file_of(store, content if named is None else named)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o444)
    return path.name


def test_an_orphan_gets_a_row_first_and_then_its_time(
    store: StoreLayout, collector: Collector, clock: MovedClock
) -> None:
    an_orphan(store, b"bytes")
    a_stored_object(b"known", store=store)
    orphans = orphans_of(store, clock)

    [digest] = orphans.find()
    assert orphans.adopt(digest) is Adopted.DOOMED
    row = StoredObject.objects.get(digest=digest)
    assert (row.state, row.size_bytes, row.verified_at) == (ObjectState.DOOMED, 5, clock())
    assert list(orphans.find()) == []
    collector.collect(at=clock.moves(days=29))
    assert state_of(b"bytes") == ObjectState.DOOMED

    rounds(collector, clock, 1, days=2)

    assert state_of(b"bytes") is None
    assert len(in_trash(store, b"bytes")) == 1


def test_an_orphan_that_is_not_what_its_name_says_never_counts_and_goes_in_its_time(
    store: StoreLayout, collector: Collector, clock: MovedClock
) -> None:
    digest = an_orphan(store, b"cut off", named=b"cut off by a power cut")

    assert orphans_of(store, clock).adopt(digest) is Adopted.DAMAGED
    assert untold_damage(at=clock()) == []
    rounds(collector, clock, 1)

    assert state_of(b"cut off by a power cut") is None
    assert [path.read_bytes() for path in in_trash(store, b"cut off by a power cut")] == [b"cut off"]


def test_an_orphan_whose_import_has_written_the_row_meanwhile_is_left_to_it(
    store: StoreLayout, clock: MovedClock
) -> None:
    an_orphan(store, b"bytes")
    orphans = orphans_of(store, clock)
    [digest] = orphans.find()
    a_stored_object(b"bytes", store=store)

    assert orphans.adopt(digest) is Adopted.NOT

    assert state_of(b"bytes") == ObjectState.LIVE


def test_rows_whose_files_lie_in_the_trash_get_them_back(
    store: StoreLayout, collector: Collector, clock: MovedClock
) -> None:
    # As after yesterday's copy of the database was put back.
    row = a_stored_object(b"bytes", store=store)
    rounds(collector, clock)
    assert len(in_trash(store, b"bytes")) == 1
    publish_files(a_project(), {"a": b"bytes"})
    assert StoredObject.objects.get().pk != row.pk

    assert give_back_needed(store) == 1
    assert give_back_needed(store) == 0

    assert file_of(store, b"bytes").read_bytes() == b"bytes"
