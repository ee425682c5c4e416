"""Which files a transfer may have left incomplete."""

from __future__ import annotations

import pickle

from moorage.transfers.doubt import Suspicions, TaskTrace

A, B = b"a" * 32, b"b" * 32
SECOND = 1_000_000_000
HOUR = 3600 * SECOND


def _trace(begins: int, ends: int, *delivered: bytes, suspicious: bool = True) -> TaskTrace:
    return TaskTrace(
        is_suspicious=suspicious, begins_ns=begins * SECOND, ends_ns=ends * SECOND, delivered=frozenset(delivered)
    )


def test_without_tasks_nothing_is_doubtful() -> None:
    assert not Suspicions().is_doubtful(A, 0)


def test_a_file_that_changed_during_a_failed_task_is_doubtful() -> None:
    failed = Suspicions((_trace(1000, 2000),))

    assert failed.is_doubtful(A, 1500 * SECOND)
    assert failed.is_doubtful(A, 990 * SECOND), "clocks differ"
    assert not failed.is_doubtful(A, 5 * HOUR)


def test_what_the_failed_task_did_deliver_is_not() -> None:
    failed = Suspicions((_trace(1000, 2000, A),))

    assert not failed.is_doubtful(A, 1500 * SECOND)
    assert failed.is_doubtful(B, 1500 * SECOND)


def test_what_a_good_task_delivered_at_that_time_is_not() -> None:
    both = Suspicions((_trace(1000, 2000), _trace(1400, 1600, A, suspicious=False)))

    assert not both.is_doubtful(A, 1500 * SECOND)
    assert both.is_doubtful(B, 1500 * SECOND)


def test_what_a_good_task_delivered_before_and_a_failed_one_began_anew_is() -> None:
    both = Suspicions((_trace(1000, 1100, A, suspicious=False), _trace(1200, 2000)))

    assert both.is_doubtful(A, 1500 * SECOND)
    assert not both.is_doubtful(A, 1050 * SECOND)


def test_a_file_must_be_cleared_of_each_failed_task() -> None:
    both = Suspicions((_trace(1000, 1100, A), _trace(1200, 2000)))

    assert both.is_doubtful(A, 1500 * SECOND)


def test_suspicions_are_plain_data_that_can_be_sent_to_another_process() -> None:
    failed = Suspicions((_trace(1000, 2000, A),))

    assert pickle.loads(pickle.dumps(failed)) == failed  # noqa: S301 - our own
