"""A worker's process for one import, that a test can kill: `python tests/import_process.py STEP [SEAM]`.

    prepare   makes the database and a sealed upload
    work      takes the import and does it, with a pool of processes; at SEAM it kills itself
    finish    prints what readers see, takes the import if it is not at its end, and prints it again, as JSON

The data folder is MOORAGE_DATA.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import django

FILES: Final = {f"folder {number % 7}/file {number}": f"content {number % 50}\n".encode() for number in range(120)}


def prepare(world: Any) -> None:
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    world.a_sealed_upload(FILES)


def work(seam: str) -> None:
    from moorage.jobs import imports
    from moorage.leases import LeaseWatch
    from small_steps import small_steps

    # So that a small tree has several batches.
    for module, name, value in small_steps(files=20, rows=20):
        setattr(module, name, value)
    plain_job = imports.job_of

    def job_of(*arguments: Any, **named: Any) -> Any:
        job = plain_job(*arguments, **named)
        job.seam = lambda met: os.kill(os.getpid(), signal.SIGKILL) if met == seam else None
        return job

    imports.job_of = job_of
    lease = imports.claim_next(LeaseWatch())
    if lease is None:
        sys.exit(3)
    imports.work(lease)
    imports.shared_pool().shutdown(wait=False)


def finish(world: Any) -> None:
    before = look(world)
    if before["state"] != "imported":
        work("none")
    print(json.dumps([before, look(world)]))


def look(world: Any) -> dict[str, Any]:
    from importing import contents, staged
    from moorage.transfers.models import Upload

    upload = Upload.objects.select_related("project").get()
    seen = contents(world, upload.project)
    return {
        "state": upload.state,
        "head": upload.project.head,
        "seen": {path: content.decode() for path, content in seen.items()},
        "left": sorted(staged(world.store.sealed / str(upload.pk))),
    }


def main(step: str, seam: str = "") -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "moorage.config.settings"
    django.setup()
    from concurrent.futures import ThreadPoolExecutor

    from django.utils import timezone

    from fakes.globus import InMemoryTransferService
    from importing import World
    from moorage.backends import Backends, Policies, using
    from moorage.globus.links import GlobusLinks
    from moorage.storage.layout import StoreLayout

    store = StoreLayout(Path(os.environ["MOORAGE_DATA"]) / "store")
    store.make()
    policies = Policies(
        free_floor_bytes=0, free_floor_percent=0, quiet_time=timedelta(seconds=1), digest_min_age=timedelta(0)
    )
    globus = InMemoryTransferService()
    links = GlobusLinks("https://globus.example")
    outside = Backends(globus=globus, links=links, store=store, clock=timezone.now, policies=policies)
    world = World(globus, store, ThreadPoolExecutor(1))
    with using(outside):
        if step == "prepare":
            prepare(world)
        elif step == "work":
            work(seam)
        else:
            finish(world)


if __name__ == "__main__":
    main(*sys.argv[1:])
