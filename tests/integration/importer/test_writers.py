"""Another process that still has files or folders of an upload open, through seal, digest and place."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from another_account import as_nobody, let_in
from importing import World, contents, fill, reasons, staged
from moorage.backends import backends
from moorage.files.models import StoredObject
from moorage.importer.batches.data import BatchOrder, unflat
from moorage.importer.batches.place import place_batch
from moorage.transfers.models import Upload
from moorage.transfers.retrying import retry_upload
from outside_writer import OutsideWriter, outside_writer
from small_steps import small_steps

pytestmark = pytest.mark.django_db(transaction=True)

NOBODY = 65534


@pytest.fixture
def writer() -> Iterator[OutsideWriter]:
    with outside_writer() as process:
        yield process


def an_area_with(world: World, files: dict[str, bytes]) -> tuple[Upload, Path]:
    upload, area = world.an_area()
    fill(area, files)
    return upload, area


def retried(world: World, upload: Upload) -> None:
    retry_upload(upload=upload, actor=upload.owner, at=backends().clock())
    world.work(upload)


def check_objects(world: World) -> None:
    """Every object is what its name says, and nobody may write to it."""
    for stored in StoredObject.objects.all():
        path = world.store.objects / stored.digest[:2] / stored.digest
        assert sha256(path.read_bytes()).hexdigest() == stored.digest
        assert not path.stat().st_mode & 0o222


@pytest.mark.parametrize("how", ["open", "map"])
def test_what_another_process_has_open_for_writing_is_left_out_and_taken_when_it_has_ended(
    world: World, writer: OutsideWriter, how: str
) -> None:
    upload, area = an_area_with(world, {"held": b"as it was found", "good": b"good"})
    assert writer.tell(how, area / "held") == "done"
    sealed = world.seal(upload)

    world.work(upload)
    assert reasons(upload) == {b"held": "entry.still_open"}
    assert contents(world, upload.project) == {"good": b"good"}
    assert writer.tell("write", "XXX") == "done"
    assert (sealed / "held").read_bytes() == b"XXXit was found"
    check_objects(world)

    assert writer.tell("close") == "done"
    retried(world, upload)

    assert contents(world, upload.project) == {"good": b"good", "held": b"XXXit was found"}
    check_objects(world)


@pytest.mark.parametrize("how", ["open", "map"])
def test_a_process_that_writes_and_ends_within_the_quiet_time_is_waited_for(
    world: World, writer: OutsideWriter, how: str
) -> None:
    upload, area = an_area_with(world, {"late": b"as it was found"})
    writer.tell(how, area / "late")
    world.seal(upload)

    def end() -> None:
        writer.tell("write", "END")
        writer.tell("close")

    ending = threading.Timer(0.4, end)
    ending.start()
    world.work(upload)
    ending.join()

    assert upload.problems == 0
    assert contents(world, upload.project) == {"late": b"ENDit was found"}
    check_objects(world)


def test_a_process_that_opened_a_folder_before_the_seal_loses_nothing_and_changes_nothing(
    world: World, writer: OutsideWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module, name, value in small_steps(files=2, rows=100):
        monkeypatch.setattr(module, name, value)
    files = {f"folder/{number}": b"file %d" % number for number in range(6)}
    upload, area = an_area_with(world, files)
    writer.tell("folder", area / "folder")
    sealed = world.seal(upload)
    wrote: dict[str, bytes] = {}

    def meanwhile(seam: str) -> None:
        text = f"written at {len(wrote)}: {seam}"
        assert writer.tell("create", f"new {len(wrote)}", text) == "done"
        wrote[f"folder/new {len(wrote)}"] = text.encode()
        if seam == "published":
            assert writer.tell("exchange", "3", "another") == "done"

    world.work_until(upload, meanwhile)

    assert len(wrote) > 8
    seen, left = contents(world, upload.project), staged(sealed)
    assert {path: seen[path] for path in files} == files
    for path, content in wrote.items():
        here = (sealed / path).read_bytes() if path in left else seen.get(path)
        assert here == content, path
    assert (sealed / "folder" / "3").read_bytes() == b"another"
    check_objects(world)


def test_a_process_of_our_own_account_cannot_open_for_writing_what_was_placed(tmp_path: Path) -> None:
    """As Globus's processes run: under the account that Moorage runs as, and not as root."""
    if os.geteuid() != 0:
        pytest.skip("Only root can act as another account.")
    area, objects = tmp_path / "area", tmp_path / "objects"
    fill(area, {"file": b"as it was digested"})
    objects.mkdir()
    let_in(tmp_path)
    for path in (area, area / "file", objects):
        os.chown(path, NOBODY, NOBODY)
    folder = os.open(area, os.O_RDONLY | os.O_DIRECTORY)
    assert as_nobody(lambda: opens(folder, "file"))
    order = BatchOrder(str(area), str(objects), ((b"file", 18, None),), youngest_seconds=0)

    answer = as_nobody(lambda: place_batch(order))

    assert unflat(answer.placed[0]).how == "linked"
    assert not as_nobody(lambda: opens(folder, "file"))
    os.close(folder)


def opens(folder: int, name: str) -> bool:
    """Whether a file of an open folder can be opened for writing."""
    try:
        os.close(os.open(name, os.O_RDWR, dir_fd=folder))
    except PermissionError:
        return False
    return True
