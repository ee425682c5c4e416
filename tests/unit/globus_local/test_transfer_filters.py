"""The small languages of listings, task lists and filter rules."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from typing import Any

import pytest

from globus_local.errors import TransferError
from globus_local.transfer import task_filters
from globus_local.transfer.files import Entry
from globus_local.transfer.listing import matches, ordered
from globus_local.transfer.transferring import is_wanted


def an_entry(name: str, *, kind: str = "file", size: int = 0) -> Entry:
    noon = datetime(2026, 1, 31, 12, tzinfo=UTC)
    return Entry(name, kind, size, noon, "0644", "ada", "lab", None)


@pytest.mark.parametrize(
    ("filters", "wanted"),
    [
        ((), True),
        (("name:a.txt",), True),
        (("name:=a.txt",), True),
        (("name:b.txt,a.txt",), True),
        (("name:~*.txt",), True),
        (("name:!a.txt",), False),
        (("name:!~*.jpg",), True),
        (("name:~*.txt/type:dir",), False),
        (("type:dir", "name:~*.txt"), True),
        (("size:>9",), True),
        (("size:<10",), False),
        (("last_modified:2026-01-31,2026-02-01",), True),
        (("last_modified:,2026-01-01",), False),
    ],
)
def test_a_listing_filter_lets_through_what_it_says(filters: tuple[str, ...], wanted: bool) -> None:
    assert matches(an_entry("a.txt", size=10), filters) is wanted


@pytest.mark.parametrize("text", ["name", "nonsense:1", "size:big", "last_modified:soon"])
def test_a_filter_that_cannot_be_read_is_refused(text: str) -> None:
    with pytest.raises(TransferError) as caught:
        matches(an_entry("a"), (text,))
    assert caught.value.http_status == 400


def test_a_listing_is_ordered_by_several_fields() -> None:
    entries = [an_entry("b", size=1), an_entry("a", size=1), an_entry("c", size=2), an_entry("d", kind="dir")]

    assert [entry.name for entry in ordered(entries, "type,size DESC,name ASC")] == ["d", "c", "a", "b"]
    with pytest.raises(TransferError):
        ordered(entries, "colour")


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ("", {"apple", "pear", None}),
        ("label:~A*", {"apple"}),
        ("label:!~a*", {"pear", None}),
        ("label:=pear", {"pear"}),
        ("label:~*p*,!pear", {"apple"}),
        ("label:!pear,~*p*", {"apple"}),
        ("type:DELETE/status:ACTIVE", {"pear"}),
        ("status:SUCCEEDED,FAILED", {"apple", None}),
        ("request_time:1970-01-01T00:00:02", {"pear", None}),
        ("request_time:,1970-01-01T00:00:01", {"apple"}),
        ("completion_time:1970-01-01,1970-01-02", set()),
    ],
)
def test_a_task_filter_finds_what_it_says(filters: str, found: set[str | None]) -> None:
    database = sqlite3.connect(":memory:")
    database.execute("CREATE TABLE tasks (number, kind, status, label, requested_at, completed_at)")
    database.executemany(
        "INSERT INTO tasks VALUES (?, ?, ?, ?, ?, NULL)",
        [
            (1, "TRANSFER", "SUCCEEDED", "apple", 1.5),
            (2, "DELETE", "ACTIVE", "pear", 2.5),
            (3, "TRANSFER", "FAILED", None, 3.5),
        ],
    )

    where, values = task_filters.condition(filters)

    rows = database.execute(f"SELECT label FROM tasks WHERE {where}", values).fetchall()  # noqa: S608
    assert {row[0] for row in rows} == found


def test_a_task_filter_cannot_carry_sql() -> None:
    with pytest.raises(TransferError):
        task_filters.condition("1=1) OR (1:1")
    with pytest.raises(TransferError):
        task_filters.order("label; DROP TABLE tasks")


@pytest.mark.parametrize(
    ("name", "kind", "wanted"),
    [(b"a.tmp", "file", False), (b"keep.tmp", "file", True), (b"a.tmp", "dir", True), (b"b", "file", True)],
)
def test_the_first_filter_rule_that_matches_decides(name: bytes, kind: str, wanted: bool) -> None:
    rules: list[dict[str, Any]] = [
        {"method": "include", "type": None, "name": "keep*"},
        {"method": "exclude", "type": "file", "name": "*.tmp"},
    ]

    assert is_wanted(name, kind, rules) is wanted
