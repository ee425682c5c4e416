"""Small files of plain folders have a way of their own through an import: it must end as the usual way does.

Each of some random trees is imported twice, once with no folder taken for a plain one: what people see, what manifest
and receipt say, and what is left on the disk must be the same. With MOORAGE_DEEP=500 so many trees are tried.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from unittest import mock
from uuid import UUID

import pytest
from django.apps import apps
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builders import a_project, a_stored_object, publish_files
from fakes.globus import InMemoryTransferService
from importing import World, contents, folders
from kill_matrix import Inline
from moorage.backends import backends, using
from moorage.files import registering
from moorage.files.models import FileVersion, ObjectState, StoredObject
from moorage.importer import run
from moorage.importer.batches import place_plain, plain
from moorage.importer.ledger import job
from moorage.importer.ledger.pace import Pace
from moorage.importer.models import ImportProblem, ImportRun, ManifestEntry
from moorage.importer.place import orders, passes
from moorage.importer.plan import look_alikes, scan
from moorage.importer.plan.planner import Planner
from moorage.importer.register import early
from moorage.importer.words.verdicts import EntryKind
from moorage.importer.write import plain_tables, plain_writer, put_off
from moorage.projects.choices import ImportChoices
from moorage.storage import small_files, walk
from moorage.storage.layout import StoreLayout
from moorage.transfers.arrivals import look_at_area
from moorage.transfers.models import Upload
from moorage.transfers.retrying import may_be_retried, retry_upload
from moorage.transfers.sealing import start_sealing
from small_steps import small_steps
from storekeeping import file_of

pytestmark = pytest.mark.django_db(transaction=True)

DEEP: Final = int(os.environ.get("MOORAGE_DEEP", "0"))
LARGE: Final = bytes(1 << 20)
AT: Final = 1_700_000_000 * 10**9
NAMES: Final = ["a", "b", "c", "g", "h", "i", "\u00e9", "x" * 255]
ODD_NAMES: Final = ["A", "e\u0301", ".moorageignore", "._a", ".DS_Store", "\udcff", "new\nline", "\ufffd", 'q"{}\\,']
FOLDERS: Final = ["", "", "d/", "d/D/", "f/", "\u00f6/f/"]
CONTENTS: Final = [b"", b"one", b"one", b"two", b"three", b"#", LARGE[1:], LARGE]
WHENS: Final = [AT, AT, AT, AT, 0, -1, -(10**18), -(1 << 31) * 10**9]
ODDITIES: Final = [""] * 16 + ["two names", "foreign", "link", "pipe"]
HELD: Final = ["a", "b", "c", "d/a", "d/b", "f", "g/a", "\ufffd", "x/a", "x/d"]
PARTS: Final = [()] * 8 + [("a", "d"), ("d/a",)]
STATES: Final = ["no row", "rotten, no row", "doomed", "damaged", "rotten", "no file", "writable"]

TOLD: Final = (
    *("path", "path_key", "name", "trouble", "verdict", "state", "reason", "reason_text", "warning", "compared"),
    *("digest", "crc32", "run", "stored_object__digest", "directory__name", "kind"),
)


@dataclass(frozen=True)
class Case:
    """`staged` is by path: content, time of change, what is odd. `states` are of objects before the import."""

    staged: dict[str, tuple[bytes, int, str]]
    standing: dict[str, bytes]
    states: dict[bytes, str]
    choices: ImportChoices
    retry: str
    rules: str  # the project's ignore rules


sample = st.sampled_from
PATHS = st.builds(str.__add__, sample(FOLDERS), sample(NAMES * 5 + ODD_NAMES))
CASES = st.builds(
    Case,
    st.dictionaries(PATHS, st.tuples(sample(CONTENTS), sample(WHENS), sample(ODDITIES)), min_size=1, max_size=16),
    st.dictionaries(sample(HELD), sample([b"", b"one", b"two", b"old", LARGE]), max_size=4),
    st.dictionaries(sample([b"", b"one", b"two", LARGE]), sample(STATES), max_size=3),
    st.builds(
        ImportChoices,
        sample(["", "", "skip", "fail"]),
        sample(["", "", "x", "a", "d"]),
        sample(PARTS),
        sample([(), (), (), ("skipped",)]),
    ),
    sample(["", "", "version", "skip"]),
    sample(["", "", "", "a\nd/D/", "*\n!a\n!h", "/d/*\nf/"]),
)


@pytest.fixture(autouse=True)
def _many_small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    for module, name, value in (
        *((module, "PART_ENTRIES", 5) for module in (walk, look_alikes)),
        *((module, "PAUSE_SECONDS", 0.0) for module in (job, registering)),
        *((scan, "GROUP_ENTRIES", 4), (scan, "GROUP_NAMES", 6), *small_steps(files=3, rows=4)),
        *((place_plain, "MAX_BYTES", 5), (passes, "AGAIN_SECONDS", 0.01)),
        (small_files, "LARGEST_BYTES", len(LARGE) - 1),
    ):
        monkeypatch.setattr(module, name, value)


def put(area: Path, staged: dict[str, tuple[bytes, int, str]]) -> None:
    for path, (content, when, oddity) in {"always there": (b"one", AT, ""), **staged}.items():
        target = area / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        os.utime(target, ns=(when, when))
        if oddity == "two names":
            target.with_name(f"{target.name[:250]} too").hardlink_to(target)
        elif oddity == "foreign" and os.geteuid() == 0:
            os.chown(target, 12345, 12345)
        elif oddity in ("link", "pipe"):
            target.unlink()
            os.symlink("a", target) if oddity == "link" else os.mkfifo(target)


def let_be(store: StoreLayout, content: bytes, state: str) -> None:
    """The object of a content is in some state before the import comes."""
    a_stored_object(content, store=store)
    row, file = StoredObject.objects.filter(digest=sha256(content).hexdigest()), file_of(store, content)
    if state.startswith("rotten"):
        file.chmod(0o644)
        file.write_bytes(content[:-1] + b"!")
    if state.endswith("no row"):
        row.delete()
    elif state in (ObjectState.DOOMED, ObjectState.DAMAGED):
        row.update(state=state)
    file.unlink() if state == "no file" else file.chmod(0o644 if state == "writable" else 0o444)


def outcome(world: World, case: Case) -> dict[str, Any]:
    """What one import of a case, and its retry, leave behind."""
    project = a_project()
    project.ignore_rules = case.rules
    project.save()
    upload, area = world.an_area(project)
    put(area, case.staged)
    look_at_area(upload, at=backends().clock())
    upload.refresh_from_db()
    start_sealing(upload=upload, actor=upload.owner, at=backends().clock(), choices=case.choices)
    # Only now: a target that is a file already could not be chosen.
    publish_files(project, case.standing, store=world.store)
    for content, state in case.states.items():
        if content not in case.standing.values() or state == "writable":
            let_be(world.store, content, state)
    world.seal(upload)
    world.work(upload)
    found = {"first": told(world, upload)}
    if case.retry and may_be_retried(upload):
        retry_upload(upload=upload, actor=upload.owner, at=backends().clock(), choices=ImportChoices(case.retry))
        upload.refresh_from_db()
        world.work(upload)
        found["retried"] = told(world, upload)
    return found


def told(world: World, upload: Upload) -> dict[str, Any]:
    """All that there is to be seen of an import."""
    project, sealed = upload.project, world.store.sealed / str(upload.pk)
    # A folder's own size and times are the file system's matter.
    entries = ManifestEntry.objects.filter(upload_id=upload.pk).values_list("kind", "size_bytes", "modified_ns", *TOLD)
    versions = FileVersion.objects.filter(project=project).values_list(
        "directory__name", "name", "size_bytes", "modified_at", "since", "until"
    )
    run = ImportRun.objects.filter(upload=upload).latest("number")
    problems = ImportProblem.objects.filter(run=run).values_list("path", "code", "sentence")
    row = Upload.objects.values("state", "reason", "problems", "files_done", "bytes_done", "files_total", "bytes_total")
    return {
        "upload": row.get(pk=upload.pk),
        "run": (run.verdicts, run.files, run.bytes, run.problem_count, run.outcome),
        "entries": sorted((one if one[0] == EntryKind.FILE else one[3:] for one in entries), key=repr),
        "versions": sorted(versions, key=repr),
        "problems": sorted(problems),
        "files": {path: sha256(content).hexdigest() for path, content in contents(world, project).items()},
        "folders": folders(project),
        "left": sorted(os.fsencode(path.relative_to(sealed)) for path in sealed.rglob("*")),
        "objects": sorted(StoredObject.objects.values_list("digest", "size_bytes", "crc32", "state")),
        "stored": sorted(path.name for path in world.store.objects.glob("??/*")),
    }


def played(folder: Path, case: Case) -> dict[str, Any]:
    """The same in a store and a database with nothing in them."""
    with transaction.atomic():
        for model in apps.get_models():
            if model.__module__.startswith("moorage.") and model._meta.managed:
                model._base_manager.all()._raw_delete("default")
    store, globus = StoreLayout(folder), InMemoryTransferService()
    store.make()
    try:
        with using(replace(backends(), globus=globus, store=store)):
            return outcome(World(globus, store, Inline()), case)
    finally:
        shutil.rmtree(folder)


def test_what_a_plain_file_becomes_is_what_it_becomes_the_usual_way(world: World, tmp_path: Path) -> None:
    place, plainly = place_plain.place_plain, list[int]()

    def counted(order: plain.PlainOrder) -> plain.PlainAnswer:
        answer = place(order)
        plainly.append(answer.files)
        return answer

    @settings(max_examples=DEEP or 40, deadline=None, print_blob=True, suppress_health_check=list(HealthCheck))
    @given(CASES)
    def both_ways(case: Case) -> None:
        with mock.patch.object(orders, "place_plain", counted):
            quick = played(tmp_path / "quick", case)
        with mock.patch.object(Planner, "takes_by_name", return_value=False):
            usual = played(tmp_path / "usual", case)
        assert quick == usual

    both_ways()
    assert sum(plainly) > 20, "hardly any file has gone the quick way"


def test_bytes_that_another_file_of_the_import_has_brought_are_read_once_and_believed(world: World) -> None:
    files = {f"{folder}/{number}": b"%d" % number for folder in "abc" for number in range(20)}
    upload, world.executor = world.a_sealed_upload(files), Inline()

    with mock.patch.object(run, "place_batch", side_effect=AssertionError("something goes the usual way")):
        world.work(upload)

    upload.refresh_from_db()
    assert (upload.state, upload.files_done) == ("imported", len(files))
    assert contents(world, upload.project) == files
    assert StoredObject.objects.count() == 20


class LateExecutor(Inline):
    """The answer to the first batch of plain files comes back after many others."""

    def __init__(self, *, after: int) -> None:
        self.after, self.orders = after, 0
        self.first: Future[Any] | None = None
        self.late: Future[Any] = Future()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.orders += 1
        future = super().submit(fn, *args, **kwargs)
        if self.first is None:
            self.first = future
            return self.late
        if self.orders > self.after and not self.late.done():
            self.late.set_result(self.first.result())
        return future


def test_files_whose_bytes_a_slow_batch_brings_wait_for_it(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(early, "MOST_ROWS", 1000)
    files = {f"{folder}/{number}": b"%d" % number for folder in range(40) for number in range(3)}
    upload, world.executor = world.a_sealed_upload(files), LateExecutor(after=12)
    seams: list[str] = []

    with mock.patch.object(run, "place_batch", side_effect=AssertionError("something goes the usual way")):
        world.work_until(upload, seams.append)

    assert "right kept" in seams
    assert contents(world, upload.project) == files


def test_what_the_store_has_and_the_database_does_not_know_waits_only_so_far(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain_writer, "MOST_KEPT", 6)
    monkeypatch.setattr(put_off, "MOST_KEYS", 10)
    files = {f"{folder}/{number}": b"%d %d" % (folder, number) for folder in range(30) for number in range(4)}
    for content in files.values():
        let_be(world.store, content, "no row")
    kept: list[int] = []
    write = plain_writer.PlainWriter._write_reused

    def written(self: plain_writer.PlainWriter, *, is_last: bool) -> None:
        write(self, is_last=is_last)
        kept.append(len(self._reused) // plain.REUSED_WIDTH)
        assert len(self._put_off.unproven._some) <= 10

    monkeypatch.setattr(plain_writer.PlainWriter, "_write_reused", written)
    upload, world.executor = world.a_sealed_upload(files), Inline()

    world.work(upload)

    assert contents(world, upload.project) == files
    # Of all of them those that wait to become ready, and not many more.
    assert max(kept) <= len(files) // 2
    assert StoredObject.objects.filter(state=ObjectState.LIVE).count() == len(files)


def test_the_pace_learns_how_many_rows_were_written(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    written, learned = list[int](), list[int]()
    write, batch = plain_tables.write_plain, plain_writer.PlainWriter._batch

    def written_plainly(upload_id: UUID, run: int, rows: list[Any], object_ids: list[int | None]) -> bool:
        written.append(len(object_ids))
        return write(upload_id, run, rows, object_ids)

    def batch_of(self: plain_writer.PlainWriter, pace: Pace, count: int) -> AbstractContextManager[None]:
        learned.append(count)
        return batch(self, pace, count)

    monkeypatch.setattr(plain_writer, "write_plain", written_plainly)
    monkeypatch.setattr(plain_writer.PlainWriter, "_batch", batch_of)
    upload, world.executor = world.a_sealed_upload({f"{number}": b"%d" % number for number in range(30)}), Inline()

    world.work(upload)

    assert sum(learned) == 30
    assert learned == [count for count in written if count]


@pytest.mark.parametrize("in_folders", [False, True])
def test_a_batch_of_larger_files_ends_where_it_is_long_enough_and_the_next_have_fewer(
    world: World, monkeypatch: pytest.MonkeyPatch, *, in_folders: bool
) -> None:
    for module in (place_plain, orders):
        monkeypatch.setattr(module, "MAX_BYTES", 40)
    for name in ("FEWEST_PLAIN", "MOST_PLAIN"):
        monkeypatch.setattr(orders, name, 100)
    place, sizes = place_plain.place_plain, list[tuple[int, int]]()

    def counted(order: plain.PlainOrder) -> plain.PlainAnswer:
        answer = place(order)
        sizes.append((sum(len(folder.names) for folder in order.folders), answer.size))
        return answer

    monkeypatch.setattr(orders, "place_plain", counted)
    files = {f"{number}/file" if in_folders else f"{number}": b"%010d" % number for number in range(30)}
    upload, world.executor = world.a_sealed_upload(files), Inline()

    world.work(upload)

    assert contents(world, upload.project) == files
    assert sizes[0] == (30, 40)
    assert all(count <= 4 and size <= 40 for count, size in sizes[-5:])
