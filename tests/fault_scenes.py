"""Scenes that are played on a file system that fails, each with what must be true in the middle and at the end.

A scene is prepared, acted by real workers and sweeps while faults are met, looked at, and settled by the same workers
and sweeps without faults (and by a member who presses Retry). At the end it must look as if nothing had happened.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from builders import a_project, publish_files, read_whole
from fault_checks import (
    ARRIVES,
    BEFORE,
    BROUGHT,
    damaged_objects,
    lost,
    object_without_row,
    swept,
    told_badly,
)
from importing import World, contents, fill, staged
from moorage.backends import backends
from moorage.files.models import StoredObject
from moorage.importer.asked.previews import ask_preview
from moorage.importer.models import ImportRun, ManifestEntry, Preview, PreviewState
from moorage.jobs import imports, previews
from moorage.jobs.sweeps import clearing, closing
from moorage.leases import LeaseWatch
from moorage.projects.models import Project
from moorage.transfers.arrivals import look_at_area
from moorage.transfers.models import Upload
from moorage.transfers.retrying import may_be_retried, retry_upload
from moorage.transfers.sealing import start_sealing
from moorage.transfers.states import UploadState

TRIES: Final = 8
QUIET_SECONDS: Final = 0.03


@dataclass
class Scene:
    """What is played. `world` is its own: a store without anything in it."""

    world: World
    is_enough: Callable[[], bool] = lambda: False  # whether the workers are to end, because nothing will move

    def prepare(self) -> None: ...

    def act(self) -> None: ...

    def look(self) -> dict[str, Any]:
        """What must be the same in the end, whatever happened."""
        return {}

    def wrong(self) -> list[str]:
        """What must not be true at any time."""
        return []

    def settle(self, is_settled: Callable[[], bool]) -> None:
        """Everyone goes on, and nothing fails any more."""
        for _ in range(TRIES):
            self.act()
            if is_settled():
                return


class Importing(Scene):
    """DONE is pressed: the area is frozen, imported and cleared."""

    upload: Upload
    rules = "*.out"
    arrives: Mapping[str, bytes] = ARRIVES

    def prepare(self) -> None:
        project = a_project()
        Project.objects.filter(pk=project.pk).update(ignore_rules=self.rules)
        publish_files(project, BEFORE, store=self.world.store)
        self.upload, area = self.world.an_area(project)
        fill(area, self.arrives)
        (self.world.store.root / "another name").hardlink_to(area / "two names")
        (area / "link").symlink_to("kept")
        for content, there in ((b"its object has no row",) * 2, (b"the right bytes", b"the wrong bytes")):
            object_without_row(self.world, content, there)
        look_at_area(self.upload, at=backends().clock())
        self.upload.refresh_from_db()
        start_sealing(upload=self.upload, actor=self.upload.owner, at=backends().clock())

    def act(self) -> None:
        for _ in range(TRIES):
            swept(closing.seal)
            if not Upload.objects.in_state(UploadState.SEALING).exists():
                break
            time.sleep(QUIET_SECONDS / 2)
        while not self.is_enough() and (lease := imports.claim_next(LeaseWatch())) is not None:
            imports.work(lease, executor=self.world.executor, should_stop=self.is_enough)
        for _ in range(4):
            swept(clearing.clear_imported)
        self.upload.refresh_from_db()

    def settle(self, is_settled: Callable[[], bool]) -> None:
        for turn in range(TRIES):
            if turn > 1 and may_be_retried(self.upload):
                retry_upload(upload=self.upload, actor=self.upload.owner, at=backends().clock())
            ImportRun.objects.update(not_before=None)
            self.act()
            if is_settled():
                return

    def look(self) -> dict[str, Any]:
        self.upload.refresh_from_db()
        project = Project.objects.get(pk=self.upload.project_id)
        return {
            "state": (self.upload.state, self.upload.problems, self.upload.is_cleared, self.upload.reason),
            "seen": read_whole(project.pk, limit=100),
            "left": staged(self.world.store.sealed / str(self.upload.pk)),
            "objects": sorted(StoredObject.objects.values_list("digest", "state")),
            "reasons": sorted(ManifestEntry.objects.exclude(reason="").values_list("reason", "path")),
        }

    def wrong(self) -> list[str]:
        project = Project.objects.get(pk=self.upload.project_id)
        seen = contents(self.world, project)
        wrong = [*told_badly(), *damaged_objects(self.world), *lost(self.world, self.upload, self.arrives, seen)]
        whole = {**BEFORE, **{path: content for path, content in self.arrives.items() if not path.endswith("/")}}
        if project.head == 1 and seen != BEFORE:
            wrong.append("something is seen that is not published")
        if set(seen) - set(whole) or any(seen[path] not in (whole[path], BEFORE.get(path)) for path in seen):
            wrong.append(f"other files or bytes are seen: {sorted(seen)}")
        if not set(BEFORE) <= set(seen) or contents(self.world, project, 1) != BEFORE:
            wrong.append("what was there has changed")
        return wrong


class ImportingPlainly(Importing):
    """The same, where no rule and no list is in the way of the short way for small files."""

    rules = ""
    arrives = {path: content for path, content in ARRIVES.items() if path not in BROUGHT}


class Previewing(Scene):
    """A member looks at what an import would do, with digests."""

    upload: Upload

    def prepare(self) -> None:
        project = a_project()
        Project.objects.filter(pk=project.pk).update(ignore_rules="*.out")
        publish_files(project, BEFORE, store=self.world.store)
        self.upload, area = self.world.an_area(project)
        fill(area, ARRIVES)
        look_at_area(self.upload, at=backends().clock())
        self.upload.refresh_from_db()
        self.ask()

    def ask(self) -> None:
        ask_preview(
            upload_id=self.upload.pk,
            project_id=self.upload.project_id,
            by=self.upload.owner,
            at=backends().clock(),
            with_digests=True,
        )

    def act(self) -> None:
        while not self.is_enough() and (lease := previews.claim_next(LeaseWatch())) is not None:
            previews.work(lease, should_stop=self.is_enough)

    def settle(self, is_settled: Callable[[], bool]) -> None:
        for _ in range(2):
            self.ask()
            self.act()
            if is_settled():
                return

    def look(self) -> dict[str, Any]:
        preview = Preview.objects.get()
        problems = sorted((one["code"], one["files"]) for one in preview.problems)
        return {"state": preview.state, "verdicts": preview.verdicts, "problems": problems}

    def wrong(self) -> list[str]:
        preview = Preview.objects.get()
        wrong = told_badly()
        if preview.state == PreviewState.FAILED and preview.reason == "bug":
            wrong.append("the preview says that it met a bug")
        if staged(self.world.store.collection / self.upload.area_name) != {p for p in ARRIVES if not p.endswith("/")}:
            wrong.append("the area has changed")
        return wrong
