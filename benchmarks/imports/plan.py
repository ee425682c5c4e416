"""What is to be measured: the options of `python -m benchmarks imports`."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.imports.peers import BY_WORD
from benchmarks.imports.site import DATABASES
from benchmarks.imports.trees import PLANS

EXTRAS: Final = ("again", "calls", "small")
# A million small files keep some peers busy for hours, and nothing is claimed about it.
TREES_OF_PEERS: Final = ("S", "M", "L")


@dataclass(frozen=True)
class Plan:
    """`folder` holds trees, scratch and logs; it is removed afterwards unless it is to be kept."""

    trees: list[str]
    databases: list[str]
    peers: list[str]
    extras: list[str]
    rounds: int
    quick: bool
    limit_seconds: float
    keep: Path | None
    markdown: Path | None

    @contextmanager
    def folder(self) -> Iterator[Path]:
        if self.keep is not None:
            self.keep.mkdir(parents=True, exist_ok=True)
            yield self.keep.resolve()
            return
        made = Path(tempfile.mkdtemp(prefix="moorage-bench-"))
        try:
            yield made.resolve()
        finally:
            shutil.rmtree(made, ignore_errors=True)


def plan_from(words: Sequence[str]) -> Plan:
    """Read the options; says what is wrong with them and exits with status 2."""
    parser = argparse.ArgumentParser(
        "python -m benchmarks imports",
        description="Our import beside the floor and beside other programs, alternating; everything by default.",
    )
    add = parser.add_argument
    add("--quick", action="store_true", help="smaller trees; ratios are rougher")
    add("--trees", type=_several(PLANS), default=list(PLANS), metavar="S,M,L,N")
    add("--databases", type=_several(DATABASES), default=list(DATABASES), metavar=",".join(DATABASES))
    add("--peers", type=_several(BY_WORD), default=list(BY_WORD), metavar=f"{','.join(BY_WORD)}|none")
    add("--extras", type=_several(EXTRAS), default=list(EXTRAS), metavar=f"{','.join(EXTRAS)}|none",
        help="again: S once more; calls: pages and API calls beside S; small: ten files beside L")  # fmt: skip
    add("--rounds", type=int, default=3, help="how often each runs (default 3)")
    add("--limit", type=float, default=900, metavar="SECONDS", help="stop a peer that takes longer (default 900)")
    add("--keep", type=Path, metavar="DIR", help="work in this folder and leave trees and logs in it; "
        "it must be on the disk that is to be measured (default: a folder in TMPDIR, removed afterwards)")  # fmt: skip
    add("--markdown", type=Path, metavar="FILE", help="write the tables there, for docs/explanation/performance.md")
    found = parser.parse_args(words)
    return Plan(
        found.trees,
        found.databases,
        found.peers,
        found.extras,
        max(1, found.rounds),
        found.quick,
        found.limit,
        found.keep,
        found.markdown,
    )


def _several(known: Iterable[str]) -> Callable[[str], list[str]]:
    """Words separated by commas, each of them known; `none` for none."""
    there = list(known)

    def words_of(text: str) -> list[str]:
        words = [] if text == "none" else text.split(",")
        for word in words:
            if word not in there:
                raise argparse.ArgumentTypeError(f"{word!r} is none of {', '.join(there)}")
        return words

    return words_of
