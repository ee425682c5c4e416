"""A file that is dated thousands of years away is imported, read, downloaded and verified like any other."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest
from django.utils import timezone

from importing import World, contents, fill
from moorage.files.browsing import find_file
from moorage.files.content import open_content
from moorage.files.fixity_rounds import run_slice
from moorage.files.models import StoredObject
from moorage.files.store_check import StoreCheck
from moorage.importer.asked.previews import ask_preview
from moorage.jobs import previews
from moorage.leases import LeaseWatch
from moorage.storage.digests import Digest
from moorage.storage.links import Links
from moorage.storage.objects import ObjectStore
from moorage.transfers.models import Upload
from storekeeping import MovedClock, checks_of

pytestmark = pytest.mark.django_db(transaction=True)

FILES = {"good": b"good", "instrument": b"its clock was wrong"}
FAR_SECONDS = 10_000_000_000  # the year 2286: more nanoseconds than a database's integer holds


@pytest.fixture(params=[False, True], ids=["at once", "after a preview with digests"])
def imported(world: World, request: pytest.FixtureRequest) -> Upload:
    """An upload whose instrument file is linked into the store with its time."""
    upload, area = world.an_area()
    fill(area, FILES)
    os.utime(area / "instrument", (FAR_SECONDS, FAR_SECONDS))
    if (area / "instrument").stat().st_mtime != FAR_SECONDS:
        pytest.skip("the file system holds no such times")
    if request.param:
        _a_preview_with_digests_is_made(upload)
    world.seal(upload)
    world.work(upload)
    assert contents(world, upload.project) == FILES
    return upload


def _the_object_is_dated(world: World, content: bytes) -> StoredObject:
    """As the store has it where the file was linked: whether it is depends on who wrote it, and when."""
    stored = next(one for one in StoredObject.objects.all() if one.size_bytes == len(content))
    with ObjectStore(world.store.objects) as objects:
        path = objects.path_of(Digest(stored.digest))
    os.utime(path, (FAR_SECONDS, FAR_SECONDS))
    StoredObject.objects.filter(pk=stored.pk).update(modified_ns=2**63 - 1)
    stored.refresh_from_db()
    return stored


def test_it_is_given_out(world: World, imported: Upload) -> None:
    stored = _the_object_is_dated(world, FILES["instrument"])
    version = find_file(imported.project, "instrument", revision=1)

    with open_content(version, store=world.store) as content:
        assert os.pread(content.descriptor, 100, 0) == FILES["instrument"]
    (world.store.trees / "tree").mkdir()
    with Links(world.store.trees / "tree", world.store.objects) as links:
        file = (b"instrument", stored.digest, stored.size_bytes, stored.modified_ns)
        assert links.link_all([file], "")[1] == []


def test_a_round_of_fixity_reads_it_and_what_comes_after_it(world: World, imported: Upload) -> None:
    stored = _the_object_is_dated(world, FILES["instrument"])
    StoredObject.objects.update(verified_at=None)
    clock = MovedClock()

    tally, _ = run_slice(checks_of(world.store, clock), within=timedelta(days=30))

    assert (tally.objects, tally.damaged) == (len(FILES), 0)
    stored.refresh_from_db()
    assert (stored.verified_at, stored.modified_ns) == (clock(), 2**63 - 1)
    assert StoreCheck(checks_of(world.store, clock), None).run().is_sound


def _a_preview_with_digests_is_made(upload: Upload) -> None:
    ask_preview(
        upload_id=upload.pk, project_id=upload.project_id, by=upload.owner, at=timezone.now(), with_digests=True
    )
    lease = previews.claim_next(LeaseWatch())
    assert lease is not None
    previews.work(lease)
