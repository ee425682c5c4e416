"""`make bench`: runs the benchmarks that are named, or all of them, and passes the options on to each."""

from __future__ import annotations

import importlib
import pkgutil
import sys
from itertools import takewhile
from pathlib import Path
from typing import Final

import benchmarks

NAMES: Final = sorted(found.name for found in pkgutil.iter_modules(benchmarks.__path__) if found.name[0] != "_")


def main(words: list[str]) -> int:
    """Run them one after another and return the exit status. What begins with a dash, and all after it, is for them."""
    wanted = list(takewhile(lambda word: not word.startswith("-"), words))
    unknown = [name for name in wanted if name not in NAMES]
    if unknown:
        print(f"There is no benchmark {', '.join(unknown)}. There are: {', '.join(NAMES) or 'none yet'}.")
        return 2
    if not NAMES:
        print("There is no benchmark yet: a module in benchmarks/ with a `main()` is one.")
        return 0
    for name in wanted or NAMES:
        module = importlib.import_module(f"benchmarks.{name}")
        print(f"== {name}: {(module.__doc__ or '').partition(chr(10))[0]}", flush=True)
        module.main(words[len(wanted) :])
    return 0


if __name__ == "__main__":
    # Ours is started the way the journeys start it.
    sys.path.insert(1, str(Path(__file__).resolve().parent.parent / "tests"))
    sys.exit(main(sys.argv[1:]))
