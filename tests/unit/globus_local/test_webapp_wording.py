"""The words for sizes, times and the state of a task."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from globus_local.transfer.tasks import Task
from globus_local.webapp import wording

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def a_task() -> Task:
    """A transfer that has just begun: nothing counted, nothing known."""
    nothing: dict[str, Any] = {field.name: 0 if field.type == "int" else None for field in fields(Task)}
    known = {"id": "t", "kind": "TRANSFER", "status": "ACTIVE", "nice_status": "OK", "requested_at": NOON}
    return Task(**(nothing | known))


@pytest.mark.parametrize(
    ("size_bytes", "words"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 KB"),
        (999_949, "999.9 KB"),
        (999_950, "1.0 MB"),
        (4_000_000_000, "4.0 GB"),
        (7 * 10**18, "7000.0 PB"),
    ],
)
def test_sizes_read_as_disks_are_sold(size_bytes: int, words: str) -> None:
    assert wording.size(size_bytes) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (59, "59 s"), (60, "1 min"), (200, "3 min 20 s"), (7500, "2 h 5 min"), (273_600, "3 d 4 h")],
)
def test_durations_have_two_units_at_most(seconds: float, words: str) -> None:
    assert wording.duration(seconds) == words


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, "Running"),
        ({"nice_status": "Queued"}, "Queued"),
        ({"nice_status": "PERMISSION_DENIED", "faults": 3}, "Retrying"),
        ({"nice_status": "PAUSED"}, "Paused"),
        ({"status": "INACTIVE"}, "Suspended"),
        ({"status": "SUCCEEDED", "nice_status": None}, "Succeeded"),
        ({"status": "FAILED", "nice_status": None, "fatal_error_code": "CANCELED"}, "Cancelled"),
        ({"status": "FAILED", "nice_status": None, "fatal_error_code": "EXPIRED"}, "Expired"),
        ({"status": "FAILED", "nice_status": None, "canceled_by_admin": "DESTINATION"}, "Cancelled"),
        ({"status": "FAILED", "nice_status": None, "fatal_error_code": "QUOTA_EXCEEDED"}, "Failed"),
    ],
)
def test_each_state_of_a_task_has_a_word(changes: dict[str, Any], word: str) -> None:
    assert wording.state(replace(a_task(), **changes)).word == word


def test_a_task_with_faults_is_still_running_for_its_owner_and_says_what_to_do() -> None:
    state = wording.state(replace(a_task(), nice_status="NO_SPACE_LEFT"))

    assert "Make room" in state.more


def test_an_administrator_who_cancels_is_quoted() -> None:
    cancelled = replace(
        a_task(), status="FAILED", canceled_by_admin="SOURCE", canceled_by_admin_message="The disk is moved."
    )

    assert "The disk is moved." in wording.state(cancelled).more
