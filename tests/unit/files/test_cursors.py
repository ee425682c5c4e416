"""Cursors of paged lists."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.files.cursors import MAX_LIMIT, CursorError, decode_cursor, encode_cursor, page_size

NAMES = st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=255)


@given(st.integers(0, 2**62), st.sampled_from("df"), NAMES)
def test_a_cursor_is_read_as_it_was_written(number: int, kind: str, name: str) -> None:
    cursor = encode_cursor(number, kind, name)

    assert decode_cursor(cursor, int, str, str) == [number, kind, name]
    assert cursor.isascii()
    assert not set(cursor) & set("+/=&?#% ")


@given(st.text(max_size=40))
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(CursorError):
        decode_cursor(text, int, str, str)


def written(text: bytes) -> str:
    return base64.urlsafe_b64encode(text).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        encode_cursor(1),
        encode_cursor("1", "f", "a"),
        encode_cursor(1, "f", "a", "b"),
        encode_cursor(2**63, "f", "a"),
        encode_cursor(1, "f", "a\0b"),
        written(b'[true,"f","a"]'),
        written(b'[1,"f","\\ud800"]'),
        written(b'{"r":1}'),
        written(b"[" * 100_000),
        written(b"\xff\xfe"),
    ],
)
def test_a_cursor_of_another_list_is_refused(cursor: str) -> None:
    with pytest.raises(CursorError):
        decode_cursor(cursor, int, str, str)


def test_pages_are_never_empty_and_never_too_long() -> None:
    assert [page_size(limit) for limit in (None, -5, 0, 7, 10**9)] == [100, 1, 1, 7, MAX_LIMIT]
