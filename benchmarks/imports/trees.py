"""The data sets: made once from a seed, the same on every machine, and copied for whoever changes what it is given.

Contents are as good as random, so that nobody gains by compressing them or by finding pieces of one in another.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import random
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import Final

MIB: Final = 1 << 20
PIECE_BYTES: Final = 8 * MIB
SETTLE_SECONDS: Final = 2.0  # younger files are waited for (storage.digests.wait_until_old)
SURELY_QUICKER: Final = 0.7  # one pass than the pass before
_MADE: Final = "tree.json"


@dataclass(frozen=True)
class PlannedFile:
    """One file: its path, its size, and which content it has; files with the same content are duplicates."""

    path: str
    size_bytes: int
    content: int


@dataclass(frozen=True)
class Tree:
    """A data set on disk. `distinct` counts contents, `distinct_bytes` what they take when each is kept once."""

    name: str
    root: Path
    files: int
    bytes: int
    distinct: int
    distinct_bytes: int


Plan = Callable[[bool], Iterator[PlannedFile]]


def _spread(name: str, files: int, per_folder: int, sizes: range) -> Iterator[PlannedFile]:
    choose = random.Random(name)  # noqa: S311 - reproducible, not secret
    for number in range(files):
        path = f"folder {number // per_folder:05}/file {number:07}.dat"
        yield PlannedFile(path, choose.randrange(sizes.start, sizes.stop), number)


def _small_files(quick: bool) -> Iterator[PlannedFile]:
    return _spread("S", 10_000 if quick else 100_000, 100, range(4096, 16385))


def _mixed_files(quick: bool) -> Iterator[PlannedFile]:
    """Log-normal sizes of 0.4 MB on average; three in ten have the content of an earlier one."""
    choose = random.Random("M")  # noqa: S311
    sizes: list[int] = []
    for number in range(2_000 if quick else 20_000):
        if sizes and choose.random() < 0.3:
            content = choose.randrange(len(sizes))
        else:
            content = len(sizes)
            sizes.append(1 + int(choose.lognormvariate(math.log(105_000), 1.63)))
        yield PlannedFile(f"sample {number // 200:03}/scan {number:05}.raw", sizes[content], content)


def _large_files(quick: bool) -> Iterator[PlannedFile]:
    for number in range(8):
        yield PlannedFile(f"volume {number}.h5", (256 if quick else 1024) * MIB, number)


def _many_files(quick: bool) -> Iterator[PlannedFile]:
    return _spread("N", 50_000 if quick else 1_000_000, 1000, range(100, 401))


def _thousand_files(quick: bool) -> Iterator[PlannedFile]:  # noqa: ARG001
    return _spread("warm-up", 1_000, 100, range(100, 401))


PLANS: Final[dict[str, Plan]] = {"S": _small_files, "M": _mixed_files, "L": _large_files, "N": _many_files}
WARM_UP: Final = "warm-up"  # a thousand small files: what wakes a worker up


def make_tree(name: str, folder: Path, *, quick: bool) -> Tree:
    """The tree of this name below `folder`; made there unless an earlier run has made the same."""
    plan = _plan_of(name)
    home = folder / (f"{name}-quick" if quick else name)
    tree = _planned_tree(name, home / "files", plan(quick))
    made, description = home / _MADE, json.dumps({**asdict(tree), "root": ""})
    if made.exists() and made.read_text() == description:
        return tree
    shutil.rmtree(home, ignore_errors=True)
    for parent in {(tree.root / planned.path).parent for planned in plan(quick)}:
        parent.mkdir(parents=True, exist_ok=True)
    with get_context("fork").Pool(2) as pool:
        pool.starmap(_write_share, [(name, quick, tree.root, share) for share in (0, 1)])
    made.write_text(description)
    return tree


def _planned_tree(name: str, root: Path, planned: Iterator[PlannedFile]) -> Tree:
    files, total, contents = 0, 0, dict[int, int]()
    for file in planned:
        files, total = files + 1, total + file.size_bytes
        contents[file.content] = file.size_bytes
    return Tree(name, root, files, total, len(contents), sum(contents.values()))


def _plan_of(name: str) -> Plan:
    return _thousand_files if name == WARM_UP else PLANS[name]


def _write_share(name: str, quick: bool, root: Path, share: int) -> None:
    for planned in islice(_plan_of(name)(quick), share, None, 2):
        with (root / planned.path).open("wb", buffering=0) as file:
            for piece in content_of(name, planned):
                file.write(piece)


def content_of(name: str, planned: PlannedFile) -> Iterator[bytes]:
    """A file's bytes, in pieces."""
    for start in range(0, planned.size_bytes, PIECE_BYTES):
        seed = f"{name} {planned.content} {start}".encode()
        yield hashlib.shake_128(seed).digest(min(PIECE_BYTES, planned.size_bytes - start))


def copy_tree(tree: Tree, target: Path) -> Path:
    """Real files of a run's own, each with one name only, as they come from a transfer; settled and read once."""
    target.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", "--reflink=auto", "-T", "--", str(tree.root), str(target)], check=True)
    settle(target)
    return target


def settle(folder: Path) -> None:
    """Leave nothing to be written, and the whole folder in the cache.

    It is read until that does not become quicker any more: what is read first may have left the cache again before the
    last is read, where the disk is slow and the kernel gives unused pages back soon (DAMON).
    """
    os.sync()
    copied = time.monotonic()
    before, now = float("inf"), _read(folder)
    while now < SURELY_QUICKER * before:
        before, now = now, _read(folder)
    time.sleep(max(0.0, SETTLE_SECONDS - (time.monotonic() - copied)))


def _read(folder: Path) -> float:
    """Read every file; how many seconds that took."""
    begun = time.monotonic()
    buffer = memoryview(bytearray(MIB))
    for where, _, names in os.walk(folder):
        for name in names:
            descriptor = os.open(f"{where}/{name}", os.O_RDONLY)
            while os.readv(descriptor, [buffer]):
                pass
            os.close(descriptor)
    return time.monotonic() - begun
