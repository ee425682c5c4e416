"""A download of tree S: how long until it is READY, until the same is READY again, and until it is gone."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path
from statistics import median

from benchmarks.downloads.asking import deleted, imported, ready
from benchmarks.imports.site import a_site
from benchmarks.imports.table import Table
from benchmarks.imports.trees import make_tree, settle


def measure_links(folder: Path, database: str, *, rounds: int, quick: bool) -> Table:
    """Each of them in turn, beside `cp -al` and `rm -rf` of what was served."""
    tree = make_tree("S", folder / "trees", quick=quick)
    found: dict[str, list[float]] = {name: [] for name in ("READY", "READY again", "cp -al", "gone", "rm -rf")}
    with a_site(folder / f"downloads-{database}-{time.time_ns()}", database) as site:
        project = imported(site, tree, folder)
        for number in range(rounds):
            first, download = ready(site, project, f"first {number}")
            again, other = ready(site, project, f"again {number}")
            served = site.running.data / "store" / "collection" / download["globus"]["path"].strip("/")
            copy = served.with_name(f".copy {number}")
            found["READY"].append(first)
            found["READY again"].append(again)
            found["cp -al"].append(_seconds("cp", "-al", "--", str(served), str(copy)))
            found["rm -rf"].append(_seconds("rm", "-rf", "--", str(copy)))
            found["gone"].append(deleted(site, [download, other]))
            settle(folder / "nothing")
    beside = {"READY": "cp -al", "READY again": "cp -al", "gone": "rm -rf"}
    lines = [
        [name, f"{median(seconds):.2f}", _ratio(name, found, beside), " ".join(f"{one:.2f}" for one in seconds)]
        for name, seconds in found.items()
    ]
    title = f"Downloads of {tree.files:,} files in {tree.files // 100:,} folders, {database}"
    return Table(title, ["", "median s", "ratio", "each"], lines)


def _ratio(name: str, found: dict[str, list[float]], beside: dict[str, str]) -> str:
    other = beside.get(name)
    return f"{median(found[name]) / median(found[other]):.2f} of {other}" if other else ""


def _seconds(*command: str) -> float:
    begun = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - begun
