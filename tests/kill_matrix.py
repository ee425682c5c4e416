"""The kill matrix: an import's process is killed before every act that changes state, one act after another.

    python tests/kill_matrix.py FOLDER PART OF [DATABASE_URL]

Which acts there are is found by instrumentation, on an undisturbed run: every commit, link, unlink, rename, change of
mode, new folder, removed folder and sync of the main thread. A process in which everything is loaded is forked for
each point, kills itself with SIGKILL there, and a second fork looks at what is left, lets a worker end the import, and
looks again. There are two trees: one goes the short way of plain files, and while the other arrived a task failed. Of
all points this process takes every OF-th. Prints one JSON document: how many points there are, how many it has killed
at, and what was wrong at which.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from unittest import mock
from urllib.parse import urlsplit, urlunsplit

import django
import psycopg

BEFORE: Final = {"kept": b"kept", "changes": b"old", "same": b"same", "blocked": b"a file"}
PLAIN: Final = {
    **{f"folder {number % 5}/file {number}": f"content {number % 14}\n".encode() for number in range(20)},
    "changes": b"new bytes",
    "same": b"same",
    "blocked/below": b"has no place",
    "empty file": b"",
    "folder 1/inner/deep": b"deep",
    "empty folder/": b"",
    ".DS_Store": b"left out",
    "Case": b"upper",
    "case": b"lower",
}
SUSPECTED: Final = {
    **{f"folder/file {number}": f"content {number % 3}\n".encode() for number in range(4)},
    "changes": b"new bytes",
    "same": b"same",
    "half": b"trunc",
    "folder/half": b"trunc",
    "delivered": b"delivered",
    "folder/delivered": b"delivered too",
}
# Of the latter: what changed while the task ran, and what another task delivered then.
LATE: Final = ("half", "folder/half", "delivered", "folder/delivered")
DELIVERED: Final = ("delivered", "folder/delivered")
TREES: Final = {"plain": PLAIN, "suspected": SUSPECTED}
ACTS: Final = ("link", "unlink", "rename", "rmdir", "mkdir", "fchmod", "chmod", "fsync", "replace")
LOADED: Final = (
    "moorage.config.urls",
    "moorage.importer.run",
    "moorage.jobs.sweeps.clearing",
    "builders",
    "importing",
    "fakes.globus",
    "suspects",
)


class Inline(Executor):
    """Does batches at once, in the process that is to be killed."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **named: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **named))
        return future


class Killer:
    """Counts acts, and kills this process before one of them."""

    def __init__(self, at: int) -> None:
        self.at, self.acts = at, list[str]()

    def __call__(self, name: str, act: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **named: Any) -> Any:
            if threading.current_thread() is threading.main_thread():
                if len(self.acts) == self.at:
                    os.kill(os.getpid(), signal.SIGKILL)
                self.acts.append(name)
            return act(*args, **named)

        return watched


@contextmanager
def watched_by(killer: Killer) -> Iterator[None]:
    from django.db.backends.base.base import BaseDatabaseWrapper

    from moorage.storage import sync

    patches = [mock.patch.object(os, name, killer(name, getattr(os, name))) for name in ACTS]
    patches.append(mock.patch.object(sync, "sync_file_system", killer("syncfs", sync.sync_file_system)))
    commit = killer("commit", getattr(BaseDatabaseWrapper, "_commit"))  # noqa: B009 - not in its types
    patches.append(mock.patch.object(BaseDatabaseWrapper, "_commit", commit))
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in patches:
            patch.stop()


def prepare(world: Any, arrives: Mapping[str, bytes]) -> None:
    """A project with files, and a sealed upload that adds, changes, repeats, collides and has what is left out."""
    from django.core.management import call_command

    from builders import a_project, publish_files
    from importing import fill

    call_command("migrate", verbosity=0)
    call_command("createcachetable", verbosity=0)
    project = a_project()
    publish_files(project, BEFORE, store=world.store)
    upload, area = world.an_area(project)
    fill(area, arrives)
    (area / "link").symlink_to("kept")
    world.seal(upload)


def let_a_task_fail(world: Any) -> None:
    """While some of the suspected tree arrived; done to each copy, whose files have times of their own."""
    from django.utils import timezone

    from moorage.transfers.models import Upload
    from suspects import a_task_fails

    upload = Upload.objects.get()
    with a_task_fails(upload, delivered=DELIVERED):
        for path in LATE:
            (world.store.sealed / str(upload.pk) / path).chmod(0o644)
    Upload.objects.update(sealed_at=timezone.now())  # what a copy brought had not arrived after the seal


def work(world: Any) -> None:
    """A worker that finds the upload, in whatever state it is, and takes it to its end."""
    from moorage.backends import backends
    from moorage.jobs import imports
    from moorage.jobs.sweeps.clearing import clear_imported
    from moorage.leases import LeaseWatch

    lease = imports.claim_next(LeaseWatch())
    if lease is not None:
        imports.work(lease, executor=world.executor)
    clear_imported(backends().clock())


def look(world: Any) -> dict[str, Any]:
    """All that readers, the member and the operator can see, without ids and times."""
    from importing import contents, folders, staged
    from moorage.files.models import FileVersion, StoredObject
    from moorage.importer.models import ImportProblem, ImportRun
    from moorage.importer.shown.entries import entries_page
    from moorage.transfers.models import Upload

    upload = Upload.objects.select_related("project").get()
    project = upload.project
    seen = {path: content.decode() for path, content in contents(world, project).items()}
    entries = entries_page(upload.pk, limit=1000).items
    versions = FileVersion.objects.filter(project=project, since__lte=project.head)
    return {
        "state": [upload.state, upload.problems, upload.published_revision, project.head],
        "seen": seen,
        "seen before": {path: content.decode() for path, content in contents(world, project, 1).items()},
        "folders": {path: list(totals) for path, totals in folders(project).items()},
        "versions": sorted(map(list, versions.values_list("name", "size_bytes", "since", "until")), key=str),
        "entries": sorted([one.path, one.verdict, one.state, one.reason, one.revision or 0] for one in entries),
        "runs": sorted(map(str, ImportRun.objects.values_list("number", "outcome", "verdicts", "files", "bytes"))),
        "problems": sorted(ImportProblem.objects.values_list("code", flat=True)),
        "objects": sorted(StoredObject.objects.filter(state="live").values_list("digest", flat=True)),
        "left": sorted(staged(world.store.sealed / str(upload.pk))),
        "files in the store": sorted(path.name for path in world.store.objects.rglob("*") if path.is_file()),
    }


def wrong_after_kill(arrives: Mapping[str, bytes], before: dict[str, Any]) -> list[str]:
    """What must never be, however the process died."""
    wrong = []
    expected = {path: content.decode() for path, content in arrives.items() if not path.endswith("/")}
    gone = [path for path in expected if path not in before["left"] and before["seen"].get(path) != expected[path]]
    if gone:
        wrong.append(f"staged bytes are gone: {gone}")
    if before["state"][3] == 1 and set(before["seen"]) != set(BEFORE):
        wrong.append("something is seen that is not published")
    if before["seen before"] != {path: content.decode() for path, content in BEFORE.items()}:
        wrong.append("an old revision has changed")
    return wrong


class Matrix:
    """Where the points' folders and databases are, and the forks that are made."""

    def __init__(self, folder: Path, part: int, of: int, database: str) -> None:
        self.folder, self.part, self.of, self.database = folder, part, of, database

    def run(self) -> dict[str, Any]:
        acts, killed, wrong = list[str](), 0, list[str]()
        for tree, arrives in TREES.items():
            # The points of all trees are dealt out in turn.
            first = (self.part - len(acts)) % self.of
            of_tree, points, found = self.run_tree(tree, arrives, first)
            acts, killed, wrong = acts + of_tree, killed + points, wrong + found
        counts = {act: acts.count(act) for act in sorted(set(acts))}
        return {"points": len(acts), "killed": killed, "acts": counts, "wrong": wrong}

    def run_tree(self, tree: str, arrives: Mapping[str, bytes], first: int) -> tuple[list[str], int, list[str]]:
        """The acts of an undisturbed import of a tree, at how many of them it was killed, and what was wrong."""
        (self.folder / "prepared").mkdir(parents=True)
        if self.database:
            self.tell_server(f"CREATE DATABASE {self.named('prepared')}")
        self.fork("prepared", lambda world: prepare(world, arrives))
        self.copy("prepared", "undisturbed")
        acts = self.fork("undisturbed", lambda world: self.killed(world, tree, -1))
        expected = self.fork("undisturbed", look)
        doubtful = {entry[0] for entry in expected["entries"] if entry[1] == "doubtful"}
        wrong = [] if doubtful == {*LATE} & {*arrives} - {*DELIVERED} else [f"{tree}: doubtful are {doubtful}"]
        points = range(first, len(acts), self.of)
        for point in points:
            name, told = f"point{point}", f"{tree} {point} ({acts[point]})"
            self.copy("prepared", name)
            if self.fork(name, lambda world, at=point: self.killed(world, tree, at)) is not None:  # type: ignore[misc]
                wrong.append(f"{told}: it was not killed there")
            found, after = self.fork(name, lambda world: self.ended(world, arrives))
            wrong += [f"{told}: {one}" for one in found]
            differs = [key for key in expected if after[key] != expected[key]]
            wrong += [f"{told}: {key}: {after[key]} instead of {expected[key]}" for key in differs]
            self.drop(name)
        self.drop("undisturbed")
        self.drop("prepared")
        return acts, len(points), wrong

    @staticmethod
    def killed(world: Any, tree: str, at: int) -> list[str]:
        if tree == "suspected":
            let_a_task_fail(world)
        killer = Killer(at)
        with watched_by(killer):
            work(world)
        return killer.acts

    @staticmethod
    def ended(world: Any, arrives: Mapping[str, bytes]) -> tuple[list[str], dict[str, Any]]:
        wrong = wrong_after_kill(arrives, look(world))
        work(world)
        return wrong, look(world)

    def fork(self, name: str, act: Callable[[Any], Any]) -> Any:
        """What `act` returns in a fork of this process that works on the data of that name; None if it was killed."""
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reader)
            try:
                with os.fdopen(writer, "w") as answer, self.at_work_on(name) as world:
                    json.dump(act(world), answer)
            except BaseException as error:  # the fork ends here, whatever it was
                print(f"{name}: {error!r}", file=sys.stderr)
                os._exit(1)
            os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as answer:
            told = answer.read()
        _, status = os.waitpid(child, 0)
        return json.loads(told) if told and not os.WIFSIGNALED(status) else None

    @contextmanager
    def at_work_on(self, name: str) -> Iterator[Any]:
        from django.db import connections
        from django.utils import timezone

        from fakes.globus import InMemoryTransferService
        from importing import World
        from moorage.backends import Backends, Policies, using
        from moorage.config.settings import database_settings
        from moorage.globus.links import GlobusLinks
        from moorage.storage.layout import StoreLayout

        connections.databases["default"] |= database_settings(self.url(name))
        store = StoreLayout(self.folder / name / "store")
        store.make()
        policies = Policies(
            free_floor_bytes=0, free_floor_percent=0, quiet_time=timedelta(seconds=1), digest_min_age=timedelta(0)
        )
        globus = InMemoryTransferService()
        links = GlobusLinks("https://globus.example")
        outside = Backends(globus=globus, links=links, store=store, clock=timezone.now, policies=policies)
        with using(outside):
            yield World(globus, store, Inline())
        connections.close_all()

    def url(self, name: str) -> str:
        if not self.database:
            return f"sqlite:///{self.folder / name / 'moorage.sqlite3'}"
        return urlunsplit(urlsplit(self.database)._replace(path=f"/{self.named(name)}"))

    def named(self, name: str) -> str:
        return f"kill_{self.part}_{name}"

    def copy(self, source: str, name: str) -> None:
        shutil.copytree(self.folder / source, self.folder / name, symlinks=True)
        if self.database:
            self.tell_server(f"CREATE DATABASE {self.named(name)} TEMPLATE {self.named(source)}")

    def drop(self, name: str) -> None:
        shutil.rmtree(self.folder / name)
        if self.database:
            self.tell_server(f"DROP DATABASE {self.named(name)} WITH (FORCE)")

    def tell_server(self, statement: str) -> None:
        with psycopg.connect(self.database, autocommit=True) as server:
            server.execute(statement)


def main(folder: str, part: str, of: str, database: str = "") -> None:
    os.environ |= {"DJANGO_SETTINGS_MODULE": "moorage.config.settings", "MOORAGE_DATA": folder}
    if database:
        os.environ["MOORAGE_DATABASE"] = database
    django.setup()
    for name in LOADED:
        __import__(name)
    _small_batches()
    logging.disable(logging.INFO)
    matrix = Matrix(Path(folder), int(part), int(of), database)
    print(json.dumps(matrix.run()))


def _small_batches() -> None:
    """So that a small tree has several batches of every kind, and the times of a moment tell."""
    from moorage.files import registering
    from moorage.importer.ledger import job
    from moorage.importer.plan import scan
    from moorage.transfers import doubt
    from small_steps import small_steps

    for module, name, value in (
        (scan, "GROUP_ENTRIES", 8),
        (scan, "GROUP_NAMES", 8),
        *small_steps(files=5, rows=8),
        (job, "PAUSE_SECONDS", 0.0),
        (registering, "PAUSE_SECONDS", 0.0),
        (doubt, "SUSPECTED_AROUND", timedelta(0)),
        (doubt, "CLEARED_AROUND", timedelta(0)),
    ):
        setattr(module, name, value)


if __name__ == "__main__":
    main(*sys.argv[1:])
