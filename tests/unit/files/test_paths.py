"""Paths inside a project."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.files.paths import PathNotFoundError, join_path, parent_path, split_path

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
