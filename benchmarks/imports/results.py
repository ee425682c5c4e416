"""What was measured, and medians of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from benchmarks.imports.meters import Cost

FLOOR: Final = "floor"


@dataclass(frozen=True)
class Measured:
    """One run. `figures` are what only this kind of run has, by name."""

    cost: Cost
    figures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """All runs of one contestant on one tree. `remark` says why there are fewer than wanted."""

    tree: str
    contestant: str
    runs: list[Measured] = field(default_factory=list)
    remark: str = ""

    @property
    def seconds(self) -> float | None:
        return _median([run.cost.seconds for run in self.runs])

    @property
    def cpu_seconds(self) -> float | None:
        return _median([run.cost.cpu_seconds for run in self.runs])

    @property
    def peak_bytes(self) -> int:
        return max((run.cost.peak_bytes for run in self.runs), default=0)

    def figure(self, name: str) -> float | None:
        """The median of one figure; None where no run has it."""
        return _median(self.all_of(name))

    def all_of(self, name: str) -> list[float]:
        return [run.figures[name] for run in self.runs if name in run.figures]


@dataclass
class Results:
    """Everything that was measured so far. `sizes` tells how many files and bytes each tree has."""

    sizes: dict[str, tuple[int, int]] = field(default_factory=dict)
    rows: dict[tuple[str, str], Row] = field(default_factory=dict)

    def add(self, tree: str, contestant: str, measured: Measured) -> None:
        self._row(tree, contestant).runs.append(measured)

    def give_up(self, tree: str, contestant: str, remark: str) -> None:
        """Note why a contestant is not run (again) on a tree."""
        self.rows[tree, contestant] = Row(tree, contestant, self._row(tree, contestant).runs, remark)

    def has_given_up(self, tree: str, contestant: str) -> bool:
        return bool(self._row(tree, contestant).remark)

    def seconds(self, tree: str, contestant: str) -> float | None:
        return self._row(tree, contestant).seconds

    def figure(self, tree: str, contestant: str, name: str) -> float | None:
        return self._row(tree, contestant).figure(name)

    def peak_bytes(self, tree: str, contestant: str) -> int | None:
        return self._row(tree, contestant).peak_bytes or None

    def of_tree(self, tree: str) -> list[Row]:
        """In the order in which they ran."""
        return [row for row in self.rows.values() if row.tree == tree and (row.runs or row.remark)]

    def _row(self, tree: str, contestant: str) -> Row:
        return self.rows.setdefault((tree, contestant), Row(tree, contestant))


def ratio(above: float | None, below: float | None) -> float | None:
    """None where one of them is missing or nothing can be said."""
    return above / below if above is not None and below else None


def percentile(values: list[float], part: float) -> float:
    """The smallest value that at least this part of all does not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -int(-part * len(ordered) // 1) - 1)]


def _median(values: list[float]) -> float | None:
    return median(values) if values else None
