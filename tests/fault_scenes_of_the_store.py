"""Scenes on a file system that fails whose bytes leave: DELETE and the trash, the collector and fixity rounds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from typing import Any

from builders import a_file_arrives, a_project, a_stored_object, publish_files, read_whole
from fault_checks import (
    ARRIVES,
    BEFORE,
    left_anywhere,
    object_without_row,
    swept,
    told_badly,
)
from fault_scenes import TRIES, Scene
from importing import fill, staged
from moorage.backends import backends, using
from moorage.files.models import FileVersion, ObjectState, StoredObject
from moorage.jobs.sweeps import closing, collecting, fixity, tidying
from moorage.projects.models import Project
from moorage.transfers.discarding import start_discarding
from moorage.transfers.models import Upload
from moorage.transfers.states import UploadState


class Discarding(Scene):
    """DELETE is pressed: the area goes to the trash, and much later the trash is emptied."""

    upload: Upload

    def prepare(self) -> None:
        self.upload, area = self.world.an_area()
        fill(area, ARRIVES)
        (area / "locked").mkdir(mode=0o500)
        a_file_arrives(self.upload, "one more")
        start_discarding(upload=self.upload, actor=self.upload.owner, at=backends().clock())

    def act(self) -> None:
        for _ in range(3):
            swept(closing.discard)
        self.upload.refresh_from_db()
        later = backends().clock() + timedelta(days=365)
        swept(lambda _: tidying.trash(later))

    def look(self) -> dict[str, Any]:
        self.upload.refresh_from_db()
        return {"state": self.upload.state, "left": [str(path) for path in left_anywhere(self.world)]}

    def wrong(self) -> list[str]:
        self.upload.refresh_from_db()
        wrong = told_badly()
        if self.upload.state != UploadState.DISCARDED and staged(self.world.store.collection) < set():
            wrong.append("it is gone before it is discarded")
        return wrong


class Storekeeping(Scene):
    """The collector, the search for orphans and fixity rounds, beside a project whose file lies in the trash."""

    project: Project

    def prepare(self) -> None:
        self.project = a_project()
        publish_files(self.project, BEFORE, store=self.world.store)
        self.moves = timedelta()
        for content in (b"unused 1", b"unused 2"):
            a_stored_object(content, store=self.world.store)
        object_without_row(self.world, b"an orphan", b"an orphan")
        object_without_row(self.world, b"a bad orphan", b"other bytes!")
        digest = sha256(b"same").hexdigest()
        folder = self.world.store.trash / "99999999999.objects" / digest[:2]
        folder.mkdir(parents=True)
        (self.world.store.objects / digest[:2] / digest).rename(folder / f"{digest}.1")
        StoredObject.objects.update(modified_ns=0)

    def act(self) -> None:
        with self.later(days=0):
            swept(fixity.read_again)
            swept(collecting.look_for_orphans)
        for _ in range(3):
            with self.later(days=100):
                swept(collecting.collect)

    @contextmanager
    def later(self, *, days: int) -> Iterator[None]:
        self.moves += timedelta(days=days)
        plain, moves = backends().clock, self.moves
        with using(replace(backends(), clock=lambda: plain() + moves)):
            yield

    def settle(self, is_settled: Callable[[], bool]) -> None:
        from moorage.files.fixity import FixityChecks
        from moorage.files.fixity_rounds import asked_for, each, run
        from moorage.storage.fixity import Throttle

        for _ in range(TRIES):
            # As `moorage-server fixity --damaged` does after an alarm.
            run(FixityChecks(self.world.store, backends().clock, Throttle(0)), each(asked_for(only_damaged=True)))
            self.act()
            if is_settled():
                return

    def look(self) -> dict[str, Any]:
        return {
            "rows": sorted(StoredObject.objects.values_list("digest", "state")),
            "files": sorted(path.name for path in self.world.store.objects.rglob("*") if path.is_file()),
            "seen": read_whole(self.project.pk, limit=100),
        }

    def wrong(self) -> list[str]:
        needed = set(FileVersion.objects.values_list("stored_object__digest", flat=True))
        names = {path.name.partition(".")[0] for path in left_anywhere(self.world)}
        wrong = [f"a needed object is gone: {digest}" for digest in needed - names]
        rows = StoredObject.objects.filter(digest__in=needed).exclude(state__in=(ObjectState.LIVE, ObjectState.DAMAGED))
        return wrong + [f"a needed object is {row.state}" for row in rows]
