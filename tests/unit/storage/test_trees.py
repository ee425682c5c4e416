"""Download trees as folders: begun, served, withdrawn, removed; each move may be repeated."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from moorage.storage.layout import StoreLayout
from moorage.storage.links import added
from moorage.storage.removal import parts_of, remove_tree, remove_trees
from moorage.storage.trees import DownloadTrees, sum_of_trees


@pytest.fixture
def trees(tmp_path: Path) -> DownloadTrees:
    layout = StoreLayout(tmp_path / "store")
    layout.make()
    return DownloadTrees(layout)


def a_tree(trees: DownloadTrees, name: str = "tree") -> Path:
    path = trees.begin(name)
    for folder in ("raw/deep", "empty"):
        (path / folder).mkdir(parents=True, exist_ok=True)
    for file in ("list", "raw/one", "raw/deep/two"):
        (path / file).write_text(file)
    return path


def a_chain(top: Path, length: int) -> None:
    """Folders in one another, to where no path leads."""
    above = os.open(top, os.O_RDONLY)
    for _ in range(length):
        os.mkdir("x" * 250, dir_fd=above)
        below = os.open("x" * 250, os.O_RDONLY, dir_fd=above)
        os.close(above)
        above = below
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=above))
    os.close(above)


def test_a_tree_moves_to_where_it_is_served_and_back(trees: DownloadTrees) -> None:
    a_tree(trees)
    trees.serve("tree")
    assert (trees.served_names(), trees.apart_names()) == (["tree"], [])
    assert trees.withdraw("tree") == trees.withdraw("tree") == trees.apart_path("tree")
    assert (trees.served_names(), trees.apart_names()) == ([], ["tree"])
    trees.remove("tree")
    trees.remove("tree")
    assert trees.apart_names() == []


def test_beginning_again_keeps_what_an_earlier_try_has_left_and_takes_a_served_one_away(trees: DownloadTrees) -> None:
    a_tree(trees)
    assert (trees.begin("tree") / "raw/one").exists()
    trees.serve("tree")
    trees.apart_path("tree").mkdir()
    (trees.apart_path("tree") / "half").write_bytes(b"of another try")
    begun = trees.begin("tree")
    assert sorted(os.listdir(begun)) == ["empty", "list", "raw"]
    assert trees.served_names() == []


def test_removing_one_leaves_the_others(trees: DownloadTrees) -> None:
    for name in ("one", "two"):
        a_tree(trees, name)
        trees.serve(name)
    trees.remove("one")
    assert (trees.served_names(), trees.apart_names()) == (["two"], [])


@pytest.mark.parametrize("most", [1, 2, 4, 100])
def test_a_tree_is_removed_in_parts(trees: DownloadTrees, most: int) -> None:
    path = a_tree(trees)
    parts = parts_of(path, most=most)
    assert len(parts) == min(most, 3)
    for part in parts:
        remove_trees(part)
    assert list(path.iterdir()) == []
    assert parts_of(path, most=most) == []


def test_the_parts_of_a_folder_in_a_folder_are_the_inner_ones(trees: DownloadTrees) -> None:
    path = trees.begin("tree")
    (path / "only/one").mkdir(parents=True)
    for name in "abc":
        (path / "only/one" / name).touch()
    assert sorted(one.name for part in parts_of(path, most=2) for one in part) == ["a", "b", "c"]
    assert parts_of(path / "is not there", most=2) == []


def test_a_chain_of_folders_that_is_longer_than_a_path_is_summed_and_removed(trees: DownloadTrees) -> None:
    path = trees.begin("tree")
    a_chain(path, 20)
    assert sum_of_trees([path]) == added(0, sum(sum_of_trees(part) for part in parts_of(path, most=4))) != 0
    for part in parts_of(path, most=4):
        remove_trees(part)
    remove_tree(path)
    assert trees.apart_names() == []


def test_the_sum_tells_whatever_is_done_to_a_file(trees: DownloadTrees) -> None:
    path = a_tree(trees)
    before = sum_of_trees([path])
    assert added(0, sum(sum_of_trees(part) for part in parts_of(path, most=2))) == before
    inside = path / "raw/deep/two"
    status = inside.stat()
    sums = {before}
    os.utime(inside, ns=(0, status.st_mtime_ns + 1))
    sums.add(sum_of_trees([path]))
    inside.write_text("longer than it was")
    os.utime(inside, ns=(0, status.st_mtime_ns))
    sums.add(sum_of_trees([path]))
    (path / "another").touch()
    sums.add(sum_of_trees([path]))
    (path / "another").unlink()
    inside.rename(path / "aside")
    inside.write_text("raw/deep/two")
    os.utime(inside, ns=(0, status.st_mtime_ns))
    (path / "aside").unlink()
    sums.add(sum_of_trees([path]))
    inside.unlink()
    sums.add(sum_of_trees([path]))
    assert len(sums) == 6


def test_what_is_not_there_adds_nothing(trees: DownloadTrees) -> None:
    assert sum_of_trees([trees.apart_path("tree")]) == 0
