"""Which files a transfer may have left incomplete."""

from __future__ import annotations

from collections.abc import Sequence

from moorage.transfers.doubt import Deliverers, Suspicions, TaskTrace

A, B = b"a" * 32, b"b" * 32
SECOND = 1_000_000_000


class Tasks:
    """Tasks of an upload, and which of the files each has delivered."""

    def __init__(self) -> None:
        self.traces: list[TaskTrace] = []
        self.delivered: list[tuple[bytes, ...]] = []
        self.asked: list[bytes] = []

    def ran(self, begins: int, ends: int, *delivered: bytes, suspicious: bool = True) -> Tasks:
        """One more, from one second until another."""
        self.traces.append(TaskTrace(len(self.traces), suspicious, begins * SECOND, ends * SECOND))
        self.delivered.append(delivered)
        return self

    def doubt(self, key: bytes, second: int) -> bool:
        """Whether a file that changed in this second is doubtful."""
        return bool(Suspicions(tuple(self.traces), self._deliverers).doubtful({key: second * SECOND}))

    def _deliverers(self, keys: Sequence[bytes]) -> Deliverers:
        self.asked += keys
        by = {key: frozenset(n for n, some in enumerate(self.delivered) if key in some) for key in keys}
        return {key: tasks for key, tasks in by.items() if tasks}


def test_without_tasks_nothing_is_doubtful() -> None:
    assert not Suspicions()
    assert Suspicions().doubtful({A: 0}) == set()


def test_a_file_that_changed_during_a_failed_task_is_doubtful() -> None:
    failed = Tasks().ran(1000, 2000)

    assert failed.doubt(A, 1500)
    assert failed.doubt(A, 990), "clocks differ"
    assert not failed.doubt(A, 5 * 3600)


def test_what_the_failed_task_did_deliver_is_not() -> None:
    failed = Tasks().ran(1000, 2000, A)

    assert not failed.doubt(A, 1500)
    assert failed.doubt(B, 1500)


def test_what_a_good_task_delivered_at_that_time_is_not() -> None:
    both = Tasks().ran(1000, 2000).ran(1400, 1600, A, suspicious=False)

    assert not both.doubt(A, 1500)
    assert both.doubt(B, 1500)


def test_what_a_good_task_delivered_before_and_a_failed_one_began_anew_is() -> None:
    both = Tasks().ran(1000, 1100, A, suspicious=False).ran(1200, 2000)

    assert both.doubt(A, 1500)
    assert not both.doubt(A, 1050)


def test_a_file_must_be_cleared_of_each_failed_task() -> None:
    both = Tasks().ran(1000, 1100, A).ran(1200, 2000)

    assert both.doubt(A, 1500)


def test_who_delivered_a_file_is_asked_only_where_a_task_is_suspected_of_it() -> None:
    one_failed = Tasks().ran(1000, 1100).ran(5000, 6000, A, B, suspicious=False)

    one_failed.doubt(A, 5500)
    one_failed.doubt(B, 1050)

    assert one_failed.asked == [B]


def test_a_file_may_still_be_written_as_long_as_a_task_runs_that_may_write_it() -> None:
    runs = TaskTrace(1, is_suspicious=True, begins_ns=1000 * SECOND, ends_ns=2000 * SECOND, is_running=True)
    ended = TaskTrace(2, is_suspicious=True, begins_ns=5000 * SECOND, ends_ns=6000 * SECOND)

    told = Suspicions((runs, ended))

    assert told.is_being_written(1500 * SECOND)
    assert not told.is_being_written(5500 * SECOND)
