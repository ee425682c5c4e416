"""Other programs that take a tree into a store of theirs: how each is called, so that the comparison is fair to it.

All start with an empty store on the same file system. None compresses, as we do not; each may use two cores.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from benchmarks.imports.contestants import Contestant
from benchmarks.imports.meters import run_command
from benchmarks.imports.results import Measured
from benchmarks.imports.trees import Tree, copy_tree, settle

PREPARE_SECONDS: Final = 120.0

# What a peer gets: the tree itself (it only reads), links to its files (it only moves names), or files of its own.
Given = Literal["tree", "links", "files"]


@dataclass(frozen=True)
class Peer:
    """A program. In its words {data} is the tree that it is given, {scratch} its folder, {program} itself.

    `prepare` is not timed. `below` is where in its folder the tree has to lie.
    """

    name: str
    programs: tuple[str, ...]
    command: Sequence[str]
    version: Sequence[str] = ("{program}", "--version")
    prepare: Sequence[Sequence[str]] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    given: Given = "tree"
    module: str = ""  # a Python module that does as well

    def found(self) -> list[str]:
        """The words that call it; empty where it is not installed."""
        for program in self.programs:
            if path := shutil.which(program):
                return [path]
        if self.module and importlib.util.find_spec(self.module):
            return [sys.executable, "-m", self.module]
        return []

    def release(self) -> str:
        """What it says its version is."""
        said = subprocess.run(
            self._words(self.version, Path(), Path()), capture_output=True, text=True, check=False, timeout=60
        )
        number = re.search(r"\d+(\.\d+)+", said.stdout + said.stderr)
        return number[0] if number else "?"

    def contestant(self, limit_seconds: float) -> Contestant:
        def run(tree: Tree, scratch: Path) -> dict[str, Measured]:
            data = self._data_for(tree, scratch)
            environment = {name: value.format(scratch=scratch) for name, value in self.environment.items()}
            for command in self.prepare:
                words = self._words(command, data, scratch)
                run_command(words, folder=scratch, environment=environment, limit_seconds=PREPARE_SECONDS)
            words = self._words(self.command, data, scratch)
            cost = run_command(words, folder=scratch, environment=environment, limit_seconds=limit_seconds)
            return {self.name: Measured(cost)}

        return Contestant(self.name, run)

    def _data_for(self, tree: Tree, scratch: Path) -> Path:
        givers: dict[Given, Callable[[], Path]] = {
            "tree": lambda: tree.root,
            "links": lambda: _linked(tree, scratch / "data"),
            "files": lambda: copy_tree(tree, scratch / "data"),
        }
        data = givers[self.given]()
        if self.given != "files":
            settle(data)
        return data

    def _words(self, command: Sequence[str], data: Path, scratch: Path) -> list[str]:
        found: list[str] = []
        for word in command:
            found += self.found() if word == "{program}" else [word.format(data=data, scratch=scratch)]
        return found


def _linked(tree: Tree, target: Path) -> Path:
    subprocess.run(["cp", "-al", "-T", "--", str(tree.root), str(target)], check=True)
    return target


_GIT: Final = {
    "HOME": "{scratch}",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Bench",
    "GIT_AUTHOR_EMAIL": "bench@bench.example",
    "GIT_COMMITTER_NAME": "Bench",
    "GIT_COMMITTER_EMAIL": "bench@bench.example",
}

PEERS: Final = [
    Peer(
        "dvc add (hard links)",
        ("dvc",),
        ("{program}", "add", "--quiet", "data"),
        prepare=(
            ("{program}", "init", "--no-scm"),
            ("{program}", "config", "cache.type", "hardlink"),
            ("{program}", "config", "core.checksum_jobs", "2"),
            ("{program}", "config", "core.analytics", "false"),
            ("{program}", "config", "core.check_update", "false"),
        ),
        environment={
            "HOME": "{scratch}",
            "DVC_SITE_CACHE_DIR": "{scratch}/site-cache",
            "DVC_GLOBAL_CONFIG_DIR": "{scratch}/global",
            "DVC_SYSTEM_CONFIG_DIR": "{scratch}/system",
        },
        given="files",
    ),
    Peer(
        "restic backup",
        ("restic",),
        ("{program}", "backup", "--compression", "off", "--quiet", "{data}"),
        version=("{program}", "version"),
        prepare=(("{program}", "init", "--repository-version", "2"),),
        environment={
            "RESTIC_REPOSITORY": "{scratch}/repository",
            "RESTIC_CACHE_DIR": "{scratch}/cache",
            "RESTIC_PASSWORD": "of no secret",
        },
    ),
    Peer(
        "borg create",
        ("borg",),
        ("{program}", "create", "--compression", "none", "{scratch}/repository::first", "{data}"),
        prepare=(("{program}", "init", "--encryption", "none", "{scratch}/repository"),),
        environment={"BORG_BASE_DIR": "{scratch}/borg", "BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK": "yes"},
    ),
    Peer(
        "rclone copy --checksum",
        ("rclone",),
        ("{program}", "copy", "--checksum", "{data}", "{scratch}/copy"),
        version=("{program}", "version"),
        environment={"RCLONE_CONFIG": "{scratch}/rclone.conf"},
    ),
    Peer(
        "bagit.py --processes 2",
        ("bagit.py",),
        ("{program}", "--quiet", "--processes", "2", "--sha256", "{data}"),
        version=("{program}", "--help"),
        given="links",
        module="bagit",
    ),
    Peer(
        "git annex add -J2",
        ("git-annex",),
        ("git", "annex", "add", "-J2", "--quiet", "data"),
        version=("{program}", "version"),
        prepare=(("git", "init", "--quiet"), ("git", "annex", "init", "--quiet")),
        environment=_GIT,
        given="files",
    ),
]

BY_WORD: Final = {peer.programs[0].removesuffix(".py"): peer for peer in PEERS}
