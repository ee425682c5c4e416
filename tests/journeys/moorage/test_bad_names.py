"""A tree of everything that file systems allow, through Globus into a project and out again."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from running_moorage import RunningMoorage
from script_author import ScriptAuthor, digests_below

pytestmark = pytest.mark.journey

GOOD = (
    b"with space",
    b"quote'and\"quotes",
    b"#hash %41 percent ?what&that=",
    b"back\\slash",
    b".leading dot",
    b"-leading-dash",
    b"a" * 255,
    "emoji \N{MICROSCOPE}".encode(),
    "\u05e2\u05d1\u05e8\u05d9\u05ea right to left".encode(),
    b"Case", b"case",
    "caf\u00e9 composed".encode(), "cafe\u0301 composed".encode(),
    b"semi;colon|pipe`tick$HOME",
    b"<img src=x onerror=alert(1)>",
    b"trailing space ",
)  # fmt: skip
BAD = (b"new\nline", b"tab\there", b"escape\x1b[31m", b"not utf-8 \xff\xfe", b"delete\x7f")


def a_bad_tree(folder: Path) -> None:
    """Every good and bad name as a file, some as folders; links, a FIFO, a long path, empty files and folders."""
    root = os.fsencode(folder)
    os.makedirs(root)
    for number, name in enumerate(GOOD + BAD):
        with open(os.path.join(root, name), "wb") as file:
            file.write(b"content %d" % number)
        folder_name = os.path.join(root, b"folder of " + name[:200])
        os.makedirs(folder_name)
        with open(os.path.join(folder_name, b"inside"), "wb") as file:
            file.write(b"inside %d" % number)
    os.makedirs(os.path.join(root, b"empty folder"))
    open(os.path.join(root, b"empty file"), "wb").close()
    os.symlink(b"empty file", os.path.join(root, b"link inside"))
    os.symlink(b"/etc/passwd", os.path.join(root, b"link outside"))
    os.symlink(b"nowhere", os.path.join(root, b"dangling link"))
    os.mkfifo(os.path.join(root, b"fifo"))
    deep = os.open(root, os.O_RDONLY)
    for _ in range(20):
        os.mkdir(b"d" * 190, dir_fd=deep)
        below = os.open(b"d" * 190, os.O_RDONLY, dir_fd=deep)
        os.close(deep)
        deep = below
    with os.fdopen(os.open(b"at the end", os.O_WRONLY | os.O_CREAT, dir_fd=deep), "wb") as file:
        file.write(b"deep")
    os.close(deep)


def test_every_importable_file_arrives_byte_for_byte_and_every_other_has_its_reason(moorage: RunningMoorage) -> None:
    author = ScriptAuthor(moorage)
    project = author.new_project("Bad names")
    a_bad_tree(author.computer / "bad names")
    upload = author.open_upload("bad names", project=project)
    author.transfer(upload, "bad names")
    author.done(upload)

    ended = author.wait_for(upload)

    assert ended["state"] == "imported", ended["state_text"]
    sent = digests_below(author.computer / "bad names")
    importable = {path.decode(): digest for path, digest in sent.items() if not any(bad in path for bad in BAD)}
    assert author.project_files(project=project) == importable
    rejected = author.entries(upload, verdict="rejected")
    assert all(entry["reason"]["code"] and entry["reason"]["message"] for entry in rejected)
    named = {entry["path"] for entry in rejected}
    assert "not utf-8 \\xff\\xfe" in named
    assert len(named) >= 2 * len(BAD)
    assert ended["problems"] >= 2 * len(BAD)
    assert ended["missing"] == 0
    for path in ("<img src=x onerror=alert(1)>", "#hash %41 percent ?what&that=", "back\\slash"):
        assert author.content(path, project=project) == (author.computer / "bad names" / path).read_bytes()


def test_what_was_put_beside_globus_is_reported_and_never_followed(moorage: RunningMoorage) -> None:
    """An operator's path: links, devices and pipes in the area itself."""
    author = ScriptAuthor(moorage)
    project = author.new_project("Odd files")
    upload = author.open_upload("odd files", project=project)
    area = moorage.data / "store" / "collection" / upload["globus"]["path"].strip("/")
    a_bad_tree(area / "odd")
    author.done(upload)

    ended = author.wait_for(upload)

    assert ended["state"] == "imported", ended["state_text"]
    reasons = {entry["path"]: entry["reason"] for entry in author.entries(upload) if entry["reason"]}
    for path in ("odd/link outside", "odd/link inside", "odd/dangling link", "odd/fifo"):
        assert reasons[path]["message"], path
    assert "odd/link outside" not in author.project_files(project=project)
    assert "odd/empty file" in author.project_files(project=project)
