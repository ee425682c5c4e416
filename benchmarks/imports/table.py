"""The results as tables, for a terminal and for a Markdown page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.imports.contestants import ANSWERS
from benchmarks.imports.results import FLOOR, Results, Row, ratio
from benchmarks.imports.targets import TARGETS


@dataclass(frozen=True)
class Table:
    """The first column is text, the others are figures."""

    title: str
    heads: Sequence[str]
    lines: Sequence[Sequence[str]]

    def plain(self) -> str:
        widths = [max(len(line[column]) for line in (self.heads, *self.lines)) for column in range(len(self.heads))]
        rows = [
            "  ".join(cell.rjust(width) if column else cell.ljust(width) for column, (cell, width) in enumerate(pairs))
            for pairs in (list(zip(line, widths, strict=True)) for line in (self.heads, *self.lines))
        ]
        return "\n".join([self.title, *(row.rstrip() for row in rows)])

    def markdown(self) -> str:
        rules = ["---", *["---:"] * (len(self.heads) - 1)]
        rows = ["| " + " | ".join(line) + " |" for line in (self.heads, rules, *self.lines)]
        return "\n".join([f"**{self.title}**", "", *rows])


def tables(results: Results) -> list[Table]:
    """One for each tree, then what else was measured, then the targets."""
    found = [_of_tree(results, tree) for tree in results.sizes]
    if answers := _answers(results):
        found.append(answers)
    lines = [
        [
            target.sentence,
            _number(value, target.unit),
            f"{target.bound} {_number(target.wanted, target.unit)}",
            "met" if target.is_met(results) else "NOT MET",
        ]
        for target in TARGETS
        if (value := target.value(results)) is not None
    ]
    return [*found, Table("Targets", ["target", "found", "wanted", ""], lines)] if lines else found


def _of_tree(results: Results, tree: str) -> Table:
    files, size = results.sizes[tree]
    heads = ["", "wall s", "÷ floor", "from DONE s", "publish ms", "CPU s", "peak MB", "runs"]
    floor = results.seconds(tree, FLOOR)
    lines = []
    for row in results.of_tree(tree):
        lines.append(_line(row, floor))
        if row.contestant == FLOOR:
            hashed = row.figure("hash_seconds")
            lines.append(["of it: hashing alone", _seconds(hashed), _number(ratio(hashed, floor)), *[""] * 5])
    return Table(f"{tree}: {files:,} files, {size / 1e9:.2f} GB", heads, lines)


def _line(row: Row, floor: float | None) -> list[str]:
    walls = [run.cost.seconds for run in row.runs]
    spread = f" ({min(walls):.2f} to {max(walls):.2f})" if len(walls) > 1 else ""
    return [
        row.contestant,
        _seconds(row.seconds) + spread if walls else row.remark,
        _number(ratio(row.seconds, floor)),
        _seconds(row.figure("from_done_seconds")),
        _number(row.figure("publish_ms")),
        _seconds(row.cpu_seconds),
        f"{row.peak_bytes / 1e6:.0f}" if row.peak_bytes else "",
        str(len(row.runs)) + (f"; then {row.remark}" if walls and row.remark else ""),
    ]


def _answers(results: Results) -> Table | None:
    row = results.rows.get(("S", ANSWERS))
    if row is None or not row.runs:
        return None
    lines = []
    for title, prefix in (("all", ""), ("those that read", "read_"), ("those that write", "write_")):
        names = [f"{prefix}{name}" for name in ("calls", "p50_ms", "p99_ms", "max_ms")]
        lines.append([title, *(_number(row.figure(name)) for name in names)])
    slowest = {name for run in row.runs for name in run.figures if name.startswith("slowest: ")}
    lines += [[name.removeprefix("slowest: "), "", "", "", _number(max(row.all_of(name)))] for name in sorted(slowest)]
    return Table(
        "Pages and API calls of one member while S is imported on SQLite (medians over the runs)",
        ["calls", "number", "p50 ms", "p99 ms", "max ms"],
        lines,
    )


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _number(value: float | None, unit: str = "") -> str:
    if value is None:
        return ""
    digits = 0 if value == int(value) or value >= 100 else 2 if value < 10 else 1
    return f"{value:,.{digits}f} {unit}".rstrip()
