"""How far an import is, and how long the rest takes: by files or by bytes, whichever are slower."""

from __future__ import annotations

from datetime import timedelta

import pytest

from moorage.importer.words.reporting import Done

TEN = timedelta(seconds=10)


@pytest.mark.parametrize(
    ("done", "percent"),
    [
        (Done(0, 0, 0, 0), 0),
        (Done(0, 60_001, 0, 11_900_000), 0),
        (Done(6_184, 60_001, 5_950_000, 11_900_000), 10),  # half of the bytes were in one file
        (Done(1_000, 1_002, 1_000, 10**9), 0),  # nearly all that is left is in two files
        (Done(0, 1, 10**9, 2 * 10**9), 50),  # one large file
        (Done(0, 8, 10**9, 4 * 10**9), 25),  # some large ones at once
        (Done(50, 100, 0, 0), 50),  # empty ones
        (Done(100, 100, 7, 7), 100),
        (Done(120, 100, 9, 7), 100),  # more than was listed at first
    ],
    ids=str,
)
def test_the_slower_of_files_and_bytes_says_how_far_it_is(done: Done, percent: int) -> None:
    assert done.percent == percent


def test_the_time_that_is_left_is_that_of_the_slower() -> None:
    many_small = Done(10_000, 40_016, 9_000_000, 10_000_000)
    left = many_small.time_left(TEN)
    assert left is not None
    assert timedelta(seconds=29) < left < timedelta(seconds=31)

    assert Done(0, 1, 10**9, 3 * 10**9).time_left(TEN) == timedelta(seconds=20)


def test_no_time_is_promised_where_it_cannot_be_told() -> None:
    assert Done(0, 1000, 0, 10**9).time_left(TEN) is None, "nothing is done yet"
    assert Done(5, 100, 0, 10**9).time_left(TEN) is None, "only empty files are"
    assert Done(7, 7, 10, 10).time_left(TEN) is None, "nothing is left"
