"""Saying that background work has something to do now, so that it need not wait for its next turn.

`jobs` listens and moves the sweep's row in the schedule. Nothing rests on it: a sweep that was not
told runs a little later by itself.
"""

from enum import StrEnum
from functools import partial

from django.db import transaction
from django.dispatch import Signal

sweep_due = Signal()  # keyword `sweep`: a Sweep


class Sweep(StrEnum):
    """The sweeps that a member's act can make due."""

    REQUESTS = "requests"
    SEALING = "sealing"
    DISCARDING = "discarding"
    GRANTS = "grants"
    TASKS = "tasks"
    ARRIVALS = "arrivals"
    WISHES = "wishes"


def make_due(*sweeps: Sweep) -> None:
    """Have these sweeps run as soon as the running transaction has been committed."""
    for sweep in sweeps:
        transaction.on_commit(partial(sweep_due.send_robust, sender=Sweep, sweep=sweep))
