from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.importer import paths

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
    [("Case", "cASE"), ("caf\u00e9", "cafe\u0301"), ("a/Stra\u00dfe", "A/strasse"), ("\u212b", "\u00e5")],
)
def test_names_that_differ_only_in_case_or_form_look_alike(one: str, other: str) -> None:
    assert paths.folded(one.encode()) == paths.folded(other.encode())


@given(NAMES)
def test_every_name_has_an_answer_and_a_printable_form(name: bytes) -> None:
    problem = paths.problem_of(name)
    assert -(2**63) <= paths.folded(name) < 2**63
    text = paths.printable(name)
    text.encode()
    if problem is None:
        assert text.encode() == name


def test_bytes_that_are_not_utf8_are_printed_as_their_numbers() -> None:
    assert paths.printable(b"a\xff/b") == r"a\xff/b"


def test_the_folders_above_a_path_come_from_the_top() -> None:
    assert paths.folders_above(b"a/b/c") == [b"a", b"a/b"]
    assert paths.folders_above(b"a") == []
