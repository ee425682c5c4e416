"""Objects that are not as they were when they were read: an import that brings their bytes reads them first."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from builders import a_project
from importing import World, contents
from kill_matrix import Inline
from moorage.backends import backends
from moorage.files.models import ObjectState, StoredObject
from moorage.importer.models import ManifestEntry
from moorage.projects.models import Project
from moorage.storage import placing, sync
from moorage.transfers.retrying import retry_upload
from moorage.transfers.states import UploadState
from storekeeping import file_of

pytestmark = pytest.mark.django_db(transaction=True)

FILES = {"a": b"precious", "d/b": b"other", "d/c": b"third"}


def spoil(world: World, content: bytes) -> Path:
    """One byte of an object is another now."""
    stored = file_of(world.store, content)
    stored.chmod(0o644)
    stored.write_bytes(b"#" + content[1:])
    stored.chmod(0o444)
    return stored


@pytest.mark.parametrize("where", ["the same paths", "other paths", "another project"])
@pytest.mark.parametrize("way", ["by name", "the usual way"])
def test_a_good_copy_takes_the_place_of_what_was_changed(world: World, where: str, way: str) -> None:
    project = a_project()
    world.imported(FILES, project)
    for content in FILES.values():
        spoil(world, content)
    files = {f"elsewhere/{path}": content for path, content in FILES.items()} if where == "other paths" else FILES
    upload = world.a_sealed_upload(files, a_project() if where == "another project" else project)
    if way == "the usual way":
        # Files with two names are.
        area = world.store.sealed / str(upload.pk)
        for number, path in enumerate(files):
            os.link(area / path, world.store.root / f"second name {number}")

    world.work(upload)

    assert upload.current_state is UploadState.IMPORTED
    read = contents(world, Project.objects.get(pk=upload.project_id))
    assert {path: read[path] for path in files} == files
    assert {file_of(world.store, content).read_bytes() for content in FILES.values()} == set(FILES.values())
    assert set(StoredObject.objects.values_list("state", flat=True)) == {ObjectState.LIVE}


@pytest.mark.parametrize("way", ["by name", "the usual way"])
def test_a_good_copy_takes_the_place_of_a_folder(world: World, way: str) -> None:
    project = a_project()
    world.imported({"a": b"precious"}, project)
    stored = file_of(world.store, b"precious")
    stored.unlink()
    stored.mkdir()
    upload = world.a_sealed_upload({"again": b"precious"}, project)
    if way == "the usual way":
        os.link(world.store.sealed / str(upload.pk) / "again", world.store.root / "second name")

    world.work(upload)

    assert upload.current_state is UploadState.IMPORTED
    assert stored.read_bytes() == b"precious"


def test_what_was_only_touched_is_kept(world: World) -> None:
    project = a_project()
    world.imported(FILES, project)
    touched = file_of(world.store, FILES["a"])
    inode = touched.stat().st_ino
    os.utime(touched, ns=(0, 1))

    world.imported(FILES, project)

    assert touched.stat().st_ino == inode
    assert StoredObject.objects.get(modified_ns=1).state == ObjectState.LIVE


@pytest.mark.parametrize("is_large", [False, True])
def test_what_a_failed_sync_may_have_lost_is_copied_or_read_from_the_disk(
    world: World, monkeypatch: pytest.MonkeyPatch, *, is_large: bool
) -> None:
    world.executor = Inline()
    upload = world.a_sealed_upload(FILES)
    inode = (world.store.sealed / str(upload.pk) / "a").stat().st_ino
    read_anew: list[int] = []
    monkeypatch.setattr(placing, "COPIED_BYTES", 0 if is_large else 1 << 20)
    monkeypatch.setattr(os, "posix_fadvise", lambda descriptor, *_: read_anew.append(os.fstat(descriptor).st_ino))

    def lost(_: int) -> None:
        raise OSError(errno.EIO, "a write failed")

    with monkeypatch.context() as failing:
        failing.setattr(sync, "sync_file_system", lost)
        world.work(upload)
    assert contents(world, upload.project) == {}
    retry_upload(upload=upload, actor=upload.owner, at=backends().clock())
    world.work(upload)

    assert contents(world, upload.project) == FILES
    stored = file_of(world.store, FILES["a"]).stat().st_ino
    assert (stored == inode, inode in read_anew) == (is_large, is_large)
    assert ManifestEntry.objects.get(name="a").stored_object is not None
