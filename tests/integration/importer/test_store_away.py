"""A store that is away for a while: an import waits for it, and nothing that is on it is believed to be gone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from typing import Any

import pytest

from importing import Crash, World, contents, fill, reasons, staged
from moorage.backends import backends
from moorage.importer.asked.previews import ask_preview
from moorage.importer.batches.plain import PlainOrder, all_odd
from moorage.importer.ledger import job as import_job
from moorage.importer.models import ImportRun, Preview, PreviewState
from moorage.importer.publish.clear import clear_published
from moorage.jobs import previews
from moorage.leases import LeaseWatch
from moorage.transfers.cancelling import cancel_import
from moorage.transfers.models import Upload
from moorage.transfers.retrying import retry_upload
from moorage.transfers.states import UploadState

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


@pytest.mark.parametrize("names", [("sealed",), WHOLE_STORE], ids=["sealed", "all"])
def test_an_import_whose_store_is_away_waits_and_then_imports_everything(world: World, names: tuple[str, ...]) -> None:
    upload = world.a_sealed_upload({"a": b"a", "folder/b": b"b"})

    with away(world, *names):
        for _ in range(7):  # it may take longer than a bug has tries
            world.work(upload)
            assert waits_for_the_disk(upload), upload.reason_text
            ImportRun.objects.update(not_before=None)

    world.work(upload)
    assert (upload.current_state, upload.problems, upload.reason) == (UploadState.IMPORTED, 0, "")
    assert contents(world, upload.project) == {"a": b"a", "folder/b": b"b"}


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
    monkeypatch.setattr(import_job, "ROOM_POLL_SECONDS", 0.05)
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
