"""A store that is away for a while: an import waits for it, and nothing that is on it is believed to be gone."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager, suppress
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from importing import Crash, World, contents, fill, reasons, staged
from moorage.backends import backends, using
from moorage.config import wiring
from moorage.config.settings import OPTIONS
from moorage.importer.asked.previews import ask_preview
from moorage.importer.batches.plain import PlainOrder, all_odd
from moorage.importer.ledger import disk_waits
from moorage.importer.ledger.job import ImportJob
from moorage.importer.models import ImportRun, Preview, PreviewState
from moorage.importer.publish.clear import clear_published
from moorage.jobs import imports, previews
from moorage.jobs.import_troubles import before_their_runs
from moorage.jobs.recognising import recognise_store
from moorage.jobs.small_imports import is_small
from moorage.jobs.sweeps.clearing import clear_imported
from moorage.leases import LeaseWatch
from moorage.storage.layout import StoreAwayError
from moorage.transfers.cancelling import cancel_import
from moorage.transfers.models import Upload
from moorage.transfers.retrying import retry_upload
from moorage.transfers.states import UploadState
from moorage.transfers.wording import state_text

pytestmark = pytest.mark.django_db(transaction=True)

WHOLE_STORE = ("sealed", "objects", "collection", "trash", "trees")


@contextmanager
def away(world: World, *names: str) -> Iterator[None]:
    """These folders of the store are not there."""
    for name in names:
        (world.store.root / name).rename(world.store.root.parent / f"away {name}")
    yield
    for name in names:
        (world.store.root.parent / f"away {name}").rename(world.store.root / name)


@contextmanager
def unmounted(world: World) -> Iterator[None]:
    """In the place of the store there is the folder that its disk is mounted on, in which folders were made once."""
    root, disk = world.store.root, world.store.root.parent / "its disk"
    root.rename(disk)
    for name in WHOLE_STORE:
        (root / name).mkdir(parents=True)
    yield
    assert [path for path in root.rglob("*") if path.name not in WHOLE_STORE] == [], "something was put on it"
    shutil.rmtree(root)
    disk.rename(root)


@contextmanager
def a_worker_that_starts(world: World) -> Iterator[None]:
    """A worker's own backends, made anew, and its first sweep for the store."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("moorage.config.wiring.OPTIONS", OPTIONS.model_copy(update={"store": world.store.root}))
        store = wiring.make_backends().store
    with using(replace(backends(), store=store)):
        with suppress(StoreAwayError):
            recognise_store(backends().clock())
        yield


def an_upload_with_a_remnant(world: World) -> Upload:
    upload, area = world.an_area()
    fill(area, {"a": b"a", "b": b"b"})
    os.symlink("a", area / "link")
    world.seal(upload)
    world.work(upload)
    assert (upload.current_state, upload.problems) == (UploadState.IMPORTED, 1)
    return upload


def waits_for_the_disk(upload: Upload) -> bool:
    return (upload.current_state, upload.reason) == (UploadState.IMPORTING, "import.store_away")


def it_goes_on_to_its_end(world: World, upload: Upload) -> None:
    world.work(upload)
    assert (upload.current_state, upload.problems, upload.reason) == (UploadState.IMPORTED, 0, "")
    assert contents(world, upload.project) == {"a": b"a", "folder/b": b"b"}


@pytest.mark.parametrize("names", [("sealed",), WHOLE_STORE], ids=["sealed", "all"])
def test_an_import_whose_store_is_away_waits_and_then_imports_everything(world: World, names: tuple[str, ...]) -> None:
    upload = world.a_sealed_upload({"a": b"a", "folder/b": b"b"})

    with away(world, *names):
        for _ in range(7):  # it may take longer than a bug has tries
            world.work(upload)
            assert waits_for_the_disk(upload), upload.reason_text
            ImportRun.objects.update(not_before=None)

    it_goes_on_to_its_end(world, upload)


def test_a_retry_whose_store_is_away_forgets_no_remnant(world: World) -> None:
    upload = an_upload_with_a_remnant(world)
    retry_upload(upload=upload, actor=upload.owner, at=backends().clock())

    with away(world, "sealed"):
        world.work(upload)
        assert waits_for_the_disk(upload), upload.reason_text
        assert reasons(upload) == {b"link": "entry.symlink"}

    ImportRun.objects.update(not_before=None)
    world.work(upload)
    assert (upload.current_state, upload.problems) == (UploadState.IMPORTED, 1)
    assert reasons(upload) == {b"link": "entry.symlink"}


@pytest.mark.parametrize("is_plain", [True, False], ids=["plain", "usual"])
def test_a_store_that_goes_away_while_files_are_placed_costs_no_file(
    world: World, monkeypatch: pytest.MonkeyPatch, is_plain: bool
) -> None:
    monkeypatch.setattr(disk_waits, "POLL_SECONDS", 0.05)
    upload = world.a_sealed_upload({"a": b"a", "folder/b": b"b"})
    there, elsewhere = world.store.sealed, world.store.root / "not mounted"
    tries = list[str]()

    class Unmounting(Executor):
        """Does batches here; the sealed areas are away for the first two."""

        def submit(self, fn: Callable[..., Any], /, *args: Any, **_: Any) -> Future[Any]:
            future: Future[Any] = Future()
            if isinstance(args[0], PlainOrder) and not is_plain:
                future.set_result(all_odd(args[0]))
                return future
            tries.append(type(args[0]).__name__)
            if len(tries) == 1:
                there.rename(elsewhere)
            if len(tries) == 3:
                elsewhere.rename(there)
            future.set_result(fn(*args))
            return future

    world.executor = Unmounting()
    world.work(upload)

    assert len(tries) >= 3
    assert (upload.current_state, upload.problems) == (UploadState.IMPORTED, 0), reasons(upload)
    assert contents(world, upload.project) == {"a": b"a", "folder/b": b"b"}


def test_a_preview_whose_store_is_away_says_so_and_forgets_nothing(world: World) -> None:
    upload = an_upload_with_a_remnant(world)
    ask_preview(upload_id=upload.pk, project_id=upload.project_id, by=upload.owner, at=backends().clock())
    lease = previews.claim_next(LeaseWatch())
    assert lease is not None

    with away(world, "sealed"):
        previews.work(lease)

    preview = Preview.objects.get()
    assert (preview.state, preview.reason) == (PreviewState.FAILED, "store.away")
    assert reasons(upload) == {b"link": "entry.symlink"}


def test_an_import_that_waits_for_its_store_can_be_cancelled(world: World) -> None:
    upload = world.a_sealed_upload({"a": b"a"})
    with away(world, "sealed"):
        world.work(upload)
        assert waits_for_the_disk(upload)
        cancel_import(upload=upload, actor=upload.owner, at=backends().clock())
        ImportRun.objects.update(not_before=None)
        world.work(upload)

    assert (upload.current_state, upload.reason) == (UploadState.FAILED, "cancelled")


def test_what_is_published_while_the_store_is_away_is_cleared_later(world: World) -> None:
    upload = world.a_sealed_upload({"a": b"a"})
    area = world.store.sealed / str(upload.pk)

    def goes_away(seam: str) -> None:
        if seam == "published":
            raise Crash

    with pytest.raises(Crash):
        world.work_until(upload, goes_away)
    assert staged(area) == {"a"}
    with away(world, "sealed"), pytest.raises(OSError, match="No such file"):
        clear_published(upload_id=upload.pk, store=world.store)
    assert clear_published(upload_id=upload.pk, store=world.store) == 1


def test_a_worker_that_starts_without_the_disk_waits_for_it(world: World) -> None:
    upload = world.a_sealed_upload({"a": b"a", "folder/b": b"b"})

    with unmounted(world), a_worker_that_starts(world):
        for _ in range(7):
            world.work(upload)
            assert waits_for_the_disk(upload), upload.reason_text
            ImportRun.objects.update(not_before=None)
    assert state_text(upload) == (
        "Being imported, with a pause: The disk with the files is not there at the moment. Nothing is lost; tell the "
        "operator. This goes on by itself."
    )

    it_goes_on_to_its_end(world, upload)


def test_a_retry_in_a_worker_that_starts_without_the_disk_forgets_no_remnant(world: World) -> None:
    upload = an_upload_with_a_remnant(world)
    retry_upload(upload=upload, actor=upload.owner, at=backends().clock())

    with unmounted(world), a_worker_that_starts(world):
        world.work(upload)
        assert waits_for_the_disk(upload), upload.reason_text
        assert reasons(upload) == {b"link": "entry.symlink"}

    ImportRun.objects.update(not_before=None)
    world.work(upload)
    assert (upload.current_state, upload.problems) == (UploadState.IMPORTED, 1)
    assert reasons(upload) == {b"link": "entry.symlink"}


class Away(Executor):
    """Does batches here; the store goes away after the first, or with it, and is back for the batch `until`."""

    def __init__(self, world: World, *, before: int = 0, after: int = 0, until: int = 0) -> None:
        self.before, self.after, self.until = before, after, until
        self.there, self.elsewhere = world.store.root, world.store.root.parent / "not mounted"
        self.tries = 0

    def submit(self, fn: Callable[..., Any], /, *args: Any, **_: Any) -> Future[Any]:
        future: Future[Any] = Future()
        self.tries += 1
        if self.tries == self.until:
            self.come_back()
        if self.tries == self.before:
            self.there.rename(self.elsewhere)
        future.set_result(fn(*args))
        if self.tries == self.after:
            self.there.rename(self.elsewhere)
        return future

    def come_back(self) -> None:
        if self.elsewhere.exists():
            self.elsewhere.rename(self.there)


def test_files_that_turn_out_odd_while_the_store_is_away_are_not_gone(world: World) -> None:
    upload, area = world.an_area()
    fill(area, {"a": b"a", "folder/b": b"b"})
    os.link(area / "a", area / "twice")  # a second link: a plain batch sends both the usual way
    world.seal(upload)
    world.executor = one = Away(world, after=1)

    world.work(upload)
    assert waits_for_the_disk(upload), reasons(upload)
    one.come_back()
    ImportRun.objects.update(not_before=None)
    world.work(upload)

    assert (upload.current_state, upload.problems) == (UploadState.IMPORTED, 0), reasons(upload)
    assert contents(world, upload.project) == {"a": b"a", "folder/b": b"b", "twice": b"a"}


@pytest.mark.parametrize("is_plain", [True, False], ids=["plain", "usual"])
def test_a_pause_for_a_store_that_is_away_says_so(
    world: World, monkeypatch: pytest.MonkeyPatch, is_plain: bool
) -> None:
    monkeypatch.setattr(disk_waits, "POLL_SECONDS", 0.05)
    upload, area = world.an_area()
    fill(area, {"a": b"a"})
    if not is_plain:
        fill(area, {"SHA256SUMS": f"{sha256(b'a').hexdigest()}  a\n".encode()})
    world.seal(upload)
    there, elsewhere = world.store.sealed, world.store.root / "not mounted"
    said, tries, plain = list[tuple[str, str]](), list[int](), ImportJob.pause

    def noted(job: ImportJob, code: str, sentence: str) -> None:
        plain(job, code, sentence)
        said.append((code, state_text(Upload.objects.get())))

    class Unmounting(Executor):
        def submit(self, fn: Callable[..., Any], /, *args: Any, **_: Any) -> Future[Any]:
            future: Future[Any] = Future()
            tries.append(1)
            if len(tries) == 1:
                there.rename(elsewhere)
            if len(tries) == 3:
                elsewhere.rename(there)
            future.set_result(fn(*args))
            return future

    monkeypatch.setattr(ImportJob, "pause", noted)
    world.executor = Unmounting()
    world.work(upload)

    assert {code for code, _ in said} == {"import.store_away"}
    assert "tell the operator. This goes on by itself." in said[0][1]
    assert (upload.current_state, upload.reason) == (UploadState.IMPORTED, "")


def test_a_disk_that_fails_because_it_is_gone_costs_no_try(world: World) -> None:
    upload = world.a_sealed_upload({"a": b"a"})

    def pulled_out(*_: object) -> None:
        world.store.root.rename(world.store.root.parent / "its disk")
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(imports, "run_import", pulled_out)
        world.work(upload)
    assert waits_for_the_disk(upload), upload.reason_text

    world.store.root.parent.joinpath("its disk").rename(world.store.root)
    before_their_runs.forget(upload.pk)
    world.work(upload)
    assert upload.current_state is UploadState.IMPORTED


def test_rules_that_are_away_with_the_store_are_not_taken_for_none(world: World) -> None:
    upload = world.a_sealed_upload({"a.tmp": b"a", "b": b"b", ".moorageignore": b"*.tmp\n"})
    reached = list[str]()

    def goes_away(seam: str) -> None:
        if seam in {"right taken", "right kept"}:
            reached.append(seam)
            world.store.root.rename(world.store.root.parent / "its disk")

    with pytest.raises(StoreAwayError):
        world.work_until(upload, goes_away)
    assert len(reached) == 1
    upload.project.refresh_from_db()
    assert upload.project.head == 0

    world.store.root.parent.joinpath("its disk").rename(world.store.root)
    world.work(upload)
    assert sorted(contents(world, upload.project)) == [".moorageignore", "b"]


def test_an_import_is_small_again_when_its_store_is_back(world: World) -> None:
    upload = world.a_sealed_upload({"a": b"a"})
    with unmounted(world):
        assert not is_small(upload)

    assert is_small(upload)


def test_a_preview_on_a_mount_point_says_what_to_do(world: World) -> None:
    upload = an_upload_with_a_remnant(world)
    ask_preview(upload_id=upload.pk, project_id=upload.project_id, by=upload.owner, at=backends().clock())
    lease = previews.claim_next(LeaseWatch())
    assert lease is not None

    with unmounted(world):
        previews.work(lease)

    preview = Preview.objects.get()
    assert (preview.state, preview.reason) == (PreviewState.FAILED, "store.away")
    assert preview.reason_text.endswith("tell the operator. Look again when it is back.")
    assert reasons(upload) == {b"link": "entry.symlink"}


def test_nothing_counts_as_cleared_on_a_mount_point(world: World) -> None:
    upload = world.a_sealed_upload({"a": b"a"})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(imports, "_clear", lambda *_: None)
        world.work(upload)
    area = world.store.sealed / str(upload.pk)
    assert staged(area) == {"a"}

    with unmounted(world):
        clear_imported(backends().clock())
        upload.refresh_from_db()
        assert not upload.is_cleared

    clear_imported(backends().clock())
    upload.refresh_from_db()
    assert upload.is_cleared
    assert not area.exists()
