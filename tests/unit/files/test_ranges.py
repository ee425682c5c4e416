"""Ranges and conditions of HTTP, as RFC 9110 has them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from moorage.files.ranges import Span, UnsatisfiableRangeError, asked_span, may_resume, names_tag


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-0", Span(0, 1)),
        ("bytes=0-", Span(0, 10)),
        ("bytes=3-5", Span(3, 3)),
        ("Bytes=9-99", Span(9, 1)),
        ("bytes=-3", Span(7, 3)),
        ("bytes=-99", Span(0, 10)),
    ],
)
def test_one_range_is_a_part(header: str, span: Span) -> None:
    assert asked_span(header, 10) == span


@pytest.mark.parametrize(
    "header",
    [
        *(None, "", "bytes", "bytes=", "bytes=-", "bytes=5-3", "bytes=0-1,3-4", "lines=0-1", "bytes=a-b"),
        *("bytes=1-2x", "bytes=-1-2", "bytes=+1-2", "bytes=\u0661-\u0662", "bytes=1" + "0" * 30 + "-"),
    ],
)
def test_what_is_no_single_range_asks_for_everything(header: str | None) -> None:
    assert asked_span(header, 10) is None


@pytest.mark.parametrize(("header", "size"), [("bytes=10-", 10), ("bytes=99-100", 10), ("bytes=-0", 10)])
def test_a_range_behind_the_end_cannot_be_had(header: str, size: int) -> None:
    with pytest.raises(UnsatisfiableRangeError):
        asked_span(header, size)


@pytest.mark.parametrize("header", ["bytes=0-", "bytes=0-5", "bytes=-5"])
def test_nothing_has_no_parts(header: str) -> None:
    with pytest.raises(UnsatisfiableRangeError):
        asked_span(header, 0)


@given(st.integers(1, 200), st.integers(0, 300), st.integers(0, 300))
def test_a_range_gives_the_bytes_that_a_slice_would(size: int, start: int, last: int) -> None:
    content = bytes(index % 251 for index in range(size))
    if start >= size and last >= start:
        with pytest.raises(UnsatisfiableRangeError):
            asked_span(f"bytes={start}-{last}", size)
        return
    span = asked_span(f"bytes={start}-{last}", size)
    if last < start:
        assert span is None
    else:
        assert span is not None
        assert content[span.start : span.start + span.length] == content[start : last + 1]


def test_a_tag_is_found_among_several() -> None:
    assert names_tag('"a", "b"', "b")
    assert names_tag("*", "b")
    assert not names_tag('"ab"', "b")
    assert not names_tag("b", "b")
    assert not names_tag(None, "b")


def test_a_weak_tag_is_enough_to_save_sending_and_not_to_join_parts() -> None:
    assert names_tag('W/"b"', "b", weakly=True)
    assert not names_tag('W/"b"', "b")
    assert not may_resume('W/"b"', "b")


def test_parts_are_joined_only_of_the_very_same_content() -> None:
    assert may_resume(None, "b")
    assert may_resume('"b"', "b")
    assert not may_resume('"a"', "b")
    assert not may_resume("Sat, 14 Mar 2026 12:00:00 GMT", "b")
