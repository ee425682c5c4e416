"""The floor: what nobody who reads, digests and links every file can be faster than. And its digests alone."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

from benchmarks.imports import hashing
from benchmarks.imports.meters import Cost, run_command
from benchmarks.imports.trees import Tree

_HASHING: Final = [sys.executable, str(Path(hashing.__file__).resolve())]


def hash_tree(tree: Tree, scratch: Path, *, limit_seconds: float) -> Cost:
    """Two processes read and digest every file."""
    return run_command([*_HASHING, str(tree.root)], folder=scratch, environment={}, limit_seconds=limit_seconds)


def link_tree(tree: Tree, scratch: Path, *, limit_seconds: float) -> Cost:
    """`cp -al`: every file gets a second name, every folder is made again."""
    command = ["cp", "-al", "-T", "--", str(tree.root), str(scratch / "links")]
    return run_command(command, folder=scratch, environment={}, limit_seconds=limit_seconds)


def floor_of(hashed: Cost, linked: Cost) -> Cost:
    """One after the other."""
    return Cost(
        hashed.seconds + linked.seconds,
        hashed.cpu_seconds + linked.cpu_seconds,
        max(hashed.peak_bytes, linked.peak_bytes),
    )
