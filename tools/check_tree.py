"""Checks that no committed file carries an address of a package registry or a path of somebody's machine.

Which registry is asked is the machine's own setting; a path of one checkout is wrong in every other.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent

# The empty groups keep this file from finding itself.
REGISTRY: Final = re.compile(
    r"py(?:)pi\.org|python(?:)hosted\.org|registry\.npm(?:)js|registry\.yarn(?:)pkg|deb\.deb(?:)ian\.org"
    r"|--(?:extra-)?index(?:)-url[ =]|--find(?:)-links[ =]|\"resol(?:)ved\":"
)
HOME: Final = re.compile(r"(?<![\w.])/(?:home|Users)/[a-z][\w-]*/")


def main() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    findings = [finding for name in listed if name for finding in findings_in(name)]
    print("\n".join(findings) or "No registry address and no path of a machine.")
    sys.exit(bool(findings))


def findings_in(name: str) -> list[str]:
    path = ROOT / name
    if not path.is_file():
        return []
    try:
        lines = path.read_text("utf-8").splitlines()
    except UnicodeDecodeError:
        return []
    findings = []
    for number, line in enumerate(lines, start=1):
        if REGISTRY.search(line):
            findings.append(f"{name}:{number}: an address of a package registry")
        if HOME.search(line) or f"{ROOT}/" in line:
            findings.append(f"{name}:{number}: a path of one machine")
    return findings


if __name__ == "__main__":
    main()
