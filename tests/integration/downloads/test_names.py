"""Whatever a project's files are called and however it is chosen from: the tree is exactly that, and can be proven."""

from __future__ import annotations

import json
import os
import subprocess
import unicodedata
from pathlib import Path
from typing import Any, Final

import pytest

from downloading import Harbour, tree_of
from kill_matrix import Inline
from moorage.backends import backends
from moorage.transfers.downloads import building
from moorage.transfers.downloads.ending import delete_download
from moorage.transfers.downloads.linking import Linked, LinkOrder, link_batch
from moorage.transfers.models import Download

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("small_batches")]

LISTS: Final = ("manifest-sha256.txt", "manifest.jsonl")
DEEP: Final = "/".join(["deep" * 50] * 18)  # and a name: with the folder of a test before it close to 4,096 bytes
NAMES: Final = (
    "new\nline",
    "carriage\rreturn",
    "back\\slash",
    "\\n",
    "-rf",
    "--check",
    " leading and trailing ",
    "é" * 127 + "x",
    "Case",
    "case",
    unicodedata.normalize("NFC", "é"),
    unicodedata.normalize("NFD", "é"),
    "🧪🔬",
    "quo\"te's and `$(more)`",
    "line\u2028separator",
    "tab\t\x1b[31m\x7f",
    "*",
    "...",
    "%41%2F",
    "*.tif",
)
BAD: Final = {
    **{name: f"file {number}\n".encode() for number, name in enumerate(NAMES)},
    **{f"in/{name}/{name}": b"" if number % 3 else b"below" for number, name in enumerate(NAMES)},
    f"{DEEP}/{'f' * 200}": b"far down",
}
PLAIN: Final = {"raw/a.tif": b"a", "raw/b.txt": b"b", "raw/deep/c.tif": b"c", "other/d.tif": b"d", "e.txt": b"e"}


def found_in(served: Path) -> dict[str, bytes]:
    """All files of a tree but our lists; deep ones too."""
    found: dict[str, bytes] = {}
    for folder, _, names in os.walk(served):
        for name in names:
            path = Path(folder) / name
            found[str(path.relative_to(served))] = path.read_bytes()
    return found


def check_lists(served: Path, files: dict[str, bytes], names: tuple[str, str] = LISTS) -> None:
    digests, facts = names
    checked = subprocess.run(
        ["sha256sum", "--check", "--strict", "--quiet", digests], cwd=served, capture_output=True, check=False
    )
    if files:  # sha256sum calls a list without a line no list
        assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
    lines = (served / digests).read_bytes().split(b"\n")[:-1]
    assert len(lines) == len(files)
    told = [json.loads(line) for line in (served / facts).read_text().split("\n") if line]
    assert {one["path"]: one["size_bytes"] for one in told} == {path: len(content) for path, content in files.items()}
    assert len(told) == len(files)


def check_tree(harbour: Harbour, download: Download, files: dict[str, bytes]) -> None:
    served = harbour.served(download)
    found = found_in(served)
    assert {path: content for path, content in found.items() if path not in LISTS} == files
    check_lists(served, files)


def test_names_of_every_kind_are_the_same_in_the_tree_and_in_the_lists(harbour: Harbour) -> None:
    assert max(len(path.encode()) for path in BAD) > 3800
    download = harbour.ready(harbour.a_project(BAD))
    check_tree(harbour, download, BAD)


def test_a_tree_that_is_deeper_than_a_path_may_be_is_made_looked_at_again_and_removed(harbour: Harbour) -> None:
    far = "/".join(["x" * 250] * 16)
    project = harbour.a_project({far: b"far down"})
    first = harbour.ready(project)
    assert harbour.ready(project, name="Again").tree_id == first.tree_id
    checked = subprocess.run(
        ["sha256sum", "--check", "--strict", LISTS[0]], cwd=harbour.served(first), capture_output=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
    for download in Download.objects.live():
        delete_download(download=download, actor=download.owner, at=backends().clock())
    assert harbour.work()
    assert [*harbour.store.collection.iterdir(), *harbour.store.trees.iterdir()] == []


def test_our_lists_step_aside_for_files_of_the_project(harbour: Harbour) -> None:
    files = {
        "manifest-sha256.txt": b"of the project",
        "moorage-manifest-sha256.txt": b"of the project, too",
        "manifest.jsonl": b"{}",
        "raw/manifest.jsonl": b"not in the way",
    }
    download = harbour.ready(harbour.a_project(files))
    names = download.tree.digests_name, download.tree.facts_name
    assert names == ("moorage-moorage-manifest-sha256.txt", "moorage-manifest.jsonl")
    found = found_in(harbour.served(download))
    assert {path: content for path, content in found.items() if path not in names} == files
    check_lists(harbour.served(download), files, names)


def test_a_folder_of_the_lists_name_is_stepped_aside_for_too(harbour: Harbour) -> None:
    download = harbour.ready(harbour.a_project({"manifest.jsonl/inside": b"x"}))
    assert download.tree.facts_name == "moorage-manifest.jsonl"
    assert (harbour.served(download) / "manifest.jsonl/inside").read_bytes() == b"x"


def test_a_project_of_nothing_but_folders(harbour: Harbour) -> None:
    download = harbour.ready(harbour.a_project({}, folders=("a/b/c", "d")))
    assert {path for path, content in tree_of(harbour.served(download)).items() if content is None} == {
        "a",
        "a/b",
        "a/b/c",
        "d",
    }
    check_tree(harbour, download, {})


def test_a_project_that_never_held_anything(harbour: Harbour) -> None:
    project = harbour.a_project({})
    project.head = 0
    project.save()
    download = harbour.ready(project)
    assert download.tree.files_total == 0
    check_tree(harbour, download, {})


@pytest.mark.parametrize(
    ("wish", "files"),
    [
        ({"paths": ["raw/a.tif", "other/d.tif", "e.txt"]}, {"raw/a.tif", "other/d.tif", "e.txt"}),
        ({"paths": ["raw", "e.txt"]}, {"raw/a.tif", "raw/b.txt", "raw/deep/c.tif", "e.txt"}),
        ({"filter_text": "*.tif"}, {"raw/a.tif", "raw/deep/c.tif", "other/d.tif"}),
        ({"filter_text": "raw/*.tif"}, {"raw/a.tif"}),
        ({"filter_text": "raw/**/*.tif, e.*"}, {"raw/a.tif", "raw/deep/c.tif", "e.txt"}),
        ({"paths": ["raw", "e.txt"], "filter_text": "*.txt"}, {"raw/b.txt", "e.txt"}),
    ],
)
def test_what_was_chosen_and_only_its_folders(harbour: Harbour, wish: dict[str, Any], files: set[str]) -> None:
    project = harbour.a_project(PLAIN, folders=("empty",))
    download = harbour.ready(project, **wish)
    check_tree(harbour, download, {path: PLAIN[path] for path in files})
    folders = {path for path, content in tree_of(harbour.served(download)).items() if content is None}
    above = {str(parent) for path in files for parent in Path(path).parents} - {"."}
    assert folders == above


def test_a_filter_that_fits_nothing_fails_with_the_reason(harbour: Harbour) -> None:
    download = harbour.asked(harbour.a_project(PLAIN), filter_text="*.TIF")
    while harbour.work():
        pass
    download.refresh_from_db()
    assert (download.state, download.reason) == ("failed", "download.nothing_matches")
    assert "“*.TIF”" in download.reason_text
    assert [*harbour.store.collection.iterdir(), *harbour.store.trees.iterdir()] == []


def test_a_tree_is_of_its_revision_whatever_is_published_meanwhile(
    harbour: Harbour, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = {f"raw/{number}": f"old {number}".encode() for number in range(12)}
    project = harbour.a_project(old)
    changed = {"raw/0": b"new", "raw/new": b"new", "manifest.jsonl": b"of the project"}
    harbour.publish(project, changed, removed=["raw/1"])
    batches: list[LinkOrder] = []

    def linked(order: LinkOrder) -> Linked:
        batches.append(order)
        number = len(batches)
        harbour.publish(project, {f"raw/{number}": b"newer", f"more/{number}": b"newer"}, removed=[f"raw/{number + 5}"])
        return link_batch(order)

    monkeypatch.setattr(building, "link_batch", linked)
    harbour.executor = Inline()
    first = harbour.ready(project, revision=1)
    check_tree(harbour, first, old)
    second = harbour.ready(project, revision=2)
    files = {**{path: content for path, content in old.items() if path != "raw/1"}, **changed}
    found = found_in(harbour.served(second))
    assert {path: it for path, it in found.items() if path not in (LISTS[0], "moorage-manifest.jsonl")} == files
    assert len(batches) >= 8
