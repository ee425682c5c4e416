"""Clearing takes away every imported name that it can, whatever keeps one of them."""

from __future__ import annotations

import errno
import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import timezone

from another_account import without_powers_over_files
from importing import World, staged
from moorage.importer.publish import clear
from moorage.jobs.sweeps.clearing import clear_imported
from moorage.transfers.models import Upload

pytestmark = pytest.mark.django_db(transaction=True)

FILES = {"a/x": b"x", "a/deep/y": b"y", "b/z": b"z", "top": b"top"}


@pytest.fixture(autouse=True)
def as_any_account() -> Iterator[None]:
    with without_powers_over_files():
        yield


def _area(world: World, upload: Upload) -> Path:
    return world.store.sealed / str(upload.pk)


def test_a_folder_that_came_read_only_is_cleared_like_any_other(world: World) -> None:
    upload = world.a_sealed_upload(FILES)
    for folder in ("a/deep", "a"):
        (_area(world, upload) / folder).chmod(0o555)

    assert world.work(upload).is_cleared

    assert not _area(world, upload).exists()


def test_a_file_dated_after_2262_is_cleared_like_any_other(world: World) -> None:
    upload, area = world.an_area()
    (area / "late").write_bytes(b"late")
    far_seconds = 2**63 // 10**9 + 10**9  # more nanoseconds than a database's integer holds
    os.utime(area / "late", (far_seconds, far_seconds))
    if (area / "late").stat().st_mtime_ns < 2**63:
        pytest.skip("the file system holds no such times")
    world.seal(upload)

    assert world.work(upload).is_cleared

    assert not _area(world, upload).exists()


def test_a_read_only_folder_with_a_remnant_stays_readable_for_whom_it_was(world: World) -> None:
    upload = world.a_sealed_upload(FILES)
    folder = _area(world, upload) / "a"
    (folder / "link").symlink_to("x")
    folder.chmod(0o555)

    assert world.work(upload).is_cleared

    assert staged(_area(world, upload)) == {"a/link"}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_what_may_not_be_removed_stays_and_is_said_once(world: World, caplog: pytest.LogCaptureFixture) -> None:
    upload = world.a_sealed_upload(FILES)
    os.chown(_area(world, upload) / "a", 65534, 65534)

    with caplog.at_level(logging.WARNING, logger="moorage.importer.publish.clear"):
        assert world.work(upload).is_cleared
        clear_imported(timezone.now())

    assert staged(_area(world, upload)) == {"a/x"}
    (said,) = [record.getMessage() for record in caplog.records if record.name == "moorage.importer.publish.clear"]
    assert "another account's" in said
    assert said.endswith(": 1, the first is b'a/x'")


def test_immutable_names_stay_with_the_remnants_however_many_and_keep_no_other(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    upload, unlink = world.a_sealed_upload({f"a/{kind} {n}": b"%d" % n for kind in "ab" for n in range(10)}), os.unlink

    def failing(path: str | bytes, *, dir_fd: int | None = None) -> None:
        if isinstance(path, bytes) and path.startswith(b"a "):
            raise PermissionError(errno.EPERM, "Operation not permitted")
        unlink(path, dir_fd=dir_fd)

    monkeypatch.setattr(clear, "MOST_FAILURES", 5)
    monkeypatch.setattr(os, "unlink", failing)

    with caplog.at_level(logging.WARNING, logger="moorage.importer.publish.clear"):
        assert world.work(upload).is_cleared

    assert staged(_area(world, upload)) == {f"a/a {n}" for n in range(10)}
    (said,) = [record.getMessage() for record in caplog.records if record.name == "moorage.importer.publish.clear"]
    assert "immutable: 10, the first is b'a/a " in said


def test_where_the_disk_fails_for_one_the_others_go_and_a_sweep_takes_it_later(
    world: World, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    upload, unlink = world.a_sealed_upload(FILES), os.unlink

    def failing(path: str | bytes, *, dir_fd: int | None = None) -> None:
        if path == b"x":
            raise OSError(errno.EIO, "Input/output error")
        unlink(path, dir_fd=dir_fd)

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", failing)
        assert not world.work(upload).is_cleared
        assert staged(_area(world, upload)) == {"a/x"}
        for _ in range(3):
            clear_imported(timezone.now())

    assert len([record for record in caplog.records if record.name == "moorage.jobs.sweeps.clearing"]) == 1
    clear_imported(timezone.now())
    upload.refresh_from_db()
    assert upload.is_cleared
    assert not _area(world, upload).exists()


def test_a_disk_that_fails_for_everything_is_not_asked_for_every_name(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload, asked, unlink = world.a_sealed_upload({f"{name}": b"%d" % name for name in range(20)}), 0, os.unlink

    def failing(path: str | bytes, *, dir_fd: int | None = None) -> None:
        nonlocal asked
        if not isinstance(path, bytes):
            return unlink(path, dir_fd=dir_fd)
        asked += 1
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(clear, "MOST_FAILURES", 5)
    monkeypatch.setattr(os, "unlink", failing)

    assert not world.work(upload).is_cleared

    assert asked == 5
