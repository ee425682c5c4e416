"""Several workers at one project: threads and processes with connections of their own, and one that is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

import pytest
from django.db import connection

from builders import NOON, a_project, publish_files, read_whole, register_files
from moorage.files.models import DirectoryVersion, FileVersion, Revision, RevisionKind
from moorage.files.registering import RegisterRight, RevisionCounts, RightLostError, publish
from moorage.files.revisions import ask_revision
from moorage.files.taking import take_right
from moorage.projects.models import Project

pytestmark = pytest.mark.django_db(transaction=True)

InThread = Callable[..., Future[Any]]
TESTS: Final = Path(__file__).parents[2]


def an_import(project: Project) -> Revision:
    return ask_revision(project=project, kind=RevisionKind.IMPORT, by=None, at=NOON)


def test_a_late_batch_is_waited_for_and_cleared(in_thread: InThread) -> None:
    project = a_project()
    publish_files(project, {"a.txt": b"old"})
    before = read_whole(project.pk)
    late = take_right(revision=an_import(project), may_take=lambda _: False)
    assert late is not None
    has_written, may_commit = threading.Event(), threading.Event()

    def write_late() -> None:
        with late.batch():
            FileVersion.objects.filter(project=project).update(until=late.number)
            has_written.set()
            may_commit.wait(10)

    writing = in_thread(write_late)
    assert has_written.wait(10)
    taking = in_thread(lambda: take_right(revision=an_import(project), may_take=lambda _: True))
    time.sleep(0.3)
    assert not taking.done()
    may_commit.set()
    writing.result(20)
    taken = taking.result(20)

    assert taken is not None
    assert not FileVersion.objects.filter(project=project, until__isnull=False).exists()
    assert read_whole(project.pk) == before
    with pytest.raises(RightLostError):
        write_late()


def test_workers_that_rob_each_other_publish_every_revision_whole_and_once(in_thread: InThread) -> None:
    project = a_project()
    robberies = threading.Semaphore(12)
    losses: list[str] = []

    def work(name: str) -> list[int]:
        return [until_published(an_import(project), f"{name}{turn}") for turn in range(4)]

    def until_published(revision: Revision, name: str) -> int:
        files = {f"{name}/{number}.txt": b"x" * number for number in range(1, 6)}
        while True:
            try:
                right = take_right(revision=revision, may_take=lambda _: robberies.acquire(blocking=False))
                if right is not None:
                    register_files(right, files)
                    return publish(right, at=NOON, counts=RevisionCounts(files_added=5, bytes_added=15))
            except RightLostError:
                losses.append(name)
            time.sleep(0.02)

    working = [in_thread(work, name) for name in ("ada", "bob", "cem")]
    numbers = sorted(number for done in working for number in done.result(120))

    project.refresh_from_db()
    assert losses
    assert numbers == list(range(1, 13))
    assert project.head == 12
    for number in range(13):
        whole = read_whole(project.pk, number, limit=100)
        assert whole[""] == (5 * number, 15 * number)
        assert sum(isinstance(value, str) for value in whole.values()) == 5 * number


def test_readers_see_whole_revisions_only_while_others_write(in_thread: InThread) -> None:
    project = a_project()
    names = [f"{folder}/{number}.txt" for folder in ("a", "b/c") for number in range(4)]
    publish_files(project, dict.fromkeys(names, b"0"))
    is_over = threading.Event()

    def read() -> int:
        readings = 0
        while not is_over.is_set() or not readings:
            whole = read_whole(project.pk)
            assert len({value for value in whole.values() if isinstance(value, str)}) == 1, whole
            assert (whole["a"], whole["b"]) == (whole["b/c"], whole["a"])
            readings += 1
        return readings

    reading = [in_thread(read) for _ in range(2)]
    try:
        for generation in range(1, 9):
            publish_files(
                Project.objects.get(pk=project.pk), dict.fromkeys(names, bytes([48 + generation]) * generation)
            )
    finally:
        is_over.set()

    assert all(done.result(60) > 1 for done in reading)


REGISTER_FOR_EVER: Final = """
import sys
from uuid import UUID
import django
django.setup()
from builders import register_files
from moorage.files.models import Revision
from moorage.files.taking import take_right
right = take_right(revision=Revision.objects.get(pk=UUID(sys.argv[1])), may_take=lambda _: False)
print("begun", flush=True)
number = 0
while True:
    number += 1
    half = {f"half/{number}.txt": b"half"}
    register_files(right, half if number > 1 else half | {"a.txt": b"half"})
"""


def test_what_a_killed_worker_wrote_is_never_seen_and_cleared_by_the_next() -> None:
    project = a_project()
    publish_files(project, {"a.txt": b"old", "b/c.txt": b"c"})
    before = read_whole(project.pk)
    killed = an_import(project)
    worker = a_worker(REGISTER_FOR_EVER, killed.pk)
    try:
        assert worker.stdout is not None
        assert worker.stdout.readline() == b"begun\n"
        while FileVersion.objects.filter(project=project, since=2).count() < 20:
            assert worker.poll() is None
            time.sleep(0.02)
        assert read_whole(project.pk) == before
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    assert read_whole(project.pk) == before

    right = take_right(revision=killed, may_take=lambda _: False)

    assert isinstance(right, RegisterRight)
    assert not FileVersion.objects.filter(project=project, since__gt=1).exists()
    assert not DirectoryVersion.objects.filter(project=project, since__gt=1).exists()
    register_files(right, {"a.txt": b"new"})
    publish(right, at=NOON, counts=RevisionCounts(files_changed=1))
    assert read_whole(project.pk)[""] == (2, 4)
    assert read_whole(project.pk, 1) == before


def a_worker(program: str, *arguments: UUID) -> subprocess.Popen[bytes]:
    """A process of its own on the database of this test."""
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "moorage.config.settings",
        "MOORAGE_DATABASE": the_database(),
        "PYTHONPATH": os.pathsep.join([str(TESTS), *sys.path]),
    }
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, arguments)], env=environment, stdout=subprocess.PIPE
    )


def the_database() -> str:
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{quote(str(database['NAME']))}"
    account = f"{quote(database['USER'])}:{quote(database['PASSWORD'])}"
    return f"postgresql://{account}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
