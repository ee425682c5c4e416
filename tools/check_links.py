"""Checks that every link from one of our Markdown pages to another file, or to a heading, leads somewhere.

Links to other sites are not followed: the machine may have no network.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

ROOT: Final = Path(__file__).resolve().parent.parent
LINK: Final = re.compile(r"!?\[[^\]]*\]\(<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\)")
CODE: Final = re.compile(r"^(`{3,}|~{3,}).*?^\1|`[^`\n]*`", re.MULTILINE | re.DOTALL)
HEADING: Final = re.compile(r"^#{1,6}\s+(.+?)\s*#*$", re.MULTILINE)


def main() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", "*.md"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    pages = [ROOT / name for name in listed if name and (ROOT / name).is_file()]
    broken = [finding for page in pages for finding in broken_links(page)]
    print("\n".join(broken) or f"Every link of {len(pages)} pages leads somewhere.")
    sys.exit(bool(broken))


def broken_links(page: Path) -> list[str]:
    """The links of one page that lead nowhere, one line each."""
    findings = []
    for target in LINK.findall(CODE.sub("", page.read_text("utf-8"))):
        parts = urlsplit(target)
        if parts.scheme or parts.netloc:
            continue
        aimed = (page.parent / unquote(parts.path)) if parts.path else page
        if not aimed.exists():
            findings.append(f"{page.relative_to(ROOT)}: {target}: no such file")
        elif parts.fragment and aimed.suffix == ".md" and parts.fragment not in anchors(aimed):
            findings.append(f"{page.relative_to(ROOT)}: {target}: no such heading")
    return findings


def anchors(page: Path) -> set[str]:
    """The headings of a page as the names that links use: lower case, words joined by hyphens."""
    text = CODE.sub(
        lambda found: found[0].strip("`") if found[0][:3] not in ("```", "~~~") else "",
        page.read_text("utf-8"),
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(text)}


if __name__ == "__main__":
    main()
