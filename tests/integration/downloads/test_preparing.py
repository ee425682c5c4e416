"""A download is prepared: its tree is complete, of links, proven, and served only then."""

from __future__ import annotations

import json
import subprocess

import pytest

from downloading import Harbour, tree_of
from moorage.transfers.downloads.states import TreeState

pytestmark = pytest.mark.django_db(transaction=True)

FILES = {"raw/a.tif": b"counts", "raw/deep/b.tif": b"", "notes.txt": b"nothing\n", "raw/c.dat": b"counts"}


def test_a_whole_project_lies_in_the_tree_as_in_the_project(harbour: Harbour) -> None:
    project = harbour.a_project(FILES, folders=("empty/one",))
    download = harbour.ready(project)
    served = tree_of(harbour.served(download))
    lists = {served.pop("manifest-sha256.txt"), served.pop("manifest.jsonl")}
    assert {path for path, content in served.items() if content is None} == {"empty", "empty/one", "raw", "raw/deep"}
    assert {path: content for path, content in served.items() if content is not None} == FILES
    assert None not in lists
    assert download.tree.files_total == len(FILES)


def test_the_receiver_can_check_every_file(harbour: Harbour) -> None:
    download = harbour.ready(harbour.a_project(FILES))
    served = harbour.served(download)
    checked = subprocess.run(
        ["sha256sum", "--check", "--strict", "manifest-sha256.txt"],
        cwd=served,
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stderr
    assert checked.stdout.count("OK") == len(FILES)
    facts = [json.loads(line) for line in (served / "manifest.jsonl").read_text().splitlines()]
    assert {fact["path"]: fact["size_bytes"] for fact in facts} == {path: len(it) for path, it in FILES.items()}


def test_files_are_links_to_objects(harbour: Harbour) -> None:
    download = harbour.ready(harbour.a_project(FILES))
    inodes = {path.stat().st_ino for path in harbour.store.objects.glob("*/*")}
    served = harbour.served(download)
    assert all((served / path).stat().st_ino in inodes for path in FILES)
    assert all((served / path).stat().st_mode & 0o222 == 0 for path in FILES)


def test_nothing_is_served_before_it_is_complete(harbour: Harbour) -> None:
    download = harbour.asked(harbour.a_project(FILES))
    assert harbour.work(should_stop=lambda: True)
    download.refresh_from_db()
    assert download.state == "preparing"
    assert not harbour.served(download).exists()
    assert harbour.work()
    download.refresh_from_db()
    assert download.state == "ready"


def test_a_second_request_gets_the_same_tree(harbour: Harbour) -> None:
    project = harbour.a_project(FILES)
    first = harbour.ready(project)
    second = harbour.ready(project, name="Again")
    assert second.tree_id == first.tree_id
    assert first.tree.current_state is TreeState.READY
