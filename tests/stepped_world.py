"""A project, its uploads and its workers, driven step by step: the real side of the state machine test.

Workers are `stepwise.Process`es that stop at every seam of the engine. Time is the test's: the wall clock (`clock`),
and the monotonic one by which watchers judge leases (`monotonic`).
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from unittest import mock
from uuid import UUID

import pytest
from django.apps import apps
from django.db import transaction
from django.utils import timezone

from builders import a_globus_member, a_project, read_whole
from fakes.globus import InMemoryTransferService
from importing import World
from kill_matrix import Inline
from moorage.backends import Backends, Policies, using
from moorage.files import change_effects, collecting, registering, subtrees, taking, undo_plan
from moorage.files.collecting import DoomWatch
from moorage.files.content import Blocks, open_content
from moorage.files.models import Directory, DirectoryVersion, FileVersion, Revision, StoredObject
from moorage.files.paths import join_path
from moorage.files.standing import standing_at
from moorage.files.taking import take_right
from moorage.globus.links import GlobusLinks
from moorage.importer.ledger import job
from moorage.importer.models import ImportProblem, ImportRun, ManifestEntry
from moorage.importer.plan import again, scan, still_to_place
from moorage.importer.publish import problems
from moorage.jobs import imports, revisions
from moorage.jobs.setbacks import Setbacks
from moorage.leases import TAKE_AFTER_SECONDS, Lease, LeaseWatch
from moorage.projects.models import Project
from moorage.storage import walk
from moorage.storage.layout import StoreLayout
from moorage.transfers import doubt
from moorage.transfers.models import Upload
from small_steps import small_steps
from stepwise import Process, here
from storekeeping import MovedClock
from upload_model import Tree

Thing = TypeVar("Thing")

WAITS = "waits"
POLICIES = Policies(
    free_floor_bytes=0, free_floor_percent=0, quiet_time=timedelta(seconds=1), digest_min_age=timedelta(0)
)


@dataclass(eq=False)
class Worker:
    """A process that has taken an import, or another revision, and how it was told to stop."""

    process: Process
    lease: Lease
    upload_id: UUID | None = None

    @property
    def is_late(self) -> bool:
        """Whether another has taken its work over, or its work has ended without it."""
        return not self.lease.rows().exists()


@dataclass
class SteppedWorld:
    """Everything of one example; nothing of it is left when it is closed."""

    folder: Path
    clock: MovedClock = field(default_factory=lambda: MovedClock(timezone.now()))
    doomed: DoomWatch = field(default_factory=DoomWatch)
    setbacks: Setbacks = field(default_factory=Setbacks)
    workers: list[Worker] = field(default_factory=list)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        self._stack = ExitStack()
        store = StoreLayout(self.folder)
        store.make()
        globus = InMemoryTransferService()
        links = GlobusLinks("https://globus.example")
        outside = Backends(globus=globus, links=links, store=store, clock=self.clock, policies=POLICIES)
        self._stack.enter_context(using(outside))
        # A process that stands still between two steps beats no more.
        for module in (imports, revisions):
            self._stack.enter_context(mock.patch.object(module, "LeaseWatch", self.new_watch))
            self._stack.enter_context(mock.patch.object(module, "kept", return_value=nullcontext()))
        self._stack.enter_context(mock.patch.object(imports, "job_of", partial(_stepped_job, imports.job_of)))
        asks = partial(_asks_for_right, take_right)
        self._stack.enter_context(mock.patch.object(revisions, "take_right", asks))
        self._stack.enter_context(mock.patch.object(revisions, "ASK_AGAIN_SECONDS", 0))
        self.world = World(globus, store, Inline())
        self.watch = self.new_watch()
        self.project = a_project(a_globus_member(globus))

    def close(self) -> None:
        for worker in self.workers:
            if not worker.process.is_over:
                worker.process.kill()
        self._stack.close()
        shutil.rmtree(self.folder)
        with transaction.atomic():
            for model in apps.get_models():
                if model.__module__.startswith("moorage.") and model._meta.managed:
                    model._base_manager.all()._raw_delete("default")

    def new_watch(self) -> LeaseWatch:
        return LeaseWatch(monotonic=lambda: self.seconds)

    def leases_run_out(self) -> None:
        """So long that whoever has seen a beat, and sees the same again, takes over."""
        self.seconds += TAKE_AFTER_SECONDS + 1

    # Workers

    def takes_import(self, upload_id: UUID) -> Worker | None:
        """A worker that looks for this upload, and is about to import it if it gets it."""
        lease = imports.claim_next(self.watch, is_wanted=lambda upload: upload.pk == upload_id)
        if lease is None:
            return None
        work = partial(imports.work, lease, executor=self.world.executor)
        return self._begins(Worker(Process(f"import {lease.fence}", work), lease, upload_id))

    def takes_revision(self) -> Worker | None:
        """A worker that looks for an undo, a remove, a move or a restore."""
        lease = revisions.claim_next(self.watch, self.setbacks)
        if lease is None:
            return None
        process: Process

        def work() -> None:
            revisions.work(lease, self.setbacks, between=lambda: process.meet("between"))

        process = Process(f"revision {lease.fence}", work)
        return self._begins(Worker(process, lease))

    def _begins(self, worker: Worker) -> Worker:
        self.workers.append(worker)
        return worker

    def alive(self) -> list[Worker]:
        return [worker for worker in self.workers if not worker.process.is_over]

    def does(self, act: Callable[[], object], *, dies_before: int | None = None) -> None:
        """Something that is done in one go, by a process that may die in the middle."""
        process = Process("sweep", act)
        process.go_on(dies_before=dies_before)
        assert process.is_over

    # What can be seen

    def sees(self, revision: int, tree: Tree) -> None:
        """A reader of this revision sees this tree: names, totals and bytes."""
        whole = read_whole(self.project.pk, revision, limit=100)
        assert {path: one for path, one in whole.items() if not isinstance(one, str)} == tree.totals()
        versions = FileVersion.objects.at(revision).filter(project=self.project).select_related("stored_object")
        read = {version.stored_object.digest: self._bytes_of(version) for version in versions}
        assert {path: read[one] for path, one in whole.items() if isinstance(one, str)} == tree.contents()

    def rows_show(self, revisions: list[Tree]) -> None:
        """The rows of every revision that is published are what its tree says, and the store has their bytes.

        What the rows above the head are is nobody's business. In three queries, so that it can be asked often.
        """
        paths = _folder_paths(Directory.objects.filter(project=self.project.pk).values_list("pk", "parent_id", "name"))
        folders = DirectoryVersion.objects.filter(project=self.project.pk).values_list(
            "directory_id", "file_count", "total_bytes", "since", "until"
        )
        files = FileVersion.objects.filter(project=self.project.pk).values_list(
            "directory_id", "name", "stored_object__digest", "since", "until"
        )
        shown_folders = [((paths[pk], (count, size)), since, until) for pk, count, size, since, until in folders]
        shown_files = [((join_path(paths[pk], name), digest), since, until) for pk, name, digest, since, until in files]
        read = {
            digest: file.read_bytes() if (file := self.world.store.objects / digest[:2] / digest).exists() else None
            for (_, digest), since, _ in shown_files
            if since < len(revisions)
        }
        for number, tree in enumerate(revisions):
            assert _at(number, shown_folders) == {path: total for path, total in tree.totals().items() if number}
            assert {path: read[digest] for path, digest in _at(number, shown_files).items()} == tree.contents()

    def stands(self, revision: int, tree: Tree, paths: set[str]) -> None:
        """What changes go by agrees with what readers see."""
        standing = standing_at(self.project.pk, paths, view=revision)
        kinds = {path: one.kind for path, one in standing.items() if path}
        assert kinds == {
            path: "file" if path in tree.files else "folder" for path in paths if path and tree.holds(path)
        }

    def _bytes_of(self, version: FileVersion) -> bytes:
        content = open_content(version, store=self.world.store)
        return b"".join(Blocks(content, 0, content.size_bytes))

    def unforeseen(self) -> int:
        """How often a worker has met a bug, or trouble with the database, and put its work off."""
        trouble = ImportRun.objects.exclude(tries=0, not_before=None).count()
        return trouble + sum(self.setbacks.rests(pk) for pk in Revision.objects.values_list("pk", flat=True))

    def head(self) -> int:
        return Project.objects.values_list("head", flat=True).get(pk=self.project.pk)

    def rows(self) -> list[Any]:
        """Every row that a worker writes: the same before and after a step that was too late."""
        tables = (Upload, Revision, Project, FileVersion, ImportRun, ImportProblem, ManifestEntry, StoredObject)
        return [list(model._default_manager.order_by("pk").values()) for model in tables]

    def staged_files(self, upload: Upload) -> set[tuple[str, bytes]]:
        """Paths and bytes of everything that still lies in an upload's area, wherever that is, or in the trash."""
        return {
            (str(path.relative_to(area)), path.read_bytes())
            for area in self._areas(upload)
            for path in area.rglob("*")
            if path.is_file()
        }

    def _areas(self, upload: Upload) -> Iterator[Path]:
        store = self.world.store
        yield store.collection / upload.area_name
        yield store.sealed / str(upload.pk)
        for name in (upload.area_name, str(upload.pk)):
            yield from store.trash.glob(f"*.{name}")


def _stepped_job(job_of: Callable[..., Any], *args: Any, **named: Any) -> Any:
    """A job that stops at every seam, and wherever it waits."""
    job, process = job_of(*args, **named), here()
    assert process is not None
    job.seam = process.meet

    def sleep(_: float) -> None:
        process.meet(WAITS)
        job.note()

    job.sleep = sleep
    return job


def _folder_paths(rows: Iterable[tuple[int, int | None, str]]) -> dict[int, str]:
    """Paths of folders by their ids; a folder is made after the one that holds it."""
    paths: dict[int, str] = {}
    for pk, parent, name in sorted(rows):
        paths[pk] = "" if parent is None else join_path(paths[parent], name)
    return paths


def _at(number: int, rows: Iterable[tuple[tuple[str, Thing], int, int | None]]) -> dict[str, Thing]:
    """What is visible at a revision (design §4), by path; nothing is twice."""
    seen = [shown for shown, since, until in rows if since <= number and (until is None or until > number)]
    assert len(dict(seen)) == len(seen)
    return dict(seen)


def _asks_for_right(take_right: Callable[..., Any], **named: Any) -> Any:
    """What a worker of a change gets; it stops where it has to wait."""
    right, process = take_right(**named), here()
    if right is None and process is not None:
        process.meet(WAITS)
    return right


def make_batches_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a handful of files has several batches of every kind; nothing pauses, and every step reports."""
    for module, name, value in (
        *((module, "PAUSE_SECONDS", 0.0) for module in (job, registering, collecting)),
        *small_steps(files=2, rows=3),
        *((module, "GROUP_ENTRIES", 3) for module in (scan, still_to_place)),
        (walk, "PART_ENTRIES", 3),
        (again, "ROWS_PER_BATCH", 2),
        (problems, "ROWS_PER_BATCH", 3),
        (job, "REPORT_SECONDS", 0.0),
        (taking, "CLEAR_ROWS", 2),
        (undo_plan, "CHUNK_ROWS", 2),
        (change_effects, "BATCH_ROWS", 2),
        (subtrees, "FILES_PER_PIECE", 2),
        (subtrees, "FOLDERS_PER_PIECE", 2),
        # Files arrive within moments of each other.
        (doubt, "SUSPECTED_AROUND", timedelta(0)),
        (doubt, "CLEARED_AROUND", timedelta(0)),
    ):
        monkeypatch.setattr(module, name, value)
