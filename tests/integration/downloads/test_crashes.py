"""A worker that dies before any act that changes something, and one that goes on: the end is as if nothing had been.

Which acts there are is found by instrumentation, on an undisturbed run.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any, Final
from unittest import mock

import pytest
from django.db import connection
from django.db.backends.base.base import BaseDatabaseWrapper

from downloading import Harbour, tree_of
from importing import Crash
from kill_matrix import Inline
from moorage.backends import backends
from moorage.files.models import StoredObject
from moorage.leases import this_process
from moorage.projects.models import Project
from moorage.storage import sync
from moorage.transfers.downloads import building
from moorage.transfers.downloads.ending import delete_download
from moorage.transfers.downloads.models import DownloadTree
from moorage.transfers.models import AccessGrant, Download, GrantState

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("small_batches")]

POPULAR: Final = b"has as many links as the file system gives"
FILES: Final = {
    **{f"raw/{number}.tif": f"counts {number % 4}".encode() for number in range(7)},
    "raw/deep/er/one": b"deep",
    "copied 1": POPULAR,
    "copied 2": POPULAR,
    "doubtful": b"not read for long",
    "empty file": b"",
}
AS_IN_PREPARING: Final = 35  # from this act on, making a tree anew is what making it was
ACTS: Final = ("link", "unlink", "rename", "rmdir", "mkdir", "fchmod", "chmod", "fsync", "utime")
WRITES: Final = ("INSERT", "UPDATE", "DELETE")


class NoPlug:
    """A C library that puts nothing on disk."""

    @staticmethod
    def syncfs(_: int) -> int:
        return 0


@dataclass
class Killer:
    """Counts the acts of this thread, and ends the worker before one of them: from there on it does nothing."""

    at: int = -1
    acts: list[str] = field(default_factory=list)
    is_dead: bool = False
    thread: int = field(default_factory=threading.get_ident)

    def meets(self, name: str) -> None:
        if threading.get_ident() != self.thread:
            return
        self.is_dead = self.is_dead or len(self.acts) == self.at
        if self.is_dead:
            raise Crash(name)
        self.acts.append(name)

    def before(self, name: str, act: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*args: Any, **named: Any) -> Any:
            self.meets(name)
            return act(*args, **named)

        return watched

    def statement(self, execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        # Within a transaction it is the commit that counts.
        if sql.startswith(WRITES) and not connection.in_atomic_block:
            self.meets("statement")
        return execute(sql, *rest)

    @contextmanager
    def watching(self) -> Iterator[None]:
        owners: list[tuple[object, str]] = [(os, name) for name in ACTS]
        owners += [(sync, "sync_file_system"), (BaseDatabaseWrapper, "_commit"), (building, "_write_lines")]
        patches = [mock.patch.object(one, name, self.before(name, getattr(one, name))) for one, name in owners]
        with connection.execute_wrapper(self.statement):
            for patch in patches:
                patch.start()
            try:
                yield
            finally:
                for patch in patches:
                    patch.stop()


@pytest.fixture
def project(harbour: Harbour, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A project of which one object cannot be linked any more, and a worker that does everything in this thread."""
    link, popular = os.link, sha256(POPULAR).hexdigest()

    def crowded(source: Any, target: Any, **named: Any) -> None:
        if str(source).endswith(popular) and not os.path.lexists(
            f"/proc/self/fd/{named['dst_dir_fd']}/{os.fsdecode(target)}"
        ):
            raise OSError(errno.EMLINK, os.strerror(errno.EMLINK))
        link(source, target, **named)

    monkeypatch.setattr(os, "link", crowded)
    harbour.executor = Inline()
    wait_for_no_disk()
    monkeypatch.setattr(sync, "_libc", NoPlug)
    return harbour.a_project(FILES, folders=("empty/one",))


def wait_for_no_disk() -> None:
    """Nobody pulls the plug here, and the machine's disk may be busy."""
    with connection.cursor() as cursor:
        cursor.execute({"sqlite": "PRAGMA synchronous = OFF"}.get(connection.vendor, "SET synchronous_commit = off"))


def run(harbour: Harbour, killer: Killer) -> None:
    """A worker works until there is nothing to do, or dies and leaves its lease."""
    with killer.watching():
        while harbour.work():
            pass


def dies(harbour: Harbour, at: int) -> None:
    with pytest.raises(Crash):
        run(harbour, Killer(at))
    connection.close()  # with its process; what was not committed is undone
    wait_for_no_disk()
    dead = replace(this_process(), started="0")
    DownloadTree.objects.exclude(held_by="").update(held_by=str(dead))


def asked(harbour: Harbour, project: Project) -> Download:
    doubtful = sha256(FILES["doubtful"]).hexdigest()
    StoredObject.objects.filter(digest=doubtful).update(verified_at=None)
    return harbour.asked(project)


def removed(harbour: Harbour) -> None:
    for download in Download.objects.live():
        delete_download(download=download, actor=download.owner, at=backends().clock())
    while harbour.work():
        pass


def objects(harbour: Harbour) -> dict[str, tuple[bytes, int, int]]:
    """Every object: its bytes, mode and time."""
    found = {}
    for path in harbour.store.objects.glob("*/*"):
        status = path.stat()
        found[path.name] = (path.read_bytes(), status.st_mode, status.st_mtime_ns)
    return found


def look(harbour: Harbour, download: Download) -> dict[str, Any]:
    """All that there is to see of a download and its tree, without ids."""
    download.refresh_from_db()
    served = harbour.served(download)
    seen = tree_of(served)
    inodes = {path.stat().st_ino: path.name for path in harbour.store.objects.glob("*/*")}
    return {
        "state": (download.state, download.tree.state, download.reason, download.tree.files_done),
        "tree": seen,
        "modes": {path: stat.S_IMODE((served / path).stat().st_mode) for path in seen},
        "times": {path: (served / path).stat().st_mtime_ns for path in FILES},
        "objects": {path: inodes.get((served / path).stat().st_ino) for path in FILES},
        "left": (os.listdir(harbour.store.trees), len(os.listdir(harbour.store.collection))),
        "is known": bool(download.tree.fingerprint),
    }


def check_the_middle(harbour: Harbour, expected: dict[str, Any], at: str) -> None:
    """Globus shows nothing that is not complete, and nobody has a rule on what is not READY."""
    for name in harbour.store.collection.iterdir():
        assert tree_of(name) == expected["tree"], f"half a tree is served after a crash before {at}"
    wanted = AccessGrant.objects.filter(desired=GrantState.GRANTED).exclude(tree__state="ready")
    assert not wanted.exists(), f"a rule on what is not ready after a crash before {at}"


def test_a_tree_whose_worker_dies_at_any_point_of_preparing_ends_like_an_undisturbed_one(
    harbour: Harbour, project: Project
) -> None:
    before, undisturbed = objects(harbour), Killer()
    download = asked(harbour, project)
    run(harbour, undisturbed)
    expected = look(harbour, download)
    assert expected["state"] == ("ready", "ready", "", len(FILES))
    assert set(undisturbed.acts) >= {"statement", "_commit", "link", "mkdir", "fsync", "sync_file_system", "rename"}
    assert [path for path, name in expected["objects"].items() if name is None] == ["copied 1", "copied 2"]

    for at, act in enumerate(undisturbed.acts):
        removed(harbour)
        download = asked(harbour, project)
        dies(harbour, at)
        check_the_middle(harbour, expected, f"{at}: {act}")
        while harbour.work():
            pass
        assert look(harbour, download) == expected, f"after a crash before {at}: {act}"
        assert objects(harbour) == before, f"after a crash before {at}: {act}"


def test_a_tree_whose_worker_dies_at_any_point_of_removing_goes(harbour: Harbour, project: Project) -> None:
    before, undisturbed = objects(harbour), Killer()

    def a_deleted_one() -> Download:
        download = harbour.ready(project)
        delete_download(download=download, actor=download.owner, at=backends().clock())
        return download

    a_deleted_one()
    run(harbour, undisturbed)
    assert set(undisturbed.acts) >= {"statement", "unlink", "rmdir", "rename"}
    for at, act in enumerate(undisturbed.acts):
        download = a_deleted_one()
        dies(harbour, at)
        while harbour.work():
            pass
        download.refresh_from_db()
        assert download.tree.state == "gone", f"after a crash before {at}: {act}"
        assert [*harbour.store.trees.iterdir(), *harbour.store.collection.iterdir()] == []
        assert objects(harbour) == before, f"after a crash before {at}: {act}"
        assert {path.stat().st_nlink for path in harbour.store.objects.glob("*/*")} == {1}


def vandalise(harbour: Harbour, download: Download) -> None:
    """Somebody has been at what is served: a file is gone, one is another, one is new, and a list is an object."""
    served = harbour.served(download)
    (served / "raw/0.tif").unlink()
    (served / "raw/1.tif").unlink()
    (served / "raw/1.tif").write_bytes(b"not of ours")
    (served / "raw/planted").write_bytes(b"not of ours")
    (served / "raw/deep/er/one").unlink()
    (served / "raw/deep/er/one").mkdir()
    (served / "manifest.jsonl").unlink()
    (served / "manifest.jsonl").hardlink_to(next(harbour.store.objects.glob("*/*")))


def test_a_touched_tree_whose_worker_dies_at_any_point_of_making_it_anew_is_right_in_the_end(
    harbour: Harbour, project: Project
) -> None:
    before, undisturbed = objects(harbour), Killer()
    expected = look(harbour, harbour.ready(project))

    def a_touched_one() -> Download:
        removed(harbour)
        vandalise(harbour, harbour.ready(project))
        return harbour.asked(project, name="Once more")

    download = a_touched_one()
    run(harbour, undisturbed)
    assert look(harbour, download) == expected
    for at, act in enumerate(undisturbed.acts):
        if at > AS_IN_PREPARING and at % 3 and not os.environ.get("MOORAGE_DEEP"):
            continue
        download = a_touched_one()
        dies(harbour, at)
        while harbour.work():
            pass
        assert look(harbour, download) == expected, f"after a crash before {at}: {act}"
        assert objects(harbour) == before, f"after a crash before {at}: {act}"
        assert list(Download.objects.live().values_list("state", flat=True)) == ["ready"] * 2
