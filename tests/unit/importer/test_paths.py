from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.importer.words import paths, reasons

NAMES = st.binary(min_size=1, max_size=255).filter(lambda name: b"/" not in name and b"\0" not in name)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (b"a/b \xff/c", "path.not_utf8"),
        ("lone \ud800".encode(errors="surrogatepass"), "path.not_utf8"),
        (b"a\nb", "path.control_characters"),
        (b"a/\x7f/c", "path.control_characters"),
        ("next line \x85".encode(), "path.control_characters"),
        (b"n" * 256, "path.name_too_long"),
        (b"/".join([b"n" * 255] * 16) + b"/x", "path.too_long"),
        (b"a/../b", "path.not_a_name"),
        (b"a//b", "path.not_a_name"),
        (b".", "path.not_a_name"),
    ],
)
def test_a_name_that_no_project_can_hold_has_a_reason(path: bytes, code: str) -> None:
    problem = paths.problem_of(path)
    assert problem is not None
    assert problem.code == code
    assert problem.sentence.endswith(".")


@pytest.mark.parametrize(
    "path",
    [
        b" ",
        b"a b/'\"#%?\\*",
        b".hidden/-dash/..x",
        b"n" * 255,
        b"/".join([b"n" * 255] * 16),
        "\u05e9\u05dc\u05d5\u05dd \u202e\N{GRINNING FACE}".encode(),
    ],
)
def test_an_unusual_name_is_no_bad_name(path: bytes) -> None:
    assert paths.problem_of(path) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [("Case", "cASE"), ("caf\u00e9", "cafe\u0301"), ("Stra\u00dfe", "strasse"), ("\u212b", "\u00e5")],
)
def test_names_that_differ_only_in_case_or_form_look_alike(one: str, other: str) -> None:
    assert paths.folded(one.encode()) == paths.folded(other.encode())


@given(NAMES)
def test_every_name_has_an_answer_and_a_printable_form(name: bytes) -> None:
    problem = paths.problem_of(name)
    assert problem == paths.problem_of_name(name)
    text = paths.printable(name)
    text.encode()
    if problem is None:
        assert text.encode() == name
        assert paths.folded(name.swapcase()) == paths.folded(name)


@given(NAMES)
def test_a_name_that_is_not_utf8_looks_like_none_but_itself(name: bytes) -> None:
    name += b"\xff"
    assert paths.folded(name) == name


def test_of_several_faults_of_a_path_the_gravest_is_told() -> None:
    for path in (b"a\nb/" + b"n" * 256 + b"/\xff", b"\xff/a\nb/" + b"n" * 256):
        assert paths.problem_of(path) == reasons.NOT_UTF8
    assert paths.problem_of(b"a\nb/" + b"n" * 256) == reasons.NAME_TOO_LONG


def test_bytes_that_are_not_utf8_are_printed_as_their_numbers() -> None:
    assert paths.printable(b"a\xff/b") == r"a\xff/b"


def test_the_folders_above_a_path_come_from_the_top() -> None:
    assert paths.folders_above(b"a/b/c") == [b"a", b"a/b"]
    assert paths.folders_above(b"a") == []
