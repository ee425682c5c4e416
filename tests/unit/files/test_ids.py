"""Ids of file versions."""

from __future__ import annotations

import time
import uuid

from hypothesis import given, settings
from hypothesis import strategies as st

from moorage.files.ids import new_id_prefix, new_version_ids

MILLISECONDS = st.integers(min_value=1_600_000_000_000, max_value=4_000_000_000_000)


@settings(max_examples=15, deadline=None)
@given(MILLISECONDS, st.integers(min_value=0, max_value=9_000))
def test_ids_of_one_call_rise_and_begin_with_the_time(now: int, count: int) -> None:
    ids = new_version_ids(count, unix_ms=now)

    assert len(ids) == count
    assert ids == sorted(set(ids))
    assert all(one.version == 7 and one.variant == "specified in RFC 4122" for one in ids)
    assert all(now <= one.int >> 80 <= now + 3 for one in ids)


def test_ids_of_a_later_moment_are_greater() -> None:
    earlier, later = new_version_ids(100, unix_ms=1_700_000_000_000), new_version_ids(100, unix_ms=1_700_000_000_001)

    assert max(earlier) < min(later)


def test_two_workers_at_the_same_moment_make_different_ids() -> None:
    assert not set(new_version_ids(5_000, unix_ms=1)) & set(new_version_ids(5_000, unix_ms=1))


NUMBERS = st.integers(min_value=0, max_value=2**48 - 1)


@given(st.lists(NUMBERS, unique=True, max_size=20))
def test_ids_that_a_database_ends_with_its_rows_numbers_are_ids_and_sort_by_them(numbers: list[int]) -> None:
    prefix = new_id_prefix()
    ids = [uuid.UUID(prefix + f"{number:012x}") for number in numbers]

    assert all(one.version == 7 and one.variant == "specified in RFC 4122" for one in ids)
    assert all(abs((one.int >> 80) - time.time() * 1000) < 60_000 for one in ids)
    assert sorted(ids) == [uuid.UUID(prefix + f"{number:012x}") for number in sorted(numbers)]


def test_prefixes_of_the_same_moment_differ_and_those_of_a_later_one_are_greater() -> None:
    # Of a thousand within a millisecond two were alike once in five hundred runs: 28 bits of them are random.
    prefixes = [new_id_prefix() for _ in range(100)]
    assert len(set(prefixes)) == 100

    time.sleep(0.005)
    assert new_id_prefix() > max(prefixes)
