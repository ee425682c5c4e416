"""The scripts of `make check` and `make docs`, on small trees that are wrong in one place."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parents[3] / "tools"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """An empty repository with our scripts in it."""
    shutil.copytree(TOOLS, tmp_path / "tools")
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    return tmp_path


def run(tree: Path, script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, tree / "tools" / script], capture_output=True, text=True, check=False, cwd=tree
    )


@pytest.mark.parametrize(
    "line",
    [
        "see https://py" + "pi.org/project/x",
        '"resol' + 'ved": "somewhere"',
        "--index-" + "url https://mirror.example",
        "/ho" + "me/ada/moorage/x",
    ],
)
def test_an_address_of_a_registry_or_a_path_of_a_machine_is_found(tree: Path, line: str) -> None:
    (tree / "page.md").write_text(f"First\n{line}\n")

    outcome = run(tree, "check_tree.py")

    assert outcome.returncode == 1
    assert outcome.stdout.startswith("page.md:2: ")


def test_our_own_scripts_name_no_registry(tree: Path) -> None:
    outcome = run(tree, "check_tree.py")

    assert (outcome.returncode, outcome.stderr) == (0, "")


@pytest.mark.parametrize("target", ["gone.md", "here.md#no-such-heading", "folder/gone.md#x"])
def test_a_link_that_leads_nowhere_is_found(tree: Path, target: str) -> None:
    (tree / "here.md").write_text("# A heading: with `code`\n")
    (tree / "page.md").write_text(f"[text]({target})\n")

    outcome = run(tree, "check_links.py")

    assert outcome.returncode == 1
    assert target in outcome.stdout


def test_links_to_files_headings_and_other_sites_are_fine(tree: Path) -> None:
    (tree / "here.md").write_text("# A heading: with `code`\n\n```\n# no heading [x](gone.md)\n```\n")
    (tree / "page.md").write_text("[a](here.md) [b](here.md#a-heading-with-code) [c](https://example.org/x)\n")

    outcome = run(tree, "check_links.py")

    assert (outcome.returncode, outcome.stdout) == (0, "Every link of 2 pages leads somewhere.\n")
