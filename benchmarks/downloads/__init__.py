"""Downloads beside `cp -al` and `rm -rf` of the same tree, and one ZIP beside nginx serving one file of its size."""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

DATABASES = ("sqlite", "postgresql")


def main(words: Sequence[str]) -> None:
    """Measure what the options say, and print the tables."""
    from benchmarks.downloads.archive import measure_archive  # noqa: PLC0415 - `--help` needs none of it
    from benchmarks.downloads.links import measure_links  # noqa: PLC0415
    from benchmarks.imports.machine import describe  # noqa: PLC0415

    parser = argparse.ArgumentParser("python -m benchmarks downloads", description=__doc__)
    add = parser.add_argument
    add("--quick", action="store_true", help="smaller trees; ratios are rougher")
    add("--parts", default="links,archive", metavar="links,archive")
    add("--databases", default="sqlite,postgresql", metavar=",".join(DATABASES))
    add("--rounds", type=int, default=3, help="how often each runs (default 3)")
    add("--keep", type=Path, metavar="DIR", help="work in this folder and leave it; else one in TMPDIR, removed")
    found = parser.parse_args(words)
    with _folder(found.keep) as folder:
        print(*describe(folder, []), sep="\n")
        for database in found.databases.split(","):
            if "links" in found.parts:
                print(measure_links(folder, database, rounds=found.rounds, quick=found.quick).plain(), flush=True)
        if "archive" in found.parts:
            print(measure_archive(folder, rounds=found.rounds, quick=found.quick).plain(), flush=True)


@contextmanager
def _folder(keep: Path | None) -> Iterator[Path]:
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
        yield keep.resolve()
        return
    made = Path(tempfile.mkdtemp(prefix="moorage-bench-"))
    try:
        yield made.resolve()
    finally:
        shutil.rmtree(made, ignore_errors=True)
