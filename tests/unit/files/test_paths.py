"""Paths inside a project."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.files.paths import PathNotFoundError, folder_key, join_path, name_key, parent_path, path_key, split_path

ANY_CHARACTER = st.characters(exclude_categories=["Cs"], exclude_characters="/\0")
NAMES = st.text(alphabet=ANY_CHARACTER, min_size=1, max_size=60).filter(lambda name: name not in {".", ".."})


@given(st.lists(NAMES, max_size=8))
def test_a_normal_path_is_its_names(names: list[str]) -> None:
    assert split_path("/".join(names)) == tuple(names)


@pytest.mark.parametrize(
    "path",
    ["/", "/a", "a/", "a//b", ".", "..", "a/../b", "a/.", "../../etc/passwd", "a\0b", "a/\udcff"],
)
def test_nothing_stands_at_a_path_that_is_not_normal(path: str) -> None:
    with pytest.raises(PathNotFoundError) as caught:
        split_path(path)

    str(caught.value).encode()  # it can be shown


@pytest.mark.parametrize("path", ["n" * 256, "é" * 128, "/".join(["dir"] * 1200)])
def test_nothing_stands_at_a_path_that_is_too_long(path: str) -> None:
    with pytest.raises(PathNotFoundError):
        split_path(path)


@pytest.mark.parametrize("name", ["~", "...", " ", "a\nb", "-rf", "#?%41", "back\\slash", "\u202egnp.exe", "é" * 127])
def test_an_odd_name_is_a_name(name: str) -> None:
    assert split_path(f"folder/{name}") == ("folder", name)


def test_joining_and_parting_fit_together() -> None:
    assert join_path("", "a") == "a"
    assert join_path("a/b", "c") == "a/b/c"
    assert parent_path("a/b/c") == "a/b"
    assert parent_path("a") == ""


PATHS = st.lists(st.binary(min_size=1, max_size=8).filter(lambda name: b"/" not in name), min_size=1, max_size=4)


@given(PATHS)
def test_the_key_of_a_path_is_its_folders_and_its_names(names: list[bytes]) -> None:
    path = b"/".join(names)

    assert len(path_key(path)) == 32
    assert path_key(path) == folder_key(b"/".join(names[:-1])) + name_key(names[-1])


@given(st.lists(PATHS.map(b"/".join), unique=True, max_size=30))
def test_different_paths_have_different_keys_and_what_lies_in_one_folder_are_neighbours(paths: list[bytes]) -> None:
    assert len({path_key(path) for path in paths}) == len(paths)

    folders = [path.rpartition(b"/")[0] for path in sorted(paths, key=path_key)]
    changes = sum(one != other for one, other in pairwise(folders))
    assert changes == max(len(set(folders)) - 1, 0)


def test_the_key_of_a_path_stays_as_it_is_because_rows_are_found_by_it() -> None:
    assert path_key(b"a/b.tif").hex() == "27c35e6e9373877f29e562464e46497e826d7acfe74e6f79c18ab516c007c210"
