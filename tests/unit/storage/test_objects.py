"""Placing: what was digested is what is stored, whoever else has the file (design §5)."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from moorage.storage.digests import Digest, Digested, FileChangedError, digest_open_file, stamp_of_open
from moorage.storage.inventory import strangers
from moorage.storage.objects import ObjectMissingError, ObjectStore
from moorage.storage.placing import OtherSizeError, Placed
from moorage.storage.readlease import ReadLease, StillOpenError, read_lease


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ObjectStore]:
    (tmp_path / "objects").mkdir()
    with ObjectStore(tmp_path / "objects") as objects:
        yield objects


@pytest.fixture
def staged(tmp_path: Path) -> Path:
    path = tmp_path / "staged.dat"
    path.write_bytes(b"the bytes")
    return path


DIGEST = Digest(sha256(b"the bytes").hexdigest())


@contextmanager
def opened(path: Path) -> Iterator[tuple[int, ReadLease, os.stat_result, Digested]]:
    """An open file, a lease on it, what it was before it was read, and what the read found."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with read_lease(descriptor) as lease:
            status = os.fstat(descriptor)
            yield descriptor, lease, status, digest_open_file(descriptor, status=status, youngest_seconds=0)
    finally:
        os.close(descriptor)


def place(store: ObjectStore, path: Path, **known: bool) -> Placed:
    with opened(path) as (descriptor, lease, status, found):
        return store.place(descriptor, digest=found.digest, status=status, lease=lease, **known)


def test_a_placed_object_is_the_very_inode_that_was_digested_and_read_only(store: ObjectStore, staged: Path) -> None:
    placed = place(store, staged)

    path = store.path_of(DIGEST)
    assert placed.how == "linked"
    assert path.stat().st_ino == staged.stat().st_ino
    assert path.stat().st_mode & 0o777 == 0o444
    assert placed.stamp.changed_ns == path.stat().st_ctime_ns
    assert placed.staged == placed.stamp


def test_placing_again_uses_what_is_there(store: ObjectStore, staged: Path) -> None:
    place(store, staged)

    again = place(store, staged)

    assert again.how == "reused"
    assert staged.stat().st_nlink == 2


@pytest.mark.parametrize("is_expected", [True, False])
def test_a_second_file_of_the_same_bytes_uses_the_object_whether_it_was_expected_or_not(
    store: ObjectStore, staged: Path, tmp_path: Path, is_expected: bool
) -> None:
    first = place(store, staged)
    second = tmp_path / "second.dat"
    second.write_bytes(b"the bytes")

    placed = place(store, second, is_expected=is_expected)

    assert placed.how == "reused"
    assert placed.stamp == first.stamp
    with second.open("rb") as file:
        assert placed.staged == stamp_of_open(file.fileno())
    assert second.stat().st_nlink == 1


def test_an_object_that_was_expected_and_is_not_there_is_made(store: ObjectStore, staged: Path) -> None:
    assert place(store, staged, is_expected=True).how == "linked"
    assert store.path_of(DIGEST).read_bytes() == b"the bytes"


def test_a_file_that_somebody_has_open_for_writing_is_not_placed(store: ObjectStore, staged: Path) -> None:
    with staged.open("r+b") as writer, pytest.raises(StillOpenError):
        place(store, staged)
    assert not store.path_of(DIGEST).exists()
    assert writer.closed


def test_a_writer_who_comes_between_digest_and_place_is_seen(store: ObjectStore, staged: Path) -> None:
    with opened(staged) as (descriptor, lease, status, found):
        come = f"import os; os.open({str(staged)!r}, os.O_WRONLY)"
        writer = subprocess.Popen([sys.executable, "-c", come])
        while True:
            try:
                lease.check()
            except StillOpenError:
                break
        with pytest.raises(StillOpenError):
            store.place(descriptor, digest=found.digest, status=status, lease=lease)
    assert writer.wait(10) == 0
    assert not store.path_of(DIGEST).exists()


def test_a_file_with_a_second_name_is_copied(store: ObjectStore, staged: Path, tmp_path: Path) -> None:
    os.link(staged, tmp_path / "second name")

    placed = place(store, staged)

    assert placed.how == "copied"
    assert store.path_of(DIGEST).stat().st_ino != staged.stat().st_ino
    with (tmp_path / "second name").open("r+b") as writer:
        writer.write(b"XXX")
    assert store.path_of(DIGEST).read_bytes() == b"the bytes"
    assert store.path_of(DIGEST).stat().st_mode & 0o777 == 0o444


def test_a_file_that_changed_after_its_digest_is_not_placed(store: ObjectStore, staged: Path) -> None:
    with opened(staged) as (_, _, status, found):
        pass
    staged.write_bytes(b"the bytEs")
    descriptor = os.open(staged, os.O_RDONLY)
    # No lease has been held since the digest: only the file's own times can tell.
    no_lease = ReadLease(descriptor, is_held=False)
    with pytest.raises(FileChangedError):
        store.place(descriptor, digest=found.digest, status=status, lease=no_lease)
    os.close(descriptor)
    assert not store.path_of(DIGEST).exists()


def test_who_wants_to_write_while_a_file_is_copied_waits_or_is_seen(
    store: ObjectStore, staged: Path, tmp_path: Path
) -> None:
    os.link(staged, tmp_path / "second name")  # so that it is copied
    with opened(staged) as (descriptor, lease, status, found):
        come = f"open({str(staged)!r}, 'r+b').write(b'XXX')"
        writer = subprocess.Popen([sys.executable, "-c", come])
        while fcntl.fcntl(descriptor, fcntl.F_GETLEASE) == fcntl.F_RDLCK:
            time.sleep(0.01)
        placed = store.place(descriptor, digest=found.digest, status=status, lease=lease)

    assert writer.wait(10) == 0
    assert placed.how == "copied"
    assert staged.read_bytes() == b"XXX bytes"
    assert store.path_of(DIGEST).read_bytes() == b"the bytes"


def test_a_name_that_was_exchanged_after_the_digest_does_not_matter(
    store: ObjectStore, staged: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"of others")
    with opened(staged) as (descriptor, lease, status, found):
        staged.rename(tmp_path / "elsewhere")
        staged.symlink_to(secret)
        # The rename changed the inode's ctime, so that without a lease the digest no longer counts.
        with pytest.raises(FileChangedError):
            store.place(descriptor, digest=found.digest, status=status, lease=ReadLease(descriptor, is_held=False))
        placed = store.place(descriptor, digest=found.digest, status=status, lease=lease)
        assert placed.staged == stamp_of_open(descriptor)
    assert store.path_of(DIGEST).read_bytes() == b"the bytes"


def test_without_a_lease_a_file_is_copied_so_that_who_has_it_open_cannot_change_the_object(
    store: ObjectStore, staged: Path
) -> None:
    descriptor = os.open(staged, os.O_RDONLY)
    no_lease = ReadLease(descriptor, is_held=False)
    status = os.fstat(descriptor)
    found = digest_open_file(descriptor, youngest_seconds=0)
    with staged.open("r+b") as writer:
        placed = store.place(descriptor, digest=found.digest, status=status, lease=no_lease)
        writer.write(b"XXX")
    os.close(descriptor)
    assert placed.how == "copied"
    assert store.path_of(DIGEST).read_bytes() == b"the bytes"


def test_an_object_of_another_size_is_not_taken_for_the_bytes_and_can_be_replaced(
    store: ObjectStore, staged: Path
) -> None:
    damaged = store.path_of(DIGEST)
    damaged.parent.mkdir()
    damaged.write_bytes(b"the by")

    with pytest.raises(OtherSizeError):
        place(store, staged)
    assert place(store, staged, anew=True).how == "linked"
    assert damaged.read_bytes() == b"the bytes"


def test_an_object_is_opened_only_if_it_is_a_plain_file(store: ObjectStore, staged: Path, tmp_path: Path) -> None:
    path = store.path_of(DIGEST)
    with pytest.raises(ObjectMissingError):
        store.open_object(DIGEST)
    path.parent.mkdir()
    path.symlink_to(staged)
    with pytest.raises(ObjectMissingError):
        store.open_object(DIGEST)


def test_the_empty_file_is_an_object_like_any_other(store: ObjectStore, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).touch()
    assert place(store, tmp_path / "one").how == "linked"
    assert place(store, tmp_path / "two").how == "reused"


@dataclass(frozen=True)
class LookedAt(ReadLease):
    """A lease that notes at each look for writers whether the object has its name by then."""

    path: Path
    seen: list[bool]

    def check(self) -> None:
        self.seen.append(self.path.exists())
        super().check()


def test_an_object_gets_its_name_after_the_last_look_for_writers_so_that_nobody_takes_it_away_again(
    store: ObjectStore, staged: Path
) -> None:
    seen: list[bool] = []
    with opened(staged) as (descriptor, lease, status, found):
        watched = LookedAt(lease.descriptor, lease.is_held, store.path_of(DIGEST), seen)
        placed = store.place(descriptor, digest=found.digest, status=status, lease=watched)

    assert placed.how == "linked"
    assert seen
    assert not any(seen)


def test_a_damaged_object_stays_until_good_bytes_take_its_place(store: ObjectStore, staged: Path) -> None:
    damaged = store.path_of(DIGEST)
    damaged.parent.mkdir()
    damaged.write_bytes(b"the bytEs")
    come = f"import os; os.open({str(staged)!r}, os.O_WRONLY)"

    with opened(staged) as (descriptor, lease, status, found):
        writer = subprocess.Popen([sys.executable, "-c", come])
        while fcntl.fcntl(descriptor, fcntl.F_GETLEASE) == fcntl.F_RDLCK:
            time.sleep(0.01)
        with pytest.raises(StillOpenError):
            store.place(descriptor, digest=found.digest, status=status, lease=lease, anew=True)
    writer.wait(10)

    assert damaged.read_bytes() == b"the bytEs"
    staged.chmod(0o644)
    with damaged.open("rb") as reader:
        assert place(store, staged, anew=True).how == "linked"
        assert reader.read() == b"the bytEs"
    assert damaged.read_bytes() == b"the bytes"
    assert sorted(path.name for path in damaged.parent.parent.iterdir()) == [DIGEST[:2]]


@pytest.mark.parametrize("there", [b"the bytEs", b"the by", b""])
def test_an_object_that_only_its_name_vouches_for_is_read_and_replaced_where_it_holds_other_bytes(
    store: ObjectStore, staged: Path, there: bytes
) -> None:
    path = store.path_of(DIGEST)
    path.parent.mkdir()
    path.write_bytes(there)

    assert place(store, staged, is_unproven=True).how == "linked"

    assert path.read_bytes() == b"the bytes"


@pytest.mark.parametrize("known", ["is_unproven", "anew"])
def test_a_folder_that_has_an_objects_name_gives_way_with_all_that_is_in_it(
    store: ObjectStore, staged: Path, known: str
) -> None:
    path = store.path_of(DIGEST)
    (path / "below").mkdir(parents=True)
    (path / "below" / "file").write_bytes(b"somebody's")

    assert place(store, staged, **{known: True}).how == "linked"

    assert path.read_bytes() == b"the bytes"
    [aside] = strangers(path.parent.parent)
    assert (path.parent.parent / aside / "below" / "file").read_bytes() == b"somebody's"


def test_an_object_that_holds_what_its_name_says_is_proven_and_used(store: ObjectStore, staged: Path) -> None:
    path = store.path_of(DIGEST)
    path.parent.mkdir()
    path.write_bytes(b"the bytes")
    inode = path.stat().st_ino

    placed = place(store, staged, is_unproven=True)

    assert (placed.how, placed.stamp.inode) == ("proven", inode)
    assert path.stat().st_mode & 0o777 == 0o444


def test_an_unproven_object_that_somebody_can_write_to_is_replaced(store: ObjectStore, staged: Path) -> None:
    path = store.path_of(DIGEST)
    path.parent.mkdir()
    path.write_bytes(b"the bytes")

    with path.open("r+b") as writer:
        assert place(store, staged, is_unproven=True).how == "linked"
        writer.write(b"XXX")

    assert path.read_bytes() == b"the bytes"


def test_names_that_a_killed_process_left_are_taken_away_and_objects_stay(store: ObjectStore, staged: Path) -> None:
    place(store, staged)
    objects = store.path_of(DIGEST).parent.parent
    (objects / ".new-0123456789abcdef").write_bytes(b"half")

    store.clear_unfinished()
    assert (objects / ".new-0123456789abcdef").exists(), "it may be at work"
    store.clear_unfinished(older_than_seconds=0)

    assert [path.name for path in objects.iterdir()] == [DIGEST[:2]]


def test_a_file_that_has_no_room_for_another_link_is_copied(
    store: ObjectStore, staged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, refused = os.link, list[str]()

    def link(source: str, *names: str, **where: Any) -> None:
        if not refused:
            refused.append(source)
            raise OSError(errno.EMLINK, os.strerror(errno.EMLINK))
        plain(source, *names, **where)

    monkeypatch.setattr(os, "link", link)

    assert place(store, staged).how == "copied"
    assert store.path_of(DIGEST).read_bytes() == b"the bytes"
    assert store.path_of(DIGEST).stat().st_ino != staged.stat().st_ino


def test_a_file_whose_mode_cannot_be_changed_is_copied(
    store: ObjectStore, staged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, immutable = os.fchmod, staged.stat().st_ino

    def fchmod(descriptor: int, mode: int) -> None:
        if os.fstat(descriptor).st_ino == immutable:
            raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))
        plain(descriptor, mode)

    monkeypatch.setattr(os, "fchmod", fchmod)

    assert place(store, staged).how == "copied"
    assert store.path_of(DIGEST).read_bytes() == b"the bytes"
    assert (store.path_of(DIGEST).stat().st_mode & 0o777, staged.stat().st_nlink) == (0o444, 1)


def test_an_object_that_appears_while_a_file_is_copied_is_not_said_to_be_the_copy(
    store: ObjectStore, staged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.link(staged, tmp_path / "another name")  # so that it is copied
    plain = os.link

    def link(source: str, *names: str, **where: Any) -> None:
        # As a power cut leaves it whose import had linked it and not synced it yet.
        store.path_of(DIGEST).write_bytes(b"the wrong")
        plain(source, *names, **where)

    monkeypatch.setattr(os, "link", link)

    assert place(store, staged).how == "reused"
