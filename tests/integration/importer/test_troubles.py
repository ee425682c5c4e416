"""What can go wrong with single files and with the disk, and what an import does about it."""

from __future__ import annotations

import errno
import os
import threading
import time
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from another_account import as_nobody, let_in
from builders import a_project, publish_files
from importing import World, contents, reasons, staged
from moorage.backends import backends, using
from moorage.files.models import ObjectState, StoredObject
from moorage.files.paths import path_key
from moorage.importer.asked.previews import ask_preview
from moorage.importer.batches import data
from moorage.importer.batches.data import BatchOrder, Hint, PlacedFile, unflat
from moorage.importer.batches.place import place_batch
from moorage.importer.ledger import disk_waits
from moorage.importer.models import ImportProblem, ImportRun, Preview, PreviewState
from moorage.importer.run import run_import
from moorage.importer.words.reasons import READ_ERROR
from moorage.importer.words.reporting import Progress
from moorage.jobs import previews
from moorage.jobs.imports import claim_next, job_of
from moorage.leases import LeaseWatch
from moorage.projects.choices import ImportChoices
from moorage.storage import walk as walk_module
from moorage.storage.digests import stamp_of
from moorage.storage.layout import StoreLayout
from moorage.storage.walk import walk
from moorage.transfers.models import Upload
from moorage.transfers.retrying import retry_upload
from moorage.transfers.states import UploadState
from refusing import RefusingExecutor

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_file_that_somebody_keeps_open_is_left_out_and_a_retry_takes_it(world: World) -> None:
    upload, area = world.an_area()
    (area / "good").write_bytes(b"good")
    with (area / "open").open("wb") as writer:
        writer.write(b"half")
        writer.flush()
        world.seal(upload)
        world.work(upload)
        assert reasons(upload) == {b"open": "entry.still_open"}
        assert contents(world, upload.project) == {"good": b"good"}
        writer.write(b" and half")

    retry_upload(upload=upload, actor=upload.owner, at=backends().clock())
    world.work(upload)

    assert contents(world, upload.project) == {"good": b"good", "open": b"half and half"}


def test_a_file_that_is_closed_within_the_quiet_time_is_waited_for(world: World) -> None:
    upload, area = world.an_area()
    writer = (area / "late").open("wb")
    writer.write(b"late")
    world.seal(upload)
    threading.Timer(0.4, writer.close).start()

    world.work(upload)

    assert upload.problems == 0
    assert contents(world, upload.project) == {"late": b"late"}


def test_no_write_through_an_open_descriptor_reaches_an_object(world: World) -> None:
    upload, area = world.an_area()
    for name in ("held", "same bytes", "twin"):
        (area / name).write_bytes(b"as it was digested")
    os.link(area / "twin", area / "twin's other name")
    with (area / "held").open("r+b") as late:  # as a transfer holds it that was cancelled
        sealed = world.seal(upload)
        world.work(upload)
        late.write(b"XXX")
    assert reasons(upload) == {b"held": "entry.still_open"}
    assert (sealed / "held").read_bytes() == b"XXXit was digested"

    retry_upload(upload=upload, actor=upload.owner, at=backends().clock())
    world.work(upload)

    bytes_of = contents(world, upload.project)
    assert bytes_of["held"] == b"XXXit was digested"
    assert bytes_of["same bytes"] == bytes_of["twin"] == b"as it was digested"
    objects = [path for path in world.store.objects.rglob("*") if path.is_file()]
    assert len(objects) == 2
    assert all(sha256(path.read_bytes()).hexdigest() == path.name for path in objects)
    assert not [path for path in objects if path.stat().st_mode & 0o222]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (data.UNREADABLE, "entry.unreadable"),
        (data.VANISHED, "entry.vanished"),
        (data.READ_ERROR, "entry.read_error"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_problem_of_its_own(world: World, code: str, reason: str) -> None:
    world.executor = RefusingExecutor(lambda path: code if path == b"bad" else "")
    upload = world.imported({"bad": b"bytes", "good": b"good"})

    assert upload.current_state is UploadState.IMPORTED
    assert reasons(upload) == {b"bad": reason}
    assert contents(world, upload.project) == {"good": b"good"}
    assert staged(world.store.sealed / str(upload.pk)) == {"bad"}


def test_a_full_disk_pauses_the_import_with_its_reason_and_it_goes_on_by_itself(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_waits, "POLL_SECONDS", 0.05)
    upload = world.a_sealed_upload({"a": b"a"})
    tries: list[bytes] = []
    said: list[str] = []

    def refuses(path: bytes) -> str:
        tries.append(path)
        return data.NO_ROOM if len(tries) < 4 else ""

    lease = claim_next(LeaseWatch())
    assert lease is not None
    job = job_of(upload, lease, should_stop=lambda: False, executor=RefusingExecutor(refuses))
    report = job.report

    def report_and_look(progress: Progress) -> None:
        report(progress)
        said.append(Upload.objects.get().reason)

    job.report = report_and_look
    run_import(job)

    assert tries == [b"a"] * 4
    assert [one for one, before in zip(said, ["", *said], strict=False) if one != before] == ["import.no_room", ""] * 3
    upload.refresh_from_db()
    assert contents(world, upload.project) == {"a": b"a"}
    assert (upload.current_state, upload.reason) == (UploadState.IMPORTED, "")


def test_below_the_floor_of_free_space_an_import_waits_and_says_why(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk_waits, "POLL_SECONDS", 0.05)
    upload = world.a_sealed_upload({"a": b"a"})
    lease = claim_next(LeaseWatch())
    assert lease is not None
    plenty, too_little = backends().policies, replace(backends().policies, free_floor_bytes=2**62)
    with using(replace(backends(), policies=too_little)):
        job = job_of(upload, lease, should_stop=lambda: False, executor=world.executor)
    report = job.report
    said: list[str] = []

    def report_and_make_room(progress: Progress) -> None:
        report(progress)
        if progress.reason:
            said.append(Upload.objects.get().reason)
            job.policies = plenty

    job.report = report_and_make_room
    run_import(job)

    assert said == ["import.no_room"]
    upload.refresh_from_db()
    assert (upload.current_state, upload.reason) == (UploadState.IMPORTED, "")


def test_a_store_that_is_away_for_a_while_costs_no_file(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk_waits, "POLL_SECONDS", 0.05)
    upload = world.a_sealed_upload({"a": b"a"})
    away = world.store.root / "not mounted"
    world.store.objects.rename(away)
    tries: list[bytes] = []

    def mount(path: bytes) -> str:
        tries.append(path)
        assert not world.store.objects.exists(), "made where the disk is missing"
        if len(tries) == 3:
            away.rename(world.store.objects)
        return ""

    world.executor = RefusingExecutor(mount)
    world.work(upload)

    assert tries == [b"a"] * 3
    assert upload.problems == 0
    assert contents(world, upload.project) == {"a": b"a"}


def test_an_object_that_was_doomed_is_live_again_when_it_is_used(world: World) -> None:
    world.imported({"a": b"bytes"})
    StoredObject.objects.update(state=ObjectState.DOOMED)

    world.imported({"b": b"bytes"})

    assert StoredObject.objects.get().state == ObjectState.LIVE


def test_an_entry_whose_object_is_leaving_waits_until_it_has_left(world: World) -> None:
    first = world.imported({"a": b"bytes"})
    stored = StoredObject.objects.get()
    StoredObject.objects.update(state=ObjectState.LEAVING)

    def leave() -> None:
        time.sleep(0.4)
        # Nothing refers to it but the first version; the collector's row of another digest does as well here.
        (world.store.objects / stored.digest[:2] / stored.digest).unlink()
        StoredObject.objects.filter(pk=stored.pk).update(digest="0" * 64)

    leaving = threading.Thread(target=leave)
    leaving.start()
    upload = world.imported({"b": b"bytes"})
    leaving.join()

    assert upload.project_id != first.project_id
    assert contents(world, upload.project) == {"b": b"bytes"}
    assert StoredObject.objects.filter(state=ObjectState.LIVE).count() == 1


def test_a_damaged_object_is_replaced_by_good_bytes(world: World) -> None:
    world.imported({"a": b"the right bytes"})
    stored = StoredObject.objects.get()
    path = world.store.objects / stored.digest[:2] / stored.digest
    path.unlink()
    path.write_bytes(b"the wrong bytes")
    StoredObject.objects.update(state=ObjectState.DAMAGED)

    upload = world.imported({"b": b"the right bytes"})

    assert contents(world, upload.project) == {"b": b"the right bytes"}
    assert StoredObject.objects.get().state == ObjectState.LIVE


def test_an_object_of_another_size_counts_as_missing(world: World) -> None:
    world.imported({"a": b"the right bytes"})
    stored = StoredObject.objects.get()
    path = world.store.objects / stored.digest[:2] / stored.digest
    path.unlink()
    path.write_bytes(b"cut")

    upload = world.imported({"b": b"the right bytes"})

    assert contents(world, upload.project) == {"b": b"the right bytes"}


def test_what_was_exchanged_for_a_link_after_the_scan_is_not_followed(world: World, tmp_path: Path) -> None:
    secrets = tmp_path / "of another member"
    secrets.mkdir()
    (secrets / "inner").write_bytes(b"secret")
    upload = world.a_sealed_upload({"good": b"good", "file": b"mine", "folder/inner": b"mine too"})
    area = world.store.sealed / str(upload.pk)

    def exchange(seam: str) -> None:
        if seam == "place: batch ordered" and not (area / "elsewhere").exists():
            (area / "file").unlink()
            (area / "file").symlink_to(secrets / "inner")
            (area / "folder").rename(area / "elsewhere")
            (area / "folder").symlink_to(secrets)

    world.work_until(upload, exchange)

    assert contents(world, upload.project) == {"good": b"good"}
    assert reasons(upload) == {b"file": "entry.symlink", b"folder/inner": "entry.vanished"}
    assert staged(area) >= {"file", "folder", "elsewhere/inner"}


def test_a_folder_that_cannot_be_read_is_told_of_and_the_rest_is_found(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("Only root can act as another account.")
    area = tmp_path / "area"
    (area / "locked").mkdir(parents=True)
    (area / "locked" / "inner").touch()
    (area / "open").mkdir()
    (area / "open" / "inner").touch()
    (area / "locked").chmod(0)
    let_in(tmp_path)

    found = as_nobody(lambda: sorted((item.path, item.trouble) for item in walk(area)))

    assert found == [(b"locked", "unreadable"), (b"open", ""), (b"open/inner", "")]


def test_a_folder_that_stops_being_readable_halfway_is_told_of_and_what_was_found_of_it_is_imported(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = world.a_sealed_upload({**{f"folder/{number}": b"%d" % number for number in range(9)}, "good": b"good"})
    folder = (world.store.sealed / str(upload.pk) / "folder").stat().st_ino
    monkeypatch.setattr(walk_module, "PART_ENTRIES", 2)
    plain_scandir, broken = os.scandir, [True]

    class Failing:
        """What is listed of a folder, until its disk fails."""

        def __init__(self, entries: Any, good: int) -> None:
            self.entries, self.good = entries, good

        def __enter__(self) -> Failing:
            return self

        def __exit__(self, *_: object) -> None:
            self.entries.close()

        def __iter__(self) -> Failing:
            return self

        def __next__(self) -> Any:
            if self.good == 0:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            self.good -= 1
            return next(self.entries)

    def scandir(where: Any) -> Any:
        is_it = isinstance(where, int) and os.fstat(where).st_ino == folder and broken[0]
        return Failing(plain_scandir(where), 5) if is_it else plain_scandir(where)

    monkeypatch.setattr(os, "scandir", scandir)
    world.work(upload)

    assert reasons(upload) == {b"folder": "entry.unreadable_folder"}
    assert len(contents(world, upload.project)) == 1 + 4
    broken.clear()
    broken.append(False)
    retry_upload(upload=upload, actor=upload.owner, at=backends().clock())
    world.work(upload)
    assert (upload.problems, len(contents(world, upload.project))) == (0, 1 + 9)


def test_files_of_another_account_are_copied_and_unreadable_ones_reported(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("Only root can act as another account.")
    StoreLayout(tmp_path).make()
    area, objects = tmp_path / "area", tmp_path / "objects"
    area.mkdir()
    let_in(tmp_path)
    os.chown(area, 65534, 65534)
    os.chown(objects, 65534, 65534)
    (area / "theirs").write_bytes(b"of root")
    (area / "locked").write_bytes(b"secret")
    (area / "locked").chmod(0)
    files = tuple((name, 7, Hint(stamp_of((area / os.fsdecode(name)).stat()))) for name in (b"theirs", b"locked"))
    order = BatchOrder(str(area), str(objects), files, are_old=True, youngest_seconds=0)

    answer = as_nobody(lambda: place_batch(order))
    (area / "theirs").write_bytes(b"of root")
    answer_after_a_write = as_nobody(lambda: place_batch(order))

    assert [(file.position, file.how) for file in map(unflat, answer.placed)] == [(0, "copied")]
    assert [(index, code) for index, code, _ in answer.troubles] == [(1, data.UNREADABLE)]
    assert [code for _, code, _ in answer_after_a_write.troubles] == [data.STILL_OPEN, data.UNREADABLE]


def test_an_errno_of_a_full_or_read_only_disk_is_no_fault_of_a_file() -> None:
    from moorage.importer.batches.digest import trouble_of

    for number in (errno.ENOSPC, errno.EROFS, errno.EDQUOT):
        assert trouble_of(OSError(number, "")) == data.NO_ROOM
    assert trouble_of(OSError(errno.EIO, "")) == data.READ_ERROR


def test_a_file_that_a_failed_transfer_left_is_imported_only_when_it_is_asked_for(world: World) -> None:
    upload = world.a_sealed_upload({"half": b"half", "whole": b"whole"})

    class OnlyHalf:
        def doubtful(self, changed: dict[bytes, int]) -> set[bytes]:
            return {path_key(b"half")} & changed.keys()

        def is_being_written(self, changed_ns: int) -> bool:
            return not changed_ns

    from moorage.jobs import imports

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(imports, "suspicions", lambda _: OnlyHalf())
        world.work(upload)
        assert reasons(upload) == {b"half": "entry.doubtful"}
        assert contents(world, upload.project) == {"whole": b"whole"}
        retry_upload(
            upload=upload, actor=upload.owner, at=backends().clock(), choices=ImportChoices(include=("doubtful",))
        )
        world.work(upload)

    assert contents(world, upload.project) == {"half": b"half", "whole": b"whole"}
    assert upload.problems == 0


def test_an_import_beside_another_in_the_same_project_waits_only_for_its_turn(world: World) -> None:
    project = a_project()
    publish_files(project, {"a": b"a"}, store=world.store)
    slow = world.a_sealed_upload({"slow": b"slow"}, project)
    quick = world.a_sealed_upload({"quick": b"quick"}, project)

    def meanwhile(seam: str) -> None:
        if seam == "place: batch ordered":
            world.work(quick)

    world.work_until(slow, meanwhile)

    slow.refresh_from_db()
    assert (quick.published_revision, slow.published_revision) == (2, 3)
    assert contents(world, project) == {"a": b"a", "slow": b"slow", "quick": b"quick"}


def test_placing_a_batch_twice_gives_the_same_answer(world: World) -> None:
    upload = world.a_sealed_upload({"a": b"bytes"})
    area = world.store.sealed / str(upload.pk)
    order = BatchOrder(str(area), str(world.store.objects), ((b"a", 5, None),), youngest_seconds=0)

    first, second = placed_alone(order), placed_alone(order)

    assert (first.digest, first.stamp) == (second.digest, second.stamp)
    assert (first.how, second.how) == ("linked", "reused")


def placed_alone(order: BatchOrder) -> PlacedFile:
    """What became of a batch's only file, which has been placed."""
    answer = place_batch(order)
    assert answer.troubles == []
    (sent,) = answer.placed
    return unflat(sent)


@pytest.mark.parametrize("there", [b"the wrong bytes", b"cut"])
def test_an_object_that_no_row_tells_of_is_not_believed_by_its_name(world: World, there: bytes) -> None:
    digest = sha256(b"the right bytes").hexdigest()
    path = world.store.objects / digest[:2] / digest
    path.parent.mkdir(parents=True)
    path.write_bytes(there)  # as a power cut between the link and the sync leaves it
    path.chmod(0o444)

    upload = world.imported({"a": b"the right bytes", "b": b"the right bytes"})

    assert contents(world, upload.project) == {"a": b"the right bytes", "b": b"the right bytes"}
    assert StoredObject.objects.get().verified_at is not None


def test_a_whole_object_that_a_killed_import_left_is_read_once_and_used(world: World) -> None:
    digest = sha256(b"the bytes").hexdigest()
    path = world.store.objects / digest[:2] / digest
    path.parent.mkdir(parents=True)
    path.write_bytes(b"the bytes")
    inode = path.stat().st_ino

    upload = world.imported({"a": b"the bytes"})

    assert contents(world, upload.project) == {"a": b"the bytes"}
    assert path.stat().st_ino == inode
    assert StoredObject.objects.get().changed_ns == path.stat().st_ctime_ns


def test_what_failed_keeps_its_reason_when_the_project_changes_at_its_path_meanwhile(world: World) -> None:
    project = a_project()
    world.executor = RefusingExecutor(lambda path: data.READ_ERROR if path == b"bad" else "")
    upload = world.a_sealed_upload({"bad": b"bytes", "good": b"good"}, project)

    def meanwhile(seam: str) -> None:
        if seam == "placed":
            publish_files(project, {"bad": b"other"}, store=world.store)

    world.work_until(upload, meanwhile)

    problem = ImportProblem.objects.get()
    assert (problem.code, problem.sentence) == READ_ERROR
    assert reasons(upload) == {b"bad": "entry.read_error"}
    assert contents(world, project) == {"bad": b"other", "good": b"good"}


WITH_RULES_AND_A_LIST = {
    "good": b"good",
    "left.out": b"a rule leaves it out",
    "listed": b"is not what the list says",
    ".moorageignore": b"*.out\n",
    "SHA256SUMS": sha256(b"another").hexdigest().encode() + b"  listed\n",
}


def test_a_retry_goes_by_the_rules_and_the_list_that_the_upload_brought(world: World) -> None:
    upload = world.imported(WITH_RULES_AND_A_LIST)
    left_out = {b"left.out": "entry.ignored", b"listed": "entry.differs"}
    assert reasons(upload) == left_out

    retry_upload(upload=upload, actor=upload.owner, at=backends().clock())
    world.work(upload)
    assert set(contents(world, upload.project)) == {"good", ".moorageignore", "SHA256SUMS"}
    assert reasons(upload) == left_out

    look_at(upload)
    assert Preview.objects.get().state == PreviewState.READY
    assert reasons(upload) == left_out


def look_at(upload: Upload) -> None:
    """Have a preview made that reads every file."""
    now, by = backends().clock(), upload.owner
    ask_preview(upload_id=upload.pk, project_id=upload.project_id, by=by, at=now, with_digests=True)
    lease = previews.claim_next(LeaseWatch())
    assert lease is not None
    previews.work(lease)


def test_the_rules_and_the_list_go_from_the_area_with_the_last_of_its_files(world: World) -> None:
    upload = world.imported({**WITH_RULES_AND_A_LIST, "folder/SHA256SUMS": b"judges nothing"})
    area = world.store.sealed / str(upload.pk)
    assert staged(area) == {"left.out", "listed", ".moorageignore", "SHA256SUMS"}

    retry_upload(
        upload=upload,
        actor=upload.owner,
        at=backends().clock(),
        choices=ImportChoices(include=("doubtful", "skipped")),
    )
    world.work(upload)

    assert upload.problems == 0
    assert set(contents(world, upload.project)) == {*WITH_RULES_AND_A_LIST, "folder/SHA256SUMS"}
    assert not area.exists()


@pytest.mark.parametrize(("unread", "path"), [(".moorageignore", "left.out"), ("SHA256SUMS", "listed")])
def test_rules_or_a_list_that_the_disk_refuses_once_still_count(
    world: World, monkeypatch: pytest.MonkeyPatch, unread: str, path: str
) -> None:
    upload = world.a_sealed_upload(WITH_RULES_AND_A_LIST)
    plain, refused = os.open, list[str]()

    def refuses(name: Any, *how: Any, **where: Any) -> int:
        if not refused and not isinstance(name, os.PathLike) and os.fsdecode(name) == unread:
            refused.append(unread)
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return plain(name, *how, **where)

    monkeypatch.setattr(os, "open", refuses)
    world.work(upload)
    assert refused
    assert contents(world, upload.project) == {}

    ImportRun.objects.update(not_before=None)
    world.work(upload)

    assert path not in contents(world, upload.project)
    assert reasons(upload) == {b"left.out": "entry.ignored", b"listed": "entry.differs"}


@pytest.mark.parametrize("rules", ["a link", "too long"])
def test_rules_that_nobody_can_know_stop_the_import_unless_they_are_not_wanted(world: World, rules: str) -> None:
    upload, area = world.an_area()
    (area / "good").write_bytes(b"good")
    if rules == "a link":
        (area / ".moorageignore").symlink_to("rules")
    else:
        (area / ".moorageignore").write_bytes(b"*.out\n" * 20_000)
    world.seal(upload)

    world.work(upload)
    assert (upload.state, upload.reason) == ("failed", "import.rules_unread")
    assert "Nothing was imported" in upload.reason_text
    assert contents(world, upload.project) == {}

    chosen = ImportChoices(include=("skipped",))
    retry_upload(upload=upload, actor=upload.owner, at=backends().clock(), choices=chosen)
    world.work(upload)

    assert upload.current_state is UploadState.IMPORTED
    assert contents(world, upload.project)["good"] == b"good"


def test_a_list_that_is_a_link_compares_nothing_and_a_preview_says_so(world: World) -> None:
    upload, area = world.an_area()
    (area / "listed").write_bytes(b"is not what the list says")
    (area / "SHA256SUMS").write_bytes(WITH_RULES_AND_A_LIST["SHA256SUMS"])
    look_at(upload)
    assert reasons(upload) == {b"listed": "entry.differs"}

    (area / "SHA256SUMS").rename(area / "the list")
    (area / "SHA256SUMS").symlink_to("the list")
    look_at(upload)

    told = [cause["sentence"] for cause in Preview.objects.get().problems]
    assert "SHA256SUMS compares nothing: it is a link, which is not followed." in told
    assert reasons(upload) == {b"SHA256SUMS": "entry.symlink"}
