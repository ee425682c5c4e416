"""How long work rests that something has stopped."""

from __future__ import annotations

from uuid import uuid4

from moorage.jobs.setbacks import DATABASE_DELAY, LONGEST_DELAY, Setbacks


def test_every_bug_makes_work_rest_longer_up_to_a_limit() -> None:
    now, key = [0.0], uuid4()
    setbacks = Setbacks(monotonic=lambda: now[0])

    rested = []
    for tries in range(1, 30):
        assert setbacks.add_bug(key) == tries
        began = now[0]
        while setbacks.rests(key):
            now[0] += 5
        rested.append(now[0] - began)

    assert rested[:4] == [5, 10, 20, 40]
    assert set(rested[10:]) == {LONGEST_DELAY.total_seconds()}


def test_trouble_with_the_database_counts_as_no_bug() -> None:
    now, key = [0.0], uuid4()
    setbacks = Setbacks(monotonic=lambda: now[0])

    for _ in range(20):
        setbacks.rest(key)
        assert setbacks.rests(key)
        now[0] += DATABASE_DELAY.total_seconds()
        assert not setbacks.rests(key)

    assert setbacks.add_bug(key) == 1


def test_what_has_ended_rests_no_more_and_begins_to_count_anew() -> None:
    key = uuid4()
    setbacks = Setbacks(monotonic=lambda: 0.0)
    setbacks.add_bug(key)

    setbacks.forget(key)

    assert not setbacks.rests(key)
    assert setbacks.add_bug(key) == 1
