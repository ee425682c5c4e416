"""Paths in a collection: text and bytes turn into one another, and no path leads out."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from globus_local.transfer.paths import InvalidPathError, parse_path, to_bytes, to_text

NAMES = st.binary(min_size=1, max_size=255).filter(lambda name: b"/" not in name and b"\0" not in name)


@given(st.binary(max_size=300))
def test_any_bytes_come_back_from_their_text(raw: bytes) -> None:
    assert to_bytes(to_text(raw)) == raw


@given(st.binary(max_size=300))
def test_the_text_of_any_bytes_can_be_sent_as_json_and_in_a_url(raw: bytes) -> None:
    text = to_text(raw)

    assert json.loads(json.dumps(text, ensure_ascii=False).encode("utf-8")) == text


@given(NAMES.filter(lambda name: name not in (b".", b"..", b"~") and not {*b"\r\n"} & {*name}))
def test_a_listed_name_can_be_asked_for(name: bytes) -> None:
    assert parse_path(f"/folder/{to_text(name)}").parts == (b"folder", name)


@pytest.mark.parametrize("text", [None, "", "/", "~", "/~/", "~/", "/~", "//", "/./"])
def test_these_all_mean_the_root(text: str | None) -> None:
    assert parse_path(text).is_root


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("/a/b/", (b"a", b"b")),
        ("a/b", (b"a", b"b")),
        ("~/a", (b"a",)),
        ("/~/a/../b", (b"b",)),
        ("/a//./b", (b"a", b"b")),
        ("/a/~", (b"a", b"~")),
        ("/ü", ("ü".encode(),)),
    ],
)
def test_a_path_is_read_as_its_names(text: str, parts: tuple[bytes, ...]) -> None:
    assert parse_path(text).parts == parts


@pytest.mark.parametrize("text", ["/..", "..", "/a/../..", "/~/..", "a/../../b"])
def test_dots_do_not_lead_out_of_the_collection(text: str) -> None:
    with pytest.raises(InvalidPathError):
        parse_path(text)


@pytest.mark.parametrize("text", ["/a\nb", "/a\rb", "/a\0b", "/\ud800"])
def test_a_path_that_globus_refuses_is_refused(text: str) -> None:
    with pytest.raises(InvalidPathError):
        parse_path(text)
