"""Every call on the file system may fail while a tree is made or removed: the download is right in the end, or says
why not and can be asked for again; no object is changed, and nothing half is served.

A sample of the faults is played; with MOORAGE_DEEP in the environment, all of them.
"""

from __future__ import annotations

import errno
import os
import random
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
from django.db import connection

from downloading import Harbour, tree_of
from fault_errors import ERRORS, FOR_GOOD, OF_THE_DISK, Fault
from fault_file_system import FaultFileSystem
from kill_matrix import Inline
from moorage.backends import backends
from moorage.files.models import StoredObject
from moorage.jobs import download_work
from moorage.projects.models import Project
from moorage.transfers.downloads.asking import ask_again
from moorage.transfers.downloads.ending import delete_download
from moorage.transfers.downloads.models import DownloadTree
from moorage.transfers.models import Download

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("small_batches")]

FILES: Final = {**{f"raw/{number}.tif": f"counts {number % 3}".encode() for number in range(5)}, "deep/er/one": b"deep"}
SAMPLE: Final = 40
PLAYED: Final = 24  # of a sample: the suite has to end in a quarter of an hour
TURNS: Final = 8
_BARE: Final = re.compile(r"Errno|Error\(|OSError|Traceback|/proc/|unforeseen")


@pytest.fixture
def project(harbour: Harbour, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project, and a worker that does everything in this thread."""
    with connection.cursor() as cursor:
        cursor.execute({"sqlite": "PRAGMA synchronous = OFF"}.get(connection.vendor, "SET synchronous_commit = off"))

    class Pool:
        orders_for_one = 2

    monkeypatch.setattr(download_work, "shared_pool", Pool)
    harbour.executor = Inline()
    return harbour.a_project(FILES, folders=("empty",))


def faults_of(calls: Mapping[tuple[str, str], int], *, lasts: int = 1) -> list[Fault]:
    """Of each error the first call and the last at every site; a sample of them."""
    found = [
        Fault(op, site, nth, number, lasts)
        for (op, site), count in sorted(calls.items())
        for number in ERRORS[op]
        for nth in sorted({1, count})
        if lasts == 1 or (nth == 1 and op in OF_THE_DISK.get(number, ()))
    ]
    if os.environ.get("MOORAGE_DEEP") or len(found) <= SAMPLE:
        return found
    return random.Random(5).sample(found, SAMPLE)[:PLAYED]  # noqa: S311 - the same ones each time


def on(harbour: Harbour, fault: Fault | None) -> FaultFileSystem:
    return FaultFileSystem(harbour.store.root, fault)


def works(harbour: Harbour, faults: FaultFileSystem | None = None) -> None:
    """A worker works until nothing moves any more; nobody waits for the end of a pause."""
    for _ in range(TURNS):
        DownloadTree.objects.update(not_before=None)
        if faults is None:
            if not harbour.work():
                return
            continue
        with faults.armed():
            if not harbour.work():
                return


def objects(harbour: Harbour) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mode) for path in harbour.store.objects.glob("*/*")}


def asked(harbour: Harbour, project: Project) -> Download:
    """A download for which one object must be read."""
    first = StoredObject.objects.order_by("pk")[0].pk
    StoredObject.objects.filter(pk=first).update(verified_at=None)
    return harbour.asked(project)


def cleared(harbour: Harbour) -> None:
    for download in Download.objects.exclude(state="cancelled"):
        delete_download(download=download, actor=download.owner, at=backends().clock())
    works(harbour)
    StoredObject.objects.filter(state="damaged").update(state="live")


def wrong_now(harbour: Harbour, download: Download, whole: Mapping[str, Any]) -> Iterator[str]:
    """What must not be true at any time."""
    for served in harbour.store.collection.iterdir():
        if tree_of(served) != whole:
            yield "what is served is not whole"
    if download.tree.current_state.value == "ready" and not harbour.served(download).exists():
        yield "what is ready is not there"
    for told in (download.reason_text, download.tree.reason_text):
        if _BARE.search(told):
            yield f"a member is told {told!r}"
    if download.state == "failed" and not download.reason_text:
        yield "it failed without a reason"


def test_whatever_is_refused_while_a_tree_is_made_it_is_right_in_the_end(harbour: Harbour, project: Project) -> None:
    before, recording = objects(harbour), on(harbour, None)
    download = asked(harbour, project)
    works(harbour, recording)
    download.refresh_from_db()
    assert download.state == "ready"
    whole = tree_of(harbour.served(download))
    assert {op for op, _ in recording.calls} >= {"link", "mkdir", "create", "rename", "fsync", "syncfs", "fchmod"}

    found: list[str] = []
    for fault in faults_of(recording.calls):
        cleared(harbour)
        download, faults = asked(harbour, project), on(harbour, fault)
        with faults.armed():
            harbour.work()
        download.refresh_from_db()
        wrong = [*wrong_now(harbour, download, whole)] + ([] if faults.failed else ["it was not met"])
        if fault.number in OF_THE_DISK and download.state == "failed":
            wrong.append("a full disk was not waited for")
        works(harbour)
        download.refresh_from_db()
        if download.state == "failed":
            ask_again(download=download, actor=download.owner, at=backends().clock())
            works(harbour)
            download.refresh_from_db()
        if download.state != "ready":
            wrong.append(f"in the end it is {download.state}: {download.reason_text}")
        wrong += wrong_now(harbour, download, whole)
        wrong += ["an object has changed"] if objects(harbour) != before else []
        wrong += ["something is left"] if os.listdir(harbour.store.trees) else []
        found += [f"{fault}: {one}" for one in wrong]
    assert found == []


def test_a_disk_that_stays_full_makes_it_wait_with_the_reason(harbour: Harbour, project: Project) -> None:
    recording = on(harbour, None)
    download = asked(harbour, project)
    works(harbour, recording)
    download.refresh_from_db()
    whole, found = tree_of(harbour.served(download)), list[str]()
    full = [one for one in faults_of(recording.calls, lasts=FOR_GOOD) if one.number in {errno.ENOSPC, errno.EROFS}]
    assert full
    for fault in full:
        cleared(harbour)
        download, faults = asked(harbour, project), on(harbour, fault)
        works(harbour, faults)
        download.refresh_from_db()
        if faults.failed and download.state != "preparing":
            found.append(f"{fault}: it is {download.state} while the disk is full")
        if faults.failed and download.tree.reason != "download.no_room":
            found.append(f"{fault}: the reason is {download.tree.reason!r}")
        found += [f"{fault}: {one}" for one in wrong_now(harbour, download, whole)]
        works(harbour)
        download.refresh_from_db()
        if download.state != "ready" or tree_of(harbour.served(download)) != whole:
            found.append(f"{fault}: it does not go on by itself, and is {download.state}")
    assert found == []


def test_whatever_is_refused_while_a_tree_is_removed_it_goes(harbour: Harbour, project: Project) -> None:
    def a_deleted_one() -> Download:
        download = harbour.ready(project)
        delete_download(download=download, actor=download.owner, at=backends().clock())
        return download

    before, recording = objects(harbour), on(harbour, None)
    a_deleted_one()
    works(harbour, recording)
    found: list[str] = []
    for fault in faults_of(recording.calls):
        download, faults = a_deleted_one(), on(harbour, fault)
        with faults.armed():
            harbour.work()
        found += [] if faults.failed else [f"{fault}: it was not met"]
        works(harbour)
        download.refresh_from_db()
        if download.tree.state != "gone" or [*harbour.store.collection.iterdir(), *harbour.store.trees.iterdir()]:
            found.append(f"{fault}: the tree is {download.tree.state}")
        if objects(harbour) != before or any(path.stat().st_nlink > 1 for path in harbour.store.objects.glob("*/*")):
            found.append(f"{fault}: an object has changed")
    assert found == []
