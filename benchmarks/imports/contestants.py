"""Who takes part: the floor, ours on each database, and ours in the two cases that the issue names beside them.

A contestant gets a tree and an empty folder, does its preparations, and returns what it measured.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from benchmarks.imports.calls import Caller
from benchmarks.imports.floor import floor_of, hash_tree, link_tree
from benchmarks.imports.ours import (
    Counted,
    Imported,
    WrongOutcomeError,
    check_new,
    counted,
    run_import,
    staged_upload,
)
from benchmarks.imports.results import FLOOR, Measured
from benchmarks.imports.site import POSTGRESQL, SQLITE, Site, a_site
from benchmarks.imports.trees import WARM_UP, Tree, copy_tree, make_tree, settle

NAMES: Final = {SQLITE: "Moorage, SQLite", POSTGRESQL: "Moorage, PostgreSQL"}
AGAIN: Final = {database: f"{name}, the same again" for database, name in NAMES.items()}
ANSWERS: Final = "Moorage, SQLite, beside calls"
SMALL_FIRST: Final = {database: f"{name}, ten files beside it" for database, name in NAMES.items()}

Run = Callable[[Tree, Path], dict[str, Measured]]


@dataclass(frozen=True)
class Contestant:
    """`run` returns what was measured under the contestant's name, and perhaps under others."""

    name: str
    run: Run


def the_floor(limit_seconds: float) -> Contestant:
    def run(tree: Tree, scratch: Path) -> dict[str, Measured]:
        settle(tree.root)
        hashed = hash_tree(tree, scratch, limit_seconds=limit_seconds)
        linked = link_tree(tree, scratch, limit_seconds=limit_seconds)
        return {FLOOR: Measured(floor_of(hashed, linked), {"hash_seconds": hashed.seconds})}

    return Contestant(FLOOR, run)


def ours(databases: list[str], extras: list[str], tree: str) -> list[Contestant]:
    """Our imports of a tree, with the extra runs that belong to it."""
    found = [Contestant(NAMES[database], partial(_import, database, extras)) for database in databases]
    if tree == "S" and SQLITE in databases and "calls" in extras:
        found.append(Contestant(ANSWERS, _import_beside_calls))
    if tree == "L" and "small" in extras:
        found += [Contestant(SMALL_FIRST[database], partial(_small_beside_large, database)) for database in databases]
    return found


def _import(database: str, extras: list[str], tree: Tree, scratch: Path) -> dict[str, Measured]:
    """A first import and, of S, a second one of the same files."""
    with a_site(scratch / "site", database) as site:
        warmed = _warm_up(site, scratch)
        project, before = site.author.new_project(tree.name), counted(site)
        first = run_import(site, staged_upload(site, project, "first", copy_tree(tree, scratch / "staged")))
        check_new(site, first, tree, before=before)
        surplus = counted(site).objects - before.objects - tree.distinct
        figures = _figures(first) | {"surplus_objects": float(surplus)}
        if warmed.publish_ms is not None:
            figures["publish_1000_ms"] = warmed.publish_ms
        measured = {NAMES[database]: Measured(first.cost, figures)}
        if tree.name == "S" and "again" in extras:
            measured[AGAIN[database]] = _import_again(site, project, tree, scratch)
        return measured


def _import_again(site: Site, project: str, tree: Tree, scratch: Path) -> Measured:
    before = counted(site)
    second = run_import(site, staged_upload(site, project, "again", copy_tree(tree, scratch / "again")))
    after, verdicts = counted(site), second.upload["verdicts"]
    if verdicts != {"identical": tree.files}:
        raise WrongOutcomeError(f"{tree.name} again: {verdicts}; all {tree.files} are identical.")
    new = {"new_objects": after.objects - before.objects, "new_versions": after.versions - before.versions}
    return Measured(second.cost, _figures(second) | new)


def _import_beside_calls(tree: Tree, scratch: Path) -> dict[str, Measured]:
    """How long pages and API calls take meanwhile."""
    with a_site(scratch / "site", SQLITE) as site:
        _warm_up(site, scratch)
        project = site.author.new_project(tree.name)
        upload = staged_upload(site, project, "first", copy_tree(tree, scratch / "staged"))
        caller = Caller(site, upload)
        imported = run_import(site, upload, meanwhile=caller.call_some)
        slowest = {f"slowest: {kind}": max(taken) for kind, taken in caller.taken.items()}
        return {ANSWERS: Measured(imported.cost, caller.figures() | slowest)}


def _small_beside_large(database: str, tree: Tree, scratch: Path) -> dict[str, Measured]:
    """Ten files, marked done while the tree is imported into the same project."""
    with a_site(scratch / "site", database) as site:
        _warm_up(site, scratch)
        project = site.author.new_project(tree.name)
        large = staged_upload(site, project, "large", copy_tree(tree, scratch / "large"))
        small = staged_upload(site, project, "small", _ten_files(scratch))
        site.author.done(large)
        site.author.wait_for(large, "importing", "imported")
        beside = run_import(site, small)
        ended: dict[str, Any] = site.author.wait_for(large, "imported", "failed", seconds=3600)
        is_first = beside.upload["imported_at"] < ended["imported_at"]
        return {SMALL_FIRST[database]: Measured(beside.cost, _figures(beside) | {"is_first": float(is_first)})}


def _warm_up(site: Site, scratch: Path) -> Imported:
    tree = make_tree(WARM_UP, scratch, quick=False)
    project = site.author.new_project(WARM_UP)
    imported = run_import(site, staged_upload(site, project, WARM_UP, copy_tree(tree, scratch / "waking")))
    check_new(site, imported, tree, before=Counted(0, 0))
    return imported


def _ten_files(scratch: Path) -> Path:
    folder = scratch / "ten"
    folder.mkdir()
    for number in range(10):
        (folder / f"note {number}.txt").write_text(f"Beside the large ones: {number}.\n")
    settle(folder)
    return folder


def _figures(imported: Imported) -> dict[str, float]:
    found = {"from_done_seconds": imported.from_done_seconds}
    return found if imported.publish_ms is None else found | {"publish_ms": imported.publish_ms}
