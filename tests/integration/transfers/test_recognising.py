"""Which folder is the store: made where it is new, recognised by what the database knows, and never by an empty one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256

import pytest

from builders import a_file_arrives, a_globus_member, a_project, an_open_upload
from fakes.globus import InMemoryTransferService
from moorage.backends import backends
from moorage.files.models import ObjectState, StoredObject
from moorage.jobs.recognising import make_store, recognise_store
from moorage.jobs.sweeps import closing, tidying
from moorage.storage.areas import StagingAreas
from moorage.storage.layout import StoreAwayError, StoreLayout
from moorage.transfers.arrivals import look_at_area
from moorage.transfers.closing import CloseStep
from moorage.transfers.discarding import continue_discarding, start_discarding
from moorage.transfers.models import Upload
from moorage.transfers.opening import open_upload, prepare_upload
from moorage.transfers.remnants import trash_remnants
from moorage.transfers.room import check_room
from moorage.transfers.states import UploadState

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("globus")]

FOLDERS = ("collection", "sealed", "objects", "trees", "trash")


def an_object(store: StoreLayout, content: bytes) -> StoredObject:
    digest = sha256(content).hexdigest()
    path = store.objects / digest[:2] / digest
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return StoredObject.objects.create(
        digest=digest, size_bytes=len(content), crc32=0, modified_ns=0, changed_ns=0, state=ObjectState.LIVE,
        state_changed_at=backends().clock(),
    )  # fmt: skip


@contextmanager
def unmounted(store: StoreLayout) -> Iterator[None]:
    disk = store.root.parent / "its disk"
    store.root.rename(disk)
    for name in FOLDERS:
        (store.root / name).mkdir(parents=True)
    yield
    shutil.rmtree(store.root)
    disk.rename(store.root)


def is_recognised(store: StoreLayout) -> bool:
    """What the sweep of a worker makes of it."""
    try:
        recognise_store(backends().clock())
    except StoreAwayError:
        assert not store.is_there()
        return False
    return store.is_there()


def test_a_new_installation_gets_its_store(store: StoreLayout) -> None:
    shutil.rmtree(store.root)
    assert not is_recognised(store)

    assert make_store(store)

    assert is_recognised(store)


@pytest.mark.parametrize("what", ["object", "area"])
def test_an_empty_folder_is_not_the_store_of_an_installation_with_files(
    store: StoreLayout, globus: InMemoryTransferService, what: str
) -> None:
    if what == "object":
        an_object(store, b"a")
    else:
        an_open_upload(globus)

    with unmounted(store):
        assert not is_recognised(store)
        assert not make_store(store)

    assert is_recognised(store)


@pytest.mark.parametrize("what", ["object", "area", "sealed"])
@pytest.mark.parametrize("by", ["a worker", "migrate"])
def test_a_store_from_before_there_were_marks_is_recognised(
    store: StoreLayout, globus: InMemoryTransferService, what: str, by: str
) -> None:
    if what == "object":
        an_object(store, b"a")
    else:
        upload = an_open_upload(globus)
        if what == "sealed":
            StagingAreas(store).seal(upload.area_name, upload.pk)
    store.mark.rmdir()
    assert not store.is_there()

    assert is_recognised(store) if by == "a worker" else make_store(store)


def test_what_was_put_beside_the_store_by_mistake_does_not_make_it_one(store: StoreLayout) -> None:
    an_object(store, b"old")

    with unmounted(store):
        for number in range(3):
            digest = an_object(store, f"new {number}".encode()).digest
            assert (store.objects / digest[:2] / digest).exists()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("moorage.jobs.recognising.LOOKED_FOR", 1)
            assert not is_recognised(store)


def test_a_store_that_was_put_back_in_part_is_made_whole_by_migrate_alone(store: StoreLayout) -> None:
    an_object(store, b"a")
    store.mark.rmdir()
    shutil.rmtree(store.trees)
    assert not is_recognised(store)

    assert make_store(store)

    assert store.trees.is_dir()


def test_what_was_requested_waits_for_the_store_and_says_so(
    store: StoreLayout, globus: InMemoryTransferService
) -> None:
    owner = a_globus_member(globus)
    upload = open_upload(project=a_project(owner), actor=owner, name="Scan", at=backends().clock())

    with unmounted(store):
        with pytest.raises(StoreAwayError):
            prepare_upload(upload, at=backends().clock())
        with pytest.raises(StoreAwayError):
            check_room()
        assert list(store.collection.iterdir()) == []
    upload.refresh_from_db()
    assert (upload.current_state, upload.reason) == (UploadState.REQUESTED, "store.away")
    assert upload.reason_text.endswith("tell the operator. This upload opens by itself when it is back.")

    prepare_upload(upload, at=backends().clock())
    upload.refresh_from_db()
    assert (upload.current_state, upload.reason_text) == (UploadState.OPEN, "")


def test_an_open_upload_says_that_its_store_is_away(store: StoreLayout, globus: InMemoryTransferService) -> None:
    upload = an_open_upload(globus)
    a_file_arrives(upload, "a")
    look_at_area(upload, at=backends().clock())

    with unmounted(store), pytest.raises(StoreAwayError):
        look_at_area(upload, at=backends().clock())
    upload.refresh_from_db()
    assert (upload.files_arrived, upload.reason) == (1, "store.away")

    look_at_area(upload, at=backends().clock())
    upload.refresh_from_db()
    assert (upload.files_arrived, upload.reason, upload.reason_text) == (1, "", "")


def test_an_upload_is_not_discarded_while_its_area_is_away(store: StoreLayout, globus: InMemoryTransferService) -> None:
    upload = an_open_upload(globus)
    start_discarding(upload=upload, actor=upload.owner, at=backends().clock())

    with unmounted(store):
        for _ in range(5):
            with suppress(StoreAwayError):
                closing.discard(backends().clock())
    upload.refresh_from_db()
    assert (upload.current_state, upload.close_step) == (UploadState.DISCARDING, CloseStep.MOVE)

    assert continue_discarding(upload, at=backends().clock())
    assert len(list(store.trash.iterdir())) == 1


def test_remnants_are_not_said_to_be_gone_while_they_are_away(
    store: StoreLayout, globus: InMemoryTransferService
) -> None:
    upload = an_open_upload(globus)
    Upload.objects.update(state=UploadState.IMPORTED, is_cleared=True, imported_at=backends().clock())
    upload.refresh_from_db()

    with unmounted(store), pytest.raises(StoreAwayError):
        trash_remnants(upload, at=backends().clock())

    upload.refresh_from_db()
    assert upload.remnants_gone_at is None
    assert tidying.trash(backends().clock()) is None


def test_an_empty_folder_is_not_the_store_of_an_installation_whose_uploads_were_all_discarded(
    store: StoreLayout, globus: InMemoryTransferService
) -> None:
    upload = an_open_upload(globus)
    Upload.objects.filter(pk=upload.pk).update(state=UploadState.DISCARDED.value)
    shutil.rmtree(store.root)

    assert not make_store(store)
    assert not store.root.exists()
    for name in FOLDERS:
        (store.root / name).mkdir(parents=True)
    assert make_store(store), "as a store of an earlier version has them"


def test_a_store_that_is_there_is_left_as_it_is(store: StoreLayout) -> None:
    store.collection.chmod(0o750)

    assert make_store(store)

    assert store.collection.stat().st_mode & 0o777 == 0o750
