"""Medians, ratios, tables and targets of the benchmark, on made-up figures."""

from __future__ import annotations

import pytest
from benchmarks.imports.meters import Cost
from benchmarks.imports.results import FLOOR, Measured, Results, percentile, ratio
from benchmarks.imports.table import Table, tables
from benchmarks.imports.targets import SQLITE_NAME, TARGETS


def some_results(*seconds: float) -> Results:
    results = Results(sizes={"S": (1000, 10**9)})
    for taken in (2.0, 3.0, 2.5):
        results.add("S", FLOOR, Measured(Cost(taken, 4.0, 10**7), {"hash_seconds": taken / 2}))
    for taken in seconds:
        results.add("S", SQLITE_NAME, Measured(Cost(taken, 5.0, 10**8), {"from_done_seconds": taken + 1}))
    return results


def cells(results: Results, title: str) -> dict[str, list[str]]:
    (table,) = [table for table in tables(results) if table.title.startswith(title)]
    return {line[0]: list(line[1:]) for line in table.lines}


def test_a_row_shows_medians_and_the_ratio_to_the_floor() -> None:
    found = cells(some_results(4.0, 3.0, 3.25), "S:")
    assert found[FLOOR][:2] == ["2.50 (2.00 to 3.00)", "1"]
    assert found["of it: hashing alone"][:2] == ["1.25", "0.50"]
    assert found[SQLITE_NAME] == ["3.25 (3.00 to 4.00)", "1.30", "4.25", "", "5.00", "100", "3"]


def test_a_contestant_that_gave_up_is_shown_with_the_reason() -> None:
    results = some_results(3.0)
    results.add("S", "slow", Measured(Cost(800.0, 1.0, 1)))
    results.give_up("S", "slow", "over 900 s")
    results.give_up("S", "slowest", "over 900 s")
    found = cells(results, "S:")
    assert found["slow"][-1] == "1; then over 900 s"
    assert found["slowest"][0] == "over 900 s"
    assert results.has_given_up("S", "slow")
    assert not results.has_given_up("S", FLOOR)


@pytest.mark.parametrize(("seconds", "verdict"), [(3.5, "met"), (3.6, "NOT MET")])
def test_a_target_is_met_up_to_its_bound(seconds: float, verdict: str) -> None:
    found = cells(some_results(seconds), "Targets")
    assert found[f"S: {SQLITE_NAME}, times the floor"] == [f"{seconds / 2.5:.2f}", "at most 1.40", verdict]


def test_a_target_whose_figures_are_missing_is_left_out() -> None:
    found = cells(some_results(3.0), "Targets")
    assert list(found) == [f"S: {SQLITE_NAME}, times the floor"]
    assert [target.is_met(some_results()) for target in TARGETS] == [None] * len(TARGETS)


def test_a_target_that_wants_nothing_at_all_is_met_by_nothing() -> None:
    results = some_results(3.0)
    results.add("S", f"{SQLITE_NAME}, the same again", Measured(Cost(2.0, 1.0, 1), {"new_objects": 0.0}))
    found = cells(results, "Targets")
    assert found[f"S again: {SQLITE_NAME}, new objects"] == ["0", "at most 0", "met"]


def test_of_a_hundred_values_one_may_exceed_the_99th_percentile() -> None:
    assert percentile([float(number) for number in range(1, 101)], 0.99) == 99.0
    assert percentile([float(number) for number in range(1, 11)], 0.99) == 10.0
    assert percentile([3.0, 1.0, 2.0], 0.5) == 2.0


def test_a_ratio_of_something_missing_is_missing() -> None:
    assert ratio(None, 1.0) is ratio(1.0, None) is ratio(1.0, 0.0) is None
    assert ratio(0.0, 2.0) == 0.0


def test_a_table_reads_the_same_in_a_terminal_and_on_a_page() -> None:
    table = Table("Title", ["", "s"], [["long name", "1"], ["x", "22"]])
    assert table.plain().splitlines() == ["Title", "            s", "long name   1", "x          22"]
    assert table.markdown().splitlines()[2:] == ["|  | s |", "| --- | ---: |", "| long name | 1 |", "| x | 22 |"]
