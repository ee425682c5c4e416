"""What we want to reach (issue 4), and whether it is: each target is a figure made of results, and a bound."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from benchmarks.imports.contestants import AGAIN, ANSWERS, NAMES, SMALL_FIRST
from benchmarks.imports.peers import BY_WORD
from benchmarks.imports.results import FLOOR, Results, ratio
from benchmarks.imports.site import POSTGRESQL, SQLITE

SQLITE_NAME: Final = NAMES[SQLITE]


@dataclass(frozen=True)
class Target:
    """`value` is None as long as what it needs has not been measured."""

    sentence: str
    value: Callable[[Results], float | None]
    bound: Literal["at most", "at least"]
    wanted: float
    unit: str = ""

    def is_met(self, results: Results) -> bool | None:
        value = self.value(results)
        if value is None:
            return None
        return value <= self.wanted if self.bound == "at most" else value >= self.wanted


def _times_floor(database: str) -> Callable[[Results], float | None]:
    return lambda results: ratio(results.seconds("S", NAMES[database]), results.seconds("S", FLOOR))


def _faster_than(tree: str, peer: str) -> Callable[[Results], float | None]:
    return lambda results: ratio(results.seconds(tree, BY_WORD[peer].name), results.seconds(tree, SQLITE_NAME))


def _hashing_rate(tree: str, database: str) -> Callable[[Results], float | None]:
    return lambda results: ratio(results.figure(tree, FLOOR, "hash_seconds"), results.seconds(tree, NAMES[database]))


def _files_per_second(results: Results, tree: str, name: str) -> float | None:
    files, _ = results.sizes.get(tree, (0, 0))
    return ratio(float(files), results.seconds(tree, name))


def _many_beside_small(database: str) -> Callable[[Results], float | None]:
    name = NAMES[database]
    return lambda results: ratio(_files_per_second(results, "N", name), _files_per_second(results, "S", name))


def _peak_mb(database: str) -> Callable[[Results], float | None]:
    return lambda results: ratio(results.peak_bytes("N", NAMES[database]), 1e6)


def _figure(tree: str, name: str, figure: str) -> Callable[[Results], float | None]:
    return lambda results: results.figure(tree, name, figure)


def _again(database: str) -> Callable[[Results], float | None]:
    return lambda results: ratio(results.seconds("S", AGAIN[database]), results.seconds("S", NAMES[database]))


def _for_each(database: str) -> list[Target]:
    name = NAMES[database]
    return [
        Target(f"S: {name}, times the floor", _times_floor(database), "at most", 1.4 if database == SQLITE else 1.7),
        Target(f"L: {name}, part of the bare hashing rate", _hashing_rate("L", database), "at least", 0.85),
        Target(f"M: {name}, part of the bare hashing rate", _hashing_rate("M", database), "at least", 0.85),
        Target(f"M: {name}, objects beyond one per content", _figure("M", name, "surplus_objects"), "at most", 0),
        Target(f"N: {name}, files/s as part of S's", _many_beside_small(database), "at least", 0.5),
        Target(f"N: {name}, largest process", _peak_mb(database), "at most", 300, "MB"),
        Target(f"N: {name}, publish step at 1,000,000 files", _figure("N", name, "publish_ms"), "at most", 50, "ms"),
        Target(f"N: {name}, publish step at 1,000 files", _figure("N", name, "publish_1000_ms"), "at most", 50, "ms"),
        Target(f"S again: {name}, part of the first time", _again(database), "at most", 0.7),
        Target(f"S again: {name}, new objects", _figure("S", AGAIN[database], "new_objects"), "at most", 0),
        Target(f"S again: {name}, new versions", _figure("S", AGAIN[database], "new_versions"), "at most", 0),
        Target(f"L: {name}, ten files are first", _figure("L", SMALL_FIRST[database], "is_first"), "at least", 1),
    ]


_PEERS: Final = [
    ("S", "dvc", 6.0),
    ("S", "restic", 2.2),
    ("S", "borg", 4.0),
    ("S", "rclone", 6.0),
    ("S", "bagit", 2.7),
    ("L", "dvc", 4.0),
    ("L", "git-annex", 5.0),
    ("L", "restic", 6.0),
]

TARGETS: Final = [
    *_for_each(SQLITE),
    Target("S: 99 % of pages and calls beside it answer in", _figure("S", ANSWERS, "p99_ms"), "at most", 300, "ms"),
    *_for_each(POSTGRESQL),
    *(
        Target(f"{tree}: times as fast as {BY_WORD[peer].name}", _faster_than(tree, peer), "at least", wanted)
        for tree, peer, wanted in _PEERS
    ),
]
