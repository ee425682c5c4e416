"""Filters: patterns of the shell, for names or for whole paths."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.files.filters import MAX_CHARACTERS, MAX_STARS, FilterError, clean_filter, wanted_by
from moorage.files.paths import join_path

NAMES = st.text("abc.*?[]!-é\n\\ ", min_size=1, max_size=6).filter(lambda name: name not in {".", ".."})


def wanted(pattern: str, path: str) -> bool:
    folder, _, name = path.rpartition("/")
    return wanted_by(clean_filter(pattern))(folder, name)


@pytest.mark.parametrize(
    ("pattern", "path", "is_wanted"),
    [
        ("*.tif", "a.tif", True),
        ("*.tif", "deep/er/a.tif", True),
        ("*.tif", "a.TIF", False),
        ("*.tif", "a.tiff", False),
        ("*.tif", "a.tif/notes", False),
        ("scan?.[ch]", "scan1.c", True),
        ("scan?.[!ch]", "scan1.c", False),
        ("raw/*.tif", "raw/a.tif", True),
        ("raw/*.tif", "raw/deep/a.tif", False),
        ("raw/*.tif", "old/raw/a.tif", False),
        ("/a.tif", "a.tif", True),
        ("/a.tif", "raw/a.tif", False),
        ("**/a.tif", "a.tif", True),
        ("**/a.tif", "x/y/a.tif", True),
        ("raw/**/a.tif", "raw/a.tif", True),
        ("raw/**/a.tif", "raw/x/y/a.tif", True),
        ("raw/**", "raw/x/y", True),
        ("raw/**", "rawer/x", False),
        ("raw", "raw/x", False),
        ("*.tif, *.jpg", "a.jpg", True),
        ("*.tif\r\n*.jpg\n", "a.jpg", True),
        ("", "anything", True),
        ("*", "line\nbreak", True),
        ("**/**/**", "a", True),
    ],
)
def test_a_pattern_wants(pattern: str, path: str, is_wanted: bool) -> None:
    assert wanted(pattern, path) is is_wanted


@pytest.mark.parametrize(
    "text",
    [
        ", ,",
        "\ud800*",
        "raw//a",
        "/",
        "./a",
        "raw/../a",
        "..",
        "a\0b",
        "*" * (MAX_STARS + 1),
        "x" * (MAX_CHARACTERS + 1),
        "raw/",
    ],
)
def test_what_no_path_can_fit_or_what_costs_too_much_is_refused(text: str) -> None:
    with pytest.raises(FilterError):
        clean_filter(text)


@given(st.text("ab*,\n /", max_size=20))
def test_a_clean_filter_stays_as_it_is(text: str) -> None:
    try:
        cleaned = clean_filter(text)
    except FilterError:
        return
    assert clean_filter(cleaned) == cleaned


@given(NAMES, st.lists(NAMES, max_size=3))
def test_a_pattern_without_a_slash_is_the_shells_for_the_name_in_any_folder(pattern: str, folders: list[str]) -> None:
    is_wanted = wanted_by(pattern.replace("\n", ""))
    for name in ("a", "a.b", "abc", "é", pattern):
        if pattern.replace("\n", ""):
            assert is_wanted("/".join(folders), name) is fnmatchcase(name, pattern.replace("\n", ""))


def fits(names: list[str], parts: list[str]) -> bool:
    """The same as the filter, told plainly."""
    if not parts:
        return not names
    if parts[0] == "**":
        return any(fits(names[taken:], parts[1:]) for taken in range(len(names) + 1))
    return bool(names) and fnmatchcase(names[0], parts[0]) and fits(names[1:], parts[1:])


@given(
    st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1, max_size=5),
    st.lists(st.sampled_from(["**", "*", "a", "a*", "?"]), min_size=2, max_size=5),
)
def test_a_pattern_with_a_slash_is_for_the_whole_path(names: list[str], parts: list[str]) -> None:
    is_wanted = wanted_by("/".join(parts))
    assert is_wanted("/".join(names[:-1]), names[-1]) is fits(names, parts), join_path("/".join(names[:-1]), names[-1])


def test_the_most_stars_cost_little() -> None:
    pattern = "*a" * MAX_STARS + "b"
    assert not wanted(pattern, "a" * 255)
    assert not wanted("/".join(["**", "a"] * (MAX_STARS // 2)), "/".join(["a"] * 2000 + ["b"]))
