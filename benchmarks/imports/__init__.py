"""Our import beside the floor and beside other programs that do the same job."""

from __future__ import annotations

from collections.abc import Sequence


def main(words: Sequence[str]) -> None:
    """Measure what the options say; see `plan`."""
    from benchmarks.imports.plan import plan_from  # noqa: PLC0415 - generators and hashing need none of it
    from benchmarks.imports.rounds import run_plan  # noqa: PLC0415

    run_plan(plan_from(words))
