"""The benchmark's trees: the same on every machine, and what their names promise."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from benchmarks.imports import trees
from benchmarks.imports.hashing import hash_all, paths_below
from benchmarks.imports.trees import PLANS, PlannedFile, content_of, copy_tree, make_tree


def _tiny(quick: bool) -> Iterator[PlannedFile]:
    yield PlannedFile("a/one.dat", 70, 0)
    yield PlannedFile("a/two.dat", 70, 1)
    yield PlannedFile("b/same as one.dat", 70, 0)


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PLANS, "tiny", _tiny)


@pytest.mark.parametrize("name", ["S", "M", "L", "N"])
def test_a_plan_is_the_same_each_time_and_names_no_path_twice(name: str) -> None:
    planned = list(PLANS[name](True))
    assert planned == list(PLANS[name](True))
    assert len({file.path for file in planned}) == len(planned)


def test_s_has_a_hundred_thousand_files_of_4_to_16_kib_in_a_thousand_folders() -> None:
    planned = list(PLANS["S"](False))
    assert len(planned) == 100_000
    assert len({file.path.partition("/")[0] for file in planned}) == 1_000
    assert min(file.size_bytes for file in planned) >= 4096
    assert max(file.size_bytes for file in planned) <= 16384


def test_m_has_about_eight_gigabytes_and_three_in_ten_files_are_duplicates() -> None:
    planned = list(PLANS["M"](False))
    repeated = len(planned) - len({file.content for file in planned})
    assert len(planned) == 20_000
    assert 7e9 < sum(file.size_bytes for file in planned) < 9e9
    assert 0.28 < repeated / len(planned) < 0.32
    sizes = Counter((file.content, file.size_bytes) for file in planned)
    assert len(sizes) == len({file.content for file in planned}), "a content has one size"


def test_files_have_the_planned_contents_whoever_writes_them(tmp_path: Path, tiny: None) -> None:
    tree = make_tree("tiny", tmp_path, quick=True)
    assert (tree.files, tree.bytes, tree.distinct, tree.distinct_bytes) == (3, 210, 2, 140)
    for planned in _tiny(True):
        assert (tree.root / planned.path).read_bytes() == b"".join(content_of("tiny", planned))
    one, two, same = sorted(paths_below(str(tree.root)))
    digests = hash_all([one, two, same])
    assert digests[0] == hashlib.sha256(Path(one).read_bytes()).hexdigest() == digests[2]
    assert digests[1] != digests[0]


def test_a_tree_that_is_there_is_not_made_again(tmp_path: Path, tiny: None) -> None:
    first = make_tree("tiny", tmp_path, quick=True)
    when = (first.root / "a/one.dat").stat().st_mtime_ns
    assert make_tree("tiny", tmp_path, quick=True) == first
    assert (first.root / "a/one.dat").stat().st_mtime_ns == when


def test_a_tree_that_was_only_half_made_is_made_again(tmp_path: Path, tiny: None) -> None:
    first = make_tree("tiny", tmp_path, quick=True)
    (first.root.parent / "tree.json").unlink()
    (first.root / "left over").touch()
    assert make_tree("tiny", tmp_path, quick=True) == first
    assert not (first.root / "left over").exists()


def test_a_tree_of_another_plan_is_made_again(tmp_path: Path, tiny: None, monkeypatch: pytest.MonkeyPatch) -> None:
    make_tree("tiny", tmp_path, quick=True)
    monkeypatch.setitem(PLANS, "tiny", lambda quick: islice(_tiny(quick), 2))
    tree = make_tree("tiny", tmp_path, quick=True)
    assert sorted(os.path.relpath(path, tree.root) for path in paths_below(str(tree.root))) == [
        "a/one.dat",
        "a/two.dat",
    ]


def test_a_copy_has_files_of_its_own(tmp_path: Path, tiny: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "SETTLE_SECONDS", 0.0)
    tree = make_tree("tiny", tmp_path, quick=True)
    copy = copy_tree(tree, tmp_path / "staged" / "copy")
    for path in paths_below(str(copy)):
        assert Path(path).stat().st_nlink == 1
    assert len(list(paths_below(str(copy)))) == 3


def test_a_large_content_does_not_repeat_itself() -> None:
    pieces = list(islice(content_of("L", PlannedFile("x", 3 * trees.PIECE_BYTES, 1)), 2))
    assert pieces[0] != pieces[1]
    assert len(pieces[0]) == trees.PIECE_BYTES
