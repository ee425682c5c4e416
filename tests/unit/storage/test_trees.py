"""Download trees as folders: begun, served, withdrawn, removed; each move may be repeated."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from moorage.storage.layout import StoreLayout
from moorage.storage.links import added
from moorage.storage.removal import parts_of, remove_tree, remove_trees
from moorage.storage.trees import DownloadTrees, sum_of_tree


@pytest.fixture
def trees(tmp_path: Path) -> DownloadTrees:
    layout = StoreLayout(tmp_path / "store")
    layout.make()
    return DownloadTrees(layout)


def a_tree(trees: DownloadTrees, name: str = "tree", fence: int = 1) -> Path:
    path = trees.begin(name, fence)
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


def served_names(trees: DownloadTrees) -> list[str]:
    return sorted(os.listdir(trees.layout.collection))


def apart_names(trees: DownloadTrees) -> list[str]:
    return sorted(os.listdir(trees.layout.trees))


def test_a_tree_moves_to_where_it_is_served_and_goes(trees: DownloadTrees) -> None:
    trees.serve("tree", a_tree(trees))
    assert (served_names(trees), apart_names(trees)) == (["tree"], [])
    assert len(trees.withdraw("tree")) == len(trees.withdraw("tree")) == len(apart_names(trees)) == 1
    assert served_names(trees) == []
    trees.remove("tree")
    trees.remove("tree")
    assert apart_names(trees) == []


def test_a_later_try_keeps_the_links_of_the_one_before_it_and_leaves_a_served_tree_alone(trees: DownloadTrees) -> None:
    trees.serve("tree", a_tree(trees))
    a_tree(trees)
    later = trees.begin("tree", 2)
    assert (later / "raw/one").exists()
    assert (served_names(trees), apart_names(trees)) == (["tree"], ["tree.2"])
    trees.serve("tree", later)
    assert (served_names(trees), apart_names(trees)) == (["tree"], [])


def test_an_overtaken_try_that_wakes_up_late_spoils_nothing(trees: DownloadTrees) -> None:
    trees.serve("tree", a_tree(trees, fence=2))
    late = trees.begin("tree", 1)
    assert list(late.iterdir()) == []
    assert (trees.served_path("tree") / "raw/one").exists()


def test_removing_one_leaves_the_others(trees: DownloadTrees) -> None:
    for name in ("one", "two"):
        trees.serve(name, a_tree(trees, name))
    trees.remove("one")
    assert (served_names(trees), apart_names(trees)) == (["two"], [])


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
    path = trees.begin("tree", 1)
    (path / "only/one").mkdir(parents=True)
    for name in "abc":
        (path / "only/one" / name).touch()
    assert sorted(one.name for part in parts_of(path, most=2) for one in part) == ["a", "b", "c"]
    assert parts_of(path / "is not there", most=2) == []


def test_a_chain_of_folders_that_is_longer_than_a_path_is_summed_and_removed(trees: DownloadTrees) -> None:
    path = trees.begin("tree", 1)
    a_chain(path, 20)
    assert sum_of_tree(path, [path]) == added(0, sum(sum_of_tree(path, part) for part in parts_of(path, most=4))) != 0
    for part in parts_of(path, most=4):
        remove_trees(part)
    remove_tree(path)
    assert apart_names(trees) == []


def test_the_sum_tells_whatever_is_done_to_a_file(trees: DownloadTrees) -> None:
    path = a_tree(trees)
    before = sum_of_tree(path, [path])
    assert added(0, sum(sum_of_tree(path, part) for part in parts_of(path, most=2))) == before
    inside = path / "raw/deep/two"
    status = inside.stat()
    sums = {before}
    os.utime(inside, ns=(0, status.st_mtime_ns + 1))
    sums.add(sum_of_tree(path, [path]))
    inside.write_text("longer than it was")
    os.utime(inside, ns=(0, status.st_mtime_ns))
    sums.add(sum_of_tree(path, [path]))
    (path / "another").touch()
    sums.add(sum_of_tree(path, [path]))
    (path / "another").unlink()
    inside.rename(path / "aside")
    inside.write_text("raw/deep/two")
    os.utime(inside, ns=(0, status.st_mtime_ns))
    (path / "aside").unlink()
    sums.add(sum_of_tree(path, [path]))
    inside.rename(path / "raw/deep/another name")
    sums.add(sum_of_tree(path, [path]))
    (path / "raw/deep/another name").chmod(0o666)
    sums.add(sum_of_tree(path, [path]))
    (path / "raw/deep/another name").unlink()
    sums.add(sum_of_tree(path, [path]))
    assert len(sums) == 8


def test_what_is_not_there_adds_nothing(trees: DownloadTrees) -> None:
    assert sum_of_tree(trees.layout.trees, [trees.layout.trees / "tree"]) == 0
