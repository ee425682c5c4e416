"""The rounds: in each of them everybody runs once, one after another, with an empty folder and the disk at rest."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.imports.calls import CallFailedError
from benchmarks.imports.contestants import Contestant, ours, the_floor
from benchmarks.imports.machine import describe, free_bytes
from benchmarks.imports.meters import CommandFailedError, LimitReachedError
from benchmarks.imports.ours import WrongOutcomeError
from benchmarks.imports.peers import BY_WORD
from benchmarks.imports.plan import TREES_OF_PEERS, Plan
from benchmarks.imports.results import Results
from benchmarks.imports.site import can_run
from benchmarks.imports.table import tables
from benchmarks.imports.trees import Tree, make_tree

ROOM_TIMES: Final = 3  # the tree, a copy of it, and a store that copied it


def run_plan(plan: Plan) -> None:
    """Run everything, print and write the tables."""
    with plan.folder() as folder:
        machine = describe(folder, plan.peers)
        print("\n".join(machine), flush=True)
        rounds = Rounds(plan, folder)
        try:
            for name in plan.trees:
                rounds.run_tree(name)
        finally:
            _show(plan, machine, rounds.results)


@dataclass
class Rounds:
    """What runs is chosen by the plan, and works in the folder."""

    plan: Plan
    folder: Path
    results: Results = field(default_factory=Results)

    def run_tree(self, name: str) -> None:
        """Every contestant on one tree, in every round."""
        print(f"-- {name}: the tree is being made", flush=True)
        tree = make_tree(name, self.folder / "trees", quick=self.plan.quick)
        if free_bytes(self.folder) < ROOM_TIMES * tree.bytes:
            needed = ROOM_TIMES * tree.bytes / 1e9
            print(f"-- {name} is left out: it needs {needed:.0f} GB of free space in {self.folder}.")
            return
        self.results.sizes[name] = (tree.files, tree.bytes)
        contestants = self._contestants(name)
        for number in range(1, self.plan.rounds + 1):
            print(f"   round {number}", flush=True)
            for contestant in contestants:
                if not self.results.has_given_up(name, contestant.name):
                    self._run_one(contestant, tree)
        if self.plan.keep is None:
            shutil.rmtree(tree.root.parent)

    def _contestants(self, tree: str) -> list[Contestant]:
        plan = self.plan
        databases = [database for database in plan.databases if can_run(database)]
        peers = [BY_WORD[word] for word in plan.peers if tree in TREES_OF_PEERS and BY_WORD[word].found()]
        return [
            the_floor(plan.limit_seconds),
            *ours(databases, plan.extras, tree),
            *(peer.contestant(plan.limit_seconds) for peer in peers),
        ]

    def _run_one(self, contestant: Contestant, tree: Tree) -> None:
        scratch = self.folder / "scratch"
        _remove(scratch)
        scratch.mkdir(parents=True)
        try:
            for name, measured in contestant.run(tree, scratch).items():
                self.results.add(tree.name, name, measured)
                print(f"   {name}: {measured.cost.seconds:.2f} s", flush=True)
        except LimitReachedError:
            self._give_up(tree, contestant, f"over {self.plan.limit_seconds:.0f} s")
        except (CommandFailedError, WrongOutcomeError, CallFailedError, AssertionError) as error:
            self._give_up(tree, contestant, "failed", str(error))
        finally:
            self._keep_logs(contestant, scratch)
            _remove(scratch)
            os.sync()  # so that what one leaves to be written does not slow the next one down

    def _keep_logs(self, contestant: Contestant, scratch: Path) -> None:
        """Of the last run, beside the trees that are kept."""
        logs = scratch / "site" / "data" / "logs"
        if self.plan.keep is not None and logs.is_dir():
            shutil.copytree(logs, self.folder / "logs" / contestant.name, dirs_exist_ok=True)

    def _give_up(self, tree: Tree, contestant: Contestant, remark: str, details: str = "") -> None:
        self.results.give_up(tree.name, contestant.name, remark)
        print(f"   {contestant.name}: {remark}; it does not run again.\n{details}".rstrip(), flush=True)


def _remove(folder: Path) -> None:
    if folder.exists():
        # Some peers leave folders that nobody may write to.
        subprocess.run(["chmod", "-R", "u+w", "--", str(folder)], check=False)
        shutil.rmtree(folder)


def _show(plan: Plan, machine: list[str], results: Results) -> None:
    found = tables(results)
    print("\n" + "\n\n".join(table.plain() for table in found))
    if plan.markdown is not None:
        rounds = f"{plan.rounds} rounds, medians" + ("; small trees (--quick)" if plan.quick else "")
        text = [*(f"- {line}" for line in machine), f"- {rounds}", ""]
        plan.markdown.write_text("\n".join(text) + "\n" + "\n\n".join(table.markdown() for table in found) + "\n")
