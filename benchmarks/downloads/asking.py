"""What a script does with a download, and when each step has happened by the server's own clock."""

from __future__ import annotations

import os
import time
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from benchmarks.imports.ours import WrongOutcomeError, run_import, staged_upload
from benchmarks.imports.site import Site
from benchmarks.imports.trees import Tree, copy_tree

POLL_SECONDS: Final = 0.5  # the times come from the server; asking more often would only take its CPU
LOOK_SECONDS: Final = 0.01
LONGEST_SECONDS: Final = 600.0


def imported(site: Site, tree: Tree, folder: Path) -> str:
    """A project that holds a tree; its id."""
    project = site.author.new_project(tree.name)
    run_import(site, staged_upload(site, project, tree.name, copy_tree(tree, folder / f"staged {tree.name}")))
    return project


def ready(site: Site, project: str, name: str) -> tuple[float, dict[str, Any]]:
    """Ask for the whole project: seconds from the request until it is READY, and the download."""
    made = site.running.api("POST", f"/projects/{project}/downloads", json={"name": name})
    if made.status_code != 201:
        raise WrongOutcomeError(made.text)
    until = time.monotonic() + LONGEST_SECONDS
    while (now := site.running.api("GET", f"/downloads/{made.json()['id']}").json())["state"] != "ready":
        if now["state"] == "failed" or time.monotonic() > until:
            raise WrongOutcomeError(f"{name} is {now['state']}: {now['state_text']}")
        time.sleep(POLL_SECONDS)
    return (_time(now["ready_at"]) - _time(now["created_at"])).total_seconds(), now


def deleted(site: Site, downloads: list[dict[str, Any]]) -> float:
    """Delete downloads of one tree: seconds from the request until nothing of it is on the disk."""
    name, store = downloads[0]["globus"]["path"].strip("/"), site.running.data / "store"
    for other in downloads[1:]:
        site.running.api("DELETE", f"/downloads/{other['id']}")
    begun = time.perf_counter()
    site.running.api("DELETE", f"/downloads/{downloads[0]['id']}")
    # Until it is gone it has other names, which begin with its own.
    while any(one.startswith(name) for place in ("collection", "trees") for one in os.listdir(store / place)):
        if time.perf_counter() - begun > LONGEST_SECONDS:
            raise WrongOutcomeError(f"{name} is still there.")
        time.sleep(LOOK_SECONDS)
    return time.perf_counter() - begun


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
