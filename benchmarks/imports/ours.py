"""Our import through the real thing: an upload is opened, a staged tree is put into its area, DONE, IMPORTED."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any, Final

from benchmarks.imports.hashing import paths_below
from benchmarks.imports.meters import Cost, Meter
from benchmarks.imports.site import Site
from benchmarks.imports.trees import Tree

POLL_SECONDS: Final = 0.5  # the times come from the server; asking more often would only take its CPU
LONGEST_SECONDS: Final = 3600.0
SAMPLE: Final = 20
LARGE_BYTES: Final = 2**32
FINAL: Final = {"imported", "failed", "discarded"}


class WrongOutcomeError(Exception):
    """The import is not what it should be, so its time says nothing."""


@dataclass(frozen=True)
class Imported:
    """One import. `cost.seconds` run from the worker's claim to IMPORTED, `from_done_seconds` from DONE."""

    cost: Cost
    from_done_seconds: float
    publish_ms: float | None
    upload: dict[str, Any]


@dataclass(frozen=True)
class Counted:
    """What the store holds."""

    objects: int
    versions: int


def counted(site: Site) -> Counted:
    return Counted(site.count("files_storedobject"), site.count("files_fileversion"))


def staged_upload(site: Site, project: str, name: str, staged: Path) -> dict[str, Any]:
    """An open upload whose area is this folder, which is moved there by a rename (the operator's way)."""
    upload = site.author.open_upload(name, project=project)
    staged.rename(site.area(upload["globus"]["path"]))
    return upload


def run_import(
    site: Site, upload: dict[str, Any], *, meanwhile: Callable[[], None] = lambda: time.sleep(POLL_SECONDS)
) -> Imported:
    """DONE, and wait for the end; `meanwhile` is called between two looks."""
    with Meter(site.processes) as meter:
        site.author.done(upload)
        ended = wait_for_end(site, upload, meanwhile=meanwhile)
    if ended["state"] != "imported":
        raise WrongOutcomeError(f"{ended['name']} is {ended['state']}: {ended['reason']}\n{site.running.logs}")
    claimed, done, imported = (_time(ended[name]) for name in ("import_started_at", "done_at", "imported_at"))
    return Imported(
        Cost((imported - claimed).total_seconds(), meter.cpu, meter.peak),
        (imported - done).total_seconds(),
        site.last_publish_ms(),
        ended,
    )


def wait_for_end(site: Site, upload: dict[str, Any], *, meanwhile: Callable[[], None]) -> dict[str, Any]:
    """The upload in its final state."""
    until = time.monotonic() + LONGEST_SECONDS
    while (now := site.author.upload(upload["id"]))["state"] not in FINAL:
        if time.monotonic() > until:
            raise WrongOutcomeError(f"{now['name']} is still {now['state']} after {LONGEST_SECONDS:g} s.")
        if site.has_met_a_bug():
            # It would be tried again and again, with growing pauses.
            raise WrongOutcomeError(f"{now['name']} met a bug.\n{site.running.logs}")
        meanwhile()
    return now


def check_new(site: Site, imported: Imported, tree: Tree, *, before: Counted) -> None:
    """Every file has become a new one, every content one object, and a sample of them is byte for byte the same.

    Raises:
        WrongOutcomeError: something is missing, or there twice.
    """
    upload, found = imported.upload, counted(site)
    wanted = Counted(before.objects + tree.distinct, before.versions + tree.files)
    if upload["verdicts"] != {"new": tree.files} or upload["problems"] or found != wanted:
        raise WrongOutcomeError(
            f"{tree.name}: {upload['verdicts']}, {upload['problems']} problems, {found}; wanted are {tree.files} new "
            f"files and {wanted}."
        )
    # Reading many gigabytes back would only tell the same again.
    step = max(1, tree.files // SAMPLE) if tree.bytes < LARGE_BYTES else tree.files
    for path in islice(paths_below(os.fspath(tree.root)), 0, None, step):
        check_content(site, upload["project"], Path(path), os.path.relpath(path, tree.root))


def check_content(site: Site, project: str, original: Path, path: str) -> None:
    """One file of the project, as it is given out, has the original's bytes."""
    digest = hashlib.sha256()
    answer = site.running.api("GET", f"/projects/{project}/files/content", params={"path": path}, stream=True)
    for piece in answer.iter_content(1 << 20):
        digest.update(piece)
    with original.open("rb") as file:
        if answer.status_code != 200 or hashlib.file_digest(file, "sha256").hexdigest() != digest.hexdigest():
            raise WrongOutcomeError(f"{path} is not what was staged (status {answer.status_code}).")


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
