"""Names of uploads and of staging areas."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.transfers.naming import (
    NAME_LIMIT,
    UploadNameError,
    area_name,
    area_path,
    clean_description,
    clean_name,
    is_within,
    looks_like_area,
)


@given(project=st.text(max_size=200), upload=st.text(max_size=200))
def test_any_names_give_a_short_plain_area_name(project: str, upload: str) -> None:
    name = area_name(project_name=project, upload_name=upload)

    assert looks_like_area(name)
    assert len(name) <= 120
    assert name.isascii()


def test_an_area_name_can_be_read_and_not_guessed() -> None:
    names = {area_name(project_name="Über Nickel", upload_name="Scan #42 / Tuesday") for _ in range(100)}

    assert len(names) == 100
    assert all(name.startswith("uber-nickel-scan-42-tuesday-") for name in names)
    assert all(len(name.rpartition("-")[2]) == 16 for name in names)


@pytest.mark.parametrize("name", ["README", "a", "..", "x-aaaabbbbccccddd", "x-AAAABBBBCCCCDDDD", "-aaaabbbbccccdddd"])
def test_other_names_do_not_look_like_an_area(name: str) -> None:
    assert not looks_like_area(name)


@pytest.mark.parametrize(
    ("path", "inside"),
    [
        ("/a-b/", True),
        ("/a-b", True),
        ("/a-b/deep/file", True),
        ("a-b/x", True),
        ("//a-b//x", True),
        ("/a-bc/", False),
        ("/", False),
        ("/a-b/../other/", False),
        ("/other/../a-b/x", True),
    ],
)
def test_what_lies_in_an_area(path: str, inside: bool) -> None:
    assert is_within(path, area_path("a-b")) is inside


@given(st.text())
def test_a_clean_name_is_one_line_or_refused(text: str) -> None:
    try:
        name = clean_name(text)
    except UploadNameError:
        return
    assert 0 < len(name) <= NAME_LIMIT
    assert name == name.strip()
    assert len(name.splitlines()) == 1
    assert "\x00" not in name


def test_a_description_keeps_its_lines() -> None:
    assert clean_description(" one\ntwo\x00\x1b ") == "one\ntwo"
