"""From a sealed area to a published revision."""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from pathlib import Path

import pytest

from builders import a_project, publish_files
from importing import World, contents, fill, folders, reasons, staged
from moorage.backends import backends
from moorage.files.models import FileVersion, Revision, RevisionState, StoredObject
from moorage.importer.models import ImportRun, ManifestEntry
from moorage.importer.shown.entries import entries_page
from moorage.importer.shown.receipts import problems, receipt
from moorage.importer.words.verdicts import EntryState
from moorage.notices.models import Notice
from moorage.transfers.retrying import retry_upload
from moorage.transfers.states import UploadState

pytestmark = pytest.mark.django_db(transaction=True)

TREE = {
    "run 1/frame 0001.tif": b"first frame",
    "run 1/frame 0002.tif": b"second frame",
    "run 1/notes/readme.txt": b"read me",
    "run 2/frame 0001.tif": b"first frame",
    "calibration.csv": b"",
    "empty/": b"",
}
FILES = {path: content for path, content in TREE.items() if not path.endswith("/")}


def test_an_upload_becomes_one_revision_of_its_project(world: World) -> None:
    upload = world.imported(TREE)

    assert upload.current_state is UploadState.IMPORTED
    assert contents(world, upload.project) == FILES
    assert folders(upload.project)["empty"] == (0, 0)
    assert folders(upload.project)[""] == (5, sum(map(len, FILES.values())))
    revision = Revision.objects.get(project=upload.project)
    assert (revision.state, revision.number, revision.files_added) == (RevisionState.PUBLISHED, 1, 5)
    assert revision.by == upload.owner
    assert upload.is_cleared
    assert not (world.store.sealed / str(upload.pk)).exists()


def test_identical_bytes_are_stored_once(world: World) -> None:
    world.imported(TREE)

    assert StoredObject.objects.count() == 4
    assert sum(len(files) for _, _, files in os.walk(world.store.objects)) == 4


def test_an_import_tells_its_uploader_what_it_did(world: World) -> None:
    upload = world.imported(TREE)

    notice = Notice.objects.get(member=upload.owner, kind="upload.imported")
    assert upload.name in notice.subject
    paper = receipt(upload.pk)
    assert (paper.files, paper.revision, paper.problems) == (5, 1, 0)
    assert paper.verdicts == {"new": {"files": 5, "bytes": sum(map(len, FILES.values()))}}


def test_uploading_the_same_again_makes_a_revision_and_no_version(world: World) -> None:
    first = world.imported(TREE)

    again = world.imported(TREE, first.project)

    assert again.current_state is UploadState.IMPORTED
    assert FileVersion.objects.count() == 5
    assert StoredObject.objects.count() == 4
    assert receipt(again.pk).verdicts == {"identical": {"files": 5, "bytes": sum(map(len, FILES.values()))}}
    first.project.refresh_from_db()
    assert first.project.head == 2
    assert contents(world, first.project) == FILES
    assert not (world.store.sealed / str(again.pk)).exists()


def test_a_changed_file_becomes_exactly_one_new_version(world: World) -> None:
    first = world.imported(TREE)

    second = world.imported({**TREE, "run 1/frame 0001.tif": b"a better frame"}, first.project)

    assert FileVersion.objects.count() == 6
    assert contents(world, first.project, 1) == FILES
    assert contents(world, first.project, 2) == {**FILES, "run 1/frame 0001.tif": b"a better frame"}
    revision = Revision.objects.get(project=first.project, number=2)
    assert (revision.files_added, revision.files_changed) == (0, 1)
    assert receipt(second.pk).verdicts["new_version"]["files"] == 1


def test_a_file_and_a_folder_of_one_name_are_not_mixed(world: World) -> None:
    first = world.imported({"a": b"a file", "b/c": b"in a folder"})

    second = world.imported({"a/x/y": b"below a file", "b": b"a file for a folder", "d": b"good"}, first.project)

    assert second.current_state is UploadState.IMPORTED
    assert contents(world, first.project) == {"a": b"a file", "b/c": b"in a folder", "d": b"good"}
    assert reasons(second) == {
        b"a": "path.file_there",
        b"a/x": "path.file_there",
        b"a/x/y": "path.file_there",
        b"b": "path.folder_there",
    }
    assert staged(world.store.sealed / str(second.pk)) == {"a/x/y", "b"}
    assert "a" in ManifestEntry.objects.get(upload=second, name="y").reason_text


BAD_NAMES = {
    b"not \xff utf8.dat": "path.not_utf8",
    b"line\nbreak": "path.control_characters",
    b"bell\x07": "path.control_characters",
    b"\xff/inner.txt": "path.not_utf8",
}
GOOD_NAMES = [
    "with space",
    "quote'\"",
    "#hash",
    "per%cent",
    "question?",
    "back\\slash",
    ".hidden",
    "-dash",
    "..x",
    "n" * 255,
    "\N{GRINNING FACE}" * 63,
    "\u05e9\u05dc\u05d5\u05dd\u202e.txt",
    "Case",
    "case",
    "caf\u00e9",
    "cafe\u0301",
    "*",
    "a:b",
    "con",
    "trailing ",
]


def test_every_name_is_imported_exactly_or_listed_with_its_reason(world: World) -> None:
    upload, area = world.an_area()
    fill(area, {name: name.encode() for name in GOOD_NAMES})
    for name in BAD_NAMES:
        target = os.fsencode(area) + b"/" + name
        path = Path(os.fsdecode(target))
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"bad " + name)
    sealed = world.seal(upload)

    world.work(upload)

    assert contents(world, upload.project) == {name: name.encode() for name in GOOD_NAMES}
    assert reasons(upload) == {**BAD_NAMES, b"\xff": "path.not_utf8"}
    left = {os.fsencode(name) for name in staged(sealed)}
    assert left == set(BAD_NAMES)
    alike = ManifestEntry.objects.filter(upload=upload, warning="path.looks_alike")
    assert sorted(entry.name for entry in alike) == sorted(["Case", "case", "caf\u00e9", "cafe\u0301"])


def test_links_and_special_files_are_reported_and_not_followed(world: World, tmp_path: Path) -> None:
    upload, area = world.an_area()
    secret = tmp_path / "secret.txt"
    secret.write_bytes(b"of another member")
    fill(area, {"good.txt": b"good", "folder/inner.txt": b"inner"})
    (area / "out").symlink_to(secret)
    (area / "in").symlink_to("good.txt")
    (area / "dangling").symlink_to("nowhere")
    (area / "up").symlink_to("..")
    (area / "linked folder").symlink_to("folder")
    os.mkfifo(area / "pipe")
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(area)
        listener.bind("socket")
        os.chdir(here)
    world.seal(upload)

    world.work(upload)

    assert contents(world, upload.project) == {"good.txt": b"good", "folder/inner.txt": b"inner"}
    links = dict.fromkeys([b"out", b"in", b"dangling", b"up", b"linked folder"], "entry.symlink")
    assert reasons(upload) == {**links, b"pipe": "entry.not_a_file", b"socket": "entry.not_a_file"}
    assert upload.problems == 7
    assert len(list(problems(upload.pk, 1))) == 7
    assert Notice.objects.filter(member=upload.owner, kind="upload.imported_with_problems").exists()


def test_paths_of_4096_bytes_are_imported_and_longer_ones_listed(world: World) -> None:
    upload, area = world.an_area()
    longest = _deep_file(area, 4096)
    too_long = _deep_file(area, 4097, first="b")
    _deep_file(area, 9000, first="c")
    fill(area, {"short": b"short"})
    world.seal(upload)

    world.work(upload)

    assert contents(world, upload.project) == {"short": b"short", longest.decode(): b"deep"}
    codes = reasons(upload)
    assert codes[too_long] == "path.too_long"
    assert set(codes.values()) == {"path.too_long"}
    assert any(path.startswith(b"c/") for path in codes)


def _deep_file(area: Path, length: int, *, first: str = "a") -> bytes:
    """A file whose path has exactly this many bytes."""
    folder = os.open(area, os.O_DIRECTORY)
    names = [first.encode()]
    left = length - len(names[0])
    while left > 202:
        names.append(b"f" * 200)
        left -= 201
    names.append(b"n" * (left - 1))
    for name in names[:-1]:
        with suppress(FileExistsError):
            os.mkdir(name, dir_fd=folder)
        below = os.open(name, os.O_DIRECTORY, dir_fd=folder)
        os.close(folder)
        folder = below
    file = os.open(names[-1], os.O_CREAT | os.O_WRONLY, dir_fd=folder)
    os.write(file, b"deep")
    os.close(file)
    os.close(folder)
    path = b"/".join(names)
    assert len(path) == length
    return path


def test_an_upload_of_which_nothing_is_good_fails_and_keeps_everything(world: World) -> None:
    upload, area = world.an_area()
    (area / "link").symlink_to("nowhere")
    Path(os.fsdecode(os.fsencode(area) + b"/\xff")).write_bytes(b"bytes")
    sealed = world.seal(upload)

    world.work(upload)

    assert upload.current_state is UploadState.FAILED
    assert upload.reason == "import.nothing_good"
    assert upload.project.head == 0
    assert {os.fsencode(name) for name in staged(sealed)} == {b"link", b"\xff"}
    assert receipt(upload.pk).outcome == "failed"
    assert Notice.objects.filter(member=upload.owner, kind="upload.failed").exists()


def test_a_retry_imports_what_was_left_and_adds_a_receipt(world: World) -> None:
    first = world.imported({"taken": b"is a file"})
    upload = world.imported({"taken/x": b"x", "good": b"good"}, first.project)
    assert upload.problems == 2
    assert receipt(upload.pk).revision == 2
    publish_files(first.project, {}, removed=["taken"])

    retry_upload(upload=upload, actor=upload.owner, at=backends().clock())
    world.work(upload)

    assert upload.current_state is UploadState.IMPORTED
    assert upload.problems == 0
    assert contents(world, first.project) == {"taken/x": b"x", "good": b"good"}
    assert [run.outcome for run in ImportRun.objects.filter(upload=upload)] == ["imported", "imported"]
    assert receipt(upload.pk, revision=2).files == 1
    assert receipt(upload.pk, revision=2).problems == 2
    assert receipt(upload.pk).revision == 4
    assert receipt(upload.pk).files == 1
    assert {entry.path: entry.revision for entry in entries_page(upload.pk).items} == {
        "taken": 4,
        "taken/x": 4,
        "good": 2,
    }
    assert not (world.store.sealed / str(upload.pk)).exists()


def test_a_retry_of_what_cannot_be_imported_stays_imported(world: World) -> None:
    upload, area = world.an_area()
    fill(area, {"good": b"good"})
    (area / "link").symlink_to("nowhere")
    world.seal(upload)
    world.work(upload)

    retry_upload(upload=upload, actor=upload.owner, at=backends().clock())
    world.work(upload)

    assert upload.current_state is UploadState.IMPORTED
    assert upload.problems == 1
    upload.project.refresh_from_db()
    assert upload.project.head == 1
    assert [run.outcome for run in ImportRun.objects.filter(upload=upload)] == ["imported", "failed"]


def test_a_plan_is_made_again_where_the_project_has_changed_meanwhile(world: World) -> None:
    project = a_project()
    publish_files(project, {"f": b"file", "d/x": b"in a folder", "same": b"same"}, store=world.store)
    upload = world.a_sealed_upload(
        {"f/below": b"was blocked", "d": b"was blocked too", "new/deep/file": b"will be blocked", "same": b"same"},
        project,
    )

    def meanwhile(seam: str) -> None:
        if seam == "placed":
            publish_files(project, {"new": b"a file now"}, removed=["f", "same"], store=world.store)

    world.work_until(upload, meanwhile)

    assert reasons(upload) == {
        b"d": "path.folder_there",
        b"new": "path.file_there",
        b"new/deep": "path.file_there",
        b"new/deep/file": "path.file_there",
    }
    seen = contents(world, project)
    assert seen == {"f/below": b"was blocked", "d/x": b"in a folder", "new": b"a file now", "same": b"same"}


def test_entries_are_registered_once_and_know_their_revision(world: World) -> None:
    upload = world.imported(TREE)

    entries = entries_page(upload.pk).items
    assert {entry.state for entry in entries} == {EntryState.REGISTERED}
    assert {entry.revision for entry in entries} == {1}
    # A version's id ends with its entry's number.
    versions = {version.pk.int % 2**48: version.name for version in FileVersion.objects.all()}
    assert versions == {entry.number: entry.path.rpartition("/")[2] for entry in entries if entry.kind == "file"}
